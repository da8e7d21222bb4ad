// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DeltaBatch } from './delta-batch.ts'

const NONE = -1

/** What events add to some things, one row each, in columns; linked from the row changed longest ago to the last one. */
export class Sums {
  readonly #counts: Uint32Array
  readonly #repeatCounts: Uint32Array
  readonly #firstAt: Float64Array
  readonly #lastAt: Float64Array
  readonly #validations: Uint8Array
  readonly #tagMasks: Uint32Array
  readonly #newer: Int32Array
  readonly #older: Int32Array
  #oldest = NONE
  #newest = NONE
  rowCount = 0

  constructor(rowsMax: number) {
    this.#counts = new Uint32Array(rowsMax)
    this.#repeatCounts = new Uint32Array(rowsMax)
    this.#firstAt = new Float64Array(rowsMax)
    this.#lastAt = new Float64Array(rowsMax)
    this.#validations = new Uint8Array(rowsMax)
    this.#tagMasks = new Uint32Array(rowsMax)
    this.#newer = new Int32Array(rowsMax)
    this.#older = new Int32Array(rowsMax)
  }

  /** A row of nothing yet. */
  make(at: number): number {
    const row = this.rowCount++
    this.#counts[row] = 0
    this.#repeatCounts[row] = 0
    this.#firstAt[row] = at
    this.#lastAt[row] = at
    this.#validations[row] = 0
    this.#tagMasks[row] = 0
    this.#putLast(row)
    return row
  }

  addEvent(row: number, at: number, validation: number, tagMask: number): void {
    this.#counts[row]!++
    if (at < this.#firstAt[row]!) this.#firstAt[row] = at
    if (at > this.#lastAt[row]!) this.#lastAt[row] = at
    if (validation > this.#validations[row]!) this.#validations[row] = validation
    this.#tagMasks[row]! |= tagMask
    this.#move(row)
  }

  /** A retransmission of the event of that time. */
  addRepeat(row: number, at: number): void {
    this.#repeatCounts[row]!++
    if (at < this.#firstAt[row]!) this.#firstAt[row] = at
    if (at > this.#lastAt[row]!) this.#lastAt[row] = at
    this.#move(row)
  }

  /** Writes all rows, the one changed longest ago first; `write` is told which row went where. */
  writeTo(batch: DeltaBatch, from: number, write: (row: number, to: number) => void): void {
    let to = from
    for (let row = this.#oldest; row !== NONE; row = this.#newer[row]!, to++) {
      batch.counts[to] = this.#counts[row]!
      batch.repeatCounts[to] = this.#repeatCounts[row]!
      batch.firstAt[to] = this.#firstAt[row]!
      batch.lastAt[to] = this.#lastAt[row]!
      batch.validations[to] = this.#validations[row]!
      batch.tagMasks[to] = this.#tagMasks[row]!
      write(row, to)
    }
  }

  clear(): void {
    this.rowCount = 0
    this.#oldest = NONE
    this.#newest = NONE
  }

  #move(row: number): void {
    if (row === this.#newest) return
    const newer = this.#newer[row]!
    const older = this.#older[row]!
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
    this.#older[newer] = older
    this.#putLast(row)
  }

  #putLast(row: number): void {
    this.#older[row] = this.#newest
    this.#newer[row] = NONE
    if (this.#newest === NONE) this.#oldest = row
    else this.#newer[this.#newest] = row
    this.#newest = row
  }
}
