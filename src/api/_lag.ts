// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ApiDeps } from './deps.ts'

const READ_COUNT = 500
const GRAIN = 100 // samples closer than so many events are merged, which bounds how many there are

/**
 * How many events lie behind a place in the journal, at least. Ids are not dense, so they cannot tell; the counters of
 * the store can, since the first sample was taken.
 */
export class LagMeter {
  readonly #store: ApiDeps['store']
  readonly #reach: number
  #samples: { position: number; count: number }[] = []

  /** `reach`: the largest lag that callers tell apart. */
  constructor(store: ApiDeps['store'], reach: number) {
    this.#store = store
    this.#reach = reach
  }

  /** Call it whenever the store advances. */
  sample(): void {
    const { durableCount, repeatCount } = this.#store.status()
    const now = { position: this.#store.position(), count: durableCount - repeatCount }
    const before = this.#samples.at(-2)
    if (before !== undefined && now.count - before.count < GRAIN) this.#samples.pop()
    this.#samples.push(now)
    while (this.#samples.length > 1 && now.count - this.#samples[1]!.count > this.#reach) this.#samples.shift()
  }

  /** Forgets all, for a time in which nobody samples. */
  reset(): void {
    this.#samples = []
  }

  /** A lower bound, in no time. */
  countBehind(position: number): number {
    const from = this.#samples.find((sample) => sample.position >= position)
    return from === undefined ? 0 : this.#samples.at(-1)!.count - from.count
  }

  /** Exact up to `reach`, for a place from before the first sample; reads at most so many events. */
  async isBeyondReach(position: number): Promise<boolean> {
    if (this.countBehind(position) > this.#reach) return true
    let count = 0
    for (let after = position; count <= this.#reach; ) {
      const batch = await this.#store.read(after, READ_COUNT)
      count += batch.events.length
      if (batch.atEnd || batch.position <= after) break
      after = batch.position
    }
    return count > this.#reach
  }
}
