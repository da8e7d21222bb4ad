// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hourOf } from './retention.ts'

const WHOLE_PER_SOURCE_HOUR = 4
const WHOLE_PER_HOUR = 20_000
const WHOLE_SIZE_PER_HOUR = 16_777_216 // bytes; 20,000 of the largest datagrams would fill the disk in two hours

/**
 * Which messages are still kept whole once the disk quota is reached: the first few of each source in each hour, and
 * so many in all. Sources that cannot be forged have a budget of their own, which a flood of forged ones cannot use up.
 */
export class RawSampler {
  #hour = -1
  #forgeable = new Budget()
  #validated = new Budget()

  /** `sourceIp` is asked only while there is something left to give. */
  keeps(at: number, isForgeable: boolean, size: number, sourceIp: () => string): boolean {
    const hour = hourOf(at)
    if (hour !== this.#hour) {
      this.#hour = hour
      this.#forgeable = new Budget()
      this.#validated = new Budget()
    }
    return (isForgeable ? this.#forgeable : this.#validated).take(size, sourceIp)
  }
}

class Budget {
  readonly #perSource = new Map<string, number>() // grows with what is kept whole, so it is bounded as that is
  #count = 0
  #size = 0

  take(size: number, sourceIp: () => string): boolean {
    if (this.#count >= WHOLE_PER_HOUR || this.#size + size > WHOLE_SIZE_PER_HOUR) return false
    const ip = sourceIp()
    const count = this.#perSource.get(ip) ?? 0
    if (count >= WHOLE_PER_SOURCE_HOUR) return false
    this.#perSource.set(ip, count + 1)
    this.#count++
    this.#size += size
    return true
  }
}
