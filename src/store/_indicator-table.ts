// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import { bytesOf, grown } from './_columns.ts'
import { IndicatorRows } from './_indicator-rows.ts'

export const NONE = -1

const EVICTION_LOOK_COUNT = 64
const LINKS_MIN = 1024

/**
 * All indicators of one kind: rows, and a list from the most to the least recently changed through them. A row is told
 * by its slot, its place for as long as it lives, which a later one takes again. How it is found is not known here.
 */
export class IndicatorTable {
  readonly nonce = randomBytes(6).toString('hex') // a cursor of another process or table means nothing here
  readonly rows = new IndicatorRows()
  readonly #isCheap: (slot: number) => boolean
  #links = new Int32Array(2 * LINKS_MIN) // the newer and the older of each slot; of a free one the next free one
  #free = NONE
  #newest = NONE
  #oldest = NONE
  #kept = NONE // it and all older ones were found worth keeping when room was looked for
  #touch = 0
  #slotCount = 0
  #size = 0

  /** `isCheap` tells whether one packet is all there was to a row. */
  constructor(isCheap: (slot: number) => boolean) {
    this.#isCheap = isCheap
  }

  get size(): number {
    return this.#size
  }

  get touch(): number {
    return this.#touch
  }

  get slotCount(): number {
    return this.#slotCount
  }

  get newest(): number {
    return this.#newest
  }

  get oldest(): number {
    return this.#oldest
  }

  newer(slot: number): number {
    return this.#links[2 * slot]!
  }

  older(slot: number): number {
    return this.#links[2 * slot + 1]!
  }

  /** The touch of the row in that slot; 0 when none lives there. */
  touchAt(slot: number): number {
    return slot >= 0 && slot < this.#slotCount ? this.rows.touch(slot) : 0
  }

  /** The newest of those that were last changed before that touch. */
  newestBelow(touch: number): number {
    let slot = this.#newest
    while (slot !== NONE && this.rows.touch(slot) >= touch) slot = this.older(slot)
    return slot
  }

  make(at: number): number {
    const slot = this.#takeSlot()
    this.rows.clear(slot, at, ++this.#touch)
    this.#putFirst(slot)
    this.#size++
    return slot
  }

  move(slot: number): void {
    if (slot !== this.#newest) {
      this.#unlink(slot)
      this.#putFirst(slot)
    }
    this.rows.setTouch(slot, ++this.#touch)
  }

  remove(slot: number): void {
    this.#unlink(slot)
    this.rows.setTouch(slot, 0)
    this.#links[2 * slot] = this.#free
    this.#free = slot
    this.#size--
  }

  /**
   * The one to let go of: the longest unseen of those that cost a stranger one packet, else the longest unseen of those
   * that anybody could have forged, else the longest unseen. So a flood of made-up values pushes out itself.
   */
  victim(): number {
    const next = this.skipKept()
    if (next !== NONE && this.#isCheap(next)) return next
    let victim = this.#oldest
    for (let i = 0; i < EVICTION_LOOK_COUNT && victim !== NONE && this.rows.validation(victim) > 0; i++) {
      victim = this.newer(victim)
    }
    return victim === NONE || this.rows.validation(victim) > 0 ? this.#oldest : victim
  }

  /**
   * Goes on past old rows worth keeping, a few at a time: called with each new row, so that the search is already past
   * them when room runs out. Each is passed once, as it stays worth keeping until its hours expire.
   */
  skipKept(): number {
    let next = this.#kept === NONE ? this.#oldest : this.newer(this.#kept)
    for (let i = 0; i < EVICTION_LOOK_COUNT && next !== NONE && !this.#isCheap(next); i++) {
      this.#kept = next
      next = this.newer(next)
    }
    return next
  }

  *save(): Generator<Uint8Array> {
    const places = [this.#size, this.#slotCount, this.#touch, this.#newest, this.#oldest, this.#kept, this.#free]
    yield bytesOf(new Float64Array(places))
    yield bytesOf(this.#links.subarray(0, 2 * this.#slotCount))
    yield* this.rows.save(this.#slotCount)
  }

  load(next: () => Uint8Array<ArrayBuffer>): void {
    const places = new Float64Array(Uint8Array.from(next()).buffer)
    this.#size = places[0]!
    this.#slotCount = places[1]!
    this.#touch = places[2]!
    this.#newest = places[3]!
    this.#oldest = places[4]!
    this.#kept = places[5]!
    this.#free = places[6]!
    const links = next()
    while (this.#links.length < 2 * this.#slotCount) this.#links = new Int32Array(2 * this.#links.length)
    new Uint8Array(this.#links.buffer).set(links)
    this.rows.load(next, this.#slotCount)
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free
      this.#free = this.#links[2 * slot]!
      return slot
    }
    if (2 * this.#slotCount === this.#links.length) {
      this.#links = grown(this.#links, new Int32Array(2 * this.#links.length))
    }
    return this.#slotCount++
  }

  #unlink(slot: number): void {
    const newer = this.newer(slot)
    const older = this.older(slot)
    if (slot === this.#kept) this.#kept = older
    if (newer === NONE) this.#newest = older
    else this.#links[2 * newer + 1] = older
    if (older === NONE) this.#oldest = newer
    else this.#links[2 * older] = newer
  }

  #putFirst(slot: number): void {
    this.#links[2 * slot] = NONE
    this.#links[2 * slot + 1] = this.#newest
    if (this.#newest === NONE) this.#oldest = slot
    else this.#links[2 * this.#newest] = slot
    this.#newest = slot
  }
}
