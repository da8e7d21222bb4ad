// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type IndicatorTable, NONE } from './_indicator-table.ts'

const CURSOR = /^([0-9a-f]{1,32})\.(\d{1,16})\.(\d{1,16})\.(\d{1,16})$/

/**
 * A walk through the entries that a table held when the walk began, though they change meanwhile.
 *
 * First come those that have not changed since, newest first. One that changes moves to the front of the table, behind
 * the walk's back; so at the end come all that have changed, in the order of their slots, which no change moves. Hence
 * nobody is left out, and the walk ends. Who changes after it was listed comes again there; a walk told `once` remembers
 * whom it listed (a bit a slot) and lists nobody twice. Whoever came or came back since the beginning is not listed.
 */
export class Listing {
  readonly #table: IndicatorTable
  readonly #start: number // the touch at which it began
  readonly #listed: Uint8Array | null
  #touch: number // entries with this touch or a newer one are done; 0: all in their old place are
  #slot: number // of the entry with that touch; with touch 0 the next one to look at
  #atEnd = false
  lookedCount = 0

  private constructor(table: IndicatorTable, place: { start: number; touch: number; slot: number }, once: boolean) {
    this.#table = table
    this.#start = place.start
    this.#touch = place.touch
    this.#slot = place.slot
    this.#listed = once ? new Uint8Array((table.slotCount >> 3) + 1) : null
  }

  static begin(table: IndicatorTable, { once = false } = {}): Listing {
    return new Listing(table, { start: table.touch, touch: table.touch + 1, slot: table.slotCount }, once)
  }

  /** Goes on where a listing stood; RangeError when it was not one of this table. */
  static resume(table: IndicatorTable, cursor: string): Listing {
    const match = CURSOR.exec(cursor)
    if (match === null || match[1] !== table.nonce) {
      throw new RangeError(`Cannot go on with the list: "${cursor}" is not the "next" of a page of it since the start`)
    }
    return new Listing(table, { start: Number(match[2]), touch: Number(match[3]), slot: Number(match[4]) }, false)
  }

  get atEnd(): boolean {
    return this.#atEnd
  }

  get cursor(): string {
    return `${this.#table.nonce}.${this.#start}.${this.#touch}.${this.#slot}`
  }

  /** The slot of the next row that matches; NONE at the end, or once it has looked at so many. */
  next(matches: (slot: number) => boolean, lookMax = Number.POSITIVE_INFINITY): number {
    while (!this.#atEnd && this.lookedCount < lookMax) {
      this.lookedCount++
      const slot = this.#touch > 0 ? this.#nextUnchanged() : this.#nextChanged()
      if (slot === NONE || !matches(slot)) continue
      if (this.#listed !== null) this.#listed[slot >> 3]! |= 1 << (slot & 7)
      return slot
    }
    return NONE
  }

  #nextUnchanged(): number {
    const isThere = this.#table.touchAt(this.#slot) === this.#touch
    const slot = isThere ? this.#table.older(this.#slot) : this.#table.newestBelow(this.#touch)
    this.#touch = slot === NONE ? 0 : this.#table.touchAt(slot)
    this.#slot = slot === NONE ? 0 : slot
    return slot
  }

  #nextChanged(): number {
    this.#atEnd = this.#slot >= this.#table.slotCount || this.#table.touch === this.#start
    if (this.#atEnd) return NONE
    const slot = this.#slot++
    if (this.#listed !== null && (this.#listed[slot >> 3]! & (1 << (slot & 7))) !== 0) return NONE
    const isChanged = this.#table.touchAt(slot) > this.#start && this.#table.rows.madeAt(slot) <= this.#start
    return isChanged ? slot : NONE
  }
}
