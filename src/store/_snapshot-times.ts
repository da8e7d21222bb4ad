// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DeltaSender } from './_delta-sender.ts'

const SNAPSHOT_MIN_MS = 60_000 // between two snapshots of a flood
const SNAPSHOT_RECORD_COUNT = 4_000_000 // durable since the last snapshot, so that a flood makes them sooner
const HOLD_MS = 300 // how long what is added to indicators may wait for the disk, before a snapshot

/**
 * When it is time for a snapshot of the indicators: only when a commit ends and the main thread knows of no record
 * behind it. So where one is due, news wait while the disk does; when they cannot, the next commit is as good.
 */
export class SnapshotTimes {
  readonly #deltas: DeltaSender
  readonly #snapshotMs: number
  #last = { at: performance.now(), durableCount: 0 }
  #sentCount = 0 // when the commit began

  constructor(deltas: DeltaSender, snapshotMs: number) {
    this.#deltas = deltas
    this.#snapshotMs = snapshotMs
  }

  /** A commit begins; all that was taken is sent. */
  begin(durableCount: number): void {
    this.#sentCount = this.#deltas.sentCount
    if (this.#isDue(durableCount)) this.#deltas.hold(HOLD_MS)
  }

  /** That commit has ended: whether now is the time. What waits is to be released after it was told. */
  take(durableCount: number): boolean {
    if (!this.#isDue(durableCount) || this.#deltas.sentCount !== this.#sentCount) return false
    this.#last = { at: performance.now(), durableCount }
    return true
  }

  #isDue(durableCount: number): boolean {
    const ageMs = performance.now() - this.#last.at
    const addedCount = durableCount - this.#last.durableCount
    return ageMs >= this.#snapshotMs || (ageMs >= SNAPSHOT_MIN_MS && addedCount >= SNAPSHOT_RECORD_COUNT)
  }
}
