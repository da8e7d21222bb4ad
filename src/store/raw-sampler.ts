// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { StoredObservation } from './record.ts'
import { hourOf } from './retention.ts'

const SOURCES_MAX = 65_536
const WHOLE_PER_SOURCE_HOUR = 4

/** Which messages are still kept whole once the disk quota is reached: the first few of each source in each hour. */
export class RawSampler {
  #hour = -1
  readonly #kept = new Map<string, number>()

  keeps({ at, source }: StoredObservation): boolean {
    if (hourOf(at) !== this.#hour || this.#kept.size >= SOURCES_MAX) {
      this.#hour = hourOf(at)
      this.#kept.clear()
    }
    const count = this.#kept.get(source.ip) ?? 0
    if (count >= WHOLE_PER_SOURCE_HOUR) return false
    this.#kept.set(source.ip, count + 1)
    return true
  }
}
