// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { KeyedHash } from './keyed-hash.ts'
import { RECORD_KEY, rawStartOf, sizeOfRecord } from './record.ts'

const GENERATION_MS = 32_000 // 64·T1: for so long a client retransmits (RFC 3261 §17.1), so each is found for 32 to 64 s
const GENERATION_COUNT_MAX = 32_768

/**
 * Recognises UDP retransmissions: the same bytes from the same address and port to the same socket, told by a hash of 64
 * bits that nobody outside can foresee. Two generations of at most 32,768 datagrams; what falls out is taken for a new
 * event.
 */
export class Repeats {
  readonly #hash = new KeyedHash()
  #young = new Generation()
  #old = new Generation()
  #turnAt = 0
  /** The event that the last datagram looked at repeats. */
  readonly original = { id: 0, at: 0 }

  /** Whether the datagram of the record at `at` was seen; if so, `original` tells the event it repeats. */
  find(records: DataView, at: number): boolean {
    const { low, high } = this.#read(records, at)
    return this.#young.find(low, high, this.original) || this.#old.find(low, high, this.original)
  }

  /** Remembers the datagram that `find` has just not found. */
  remember(id: number, happenedAt: number): void {
    // Threads tell the time a little out of order; a clock that was set back by more begins anew.
    const stale = happenedAt >= this.#turnAt || happenedAt < this.#turnAt - 2 * GENERATION_MS
    if (stale || this.#young.isFull) {
      const next = this.#old
      this.#old = this.#young
      this.#young = next
      next.clear()
      this.#turnAt = happenedAt + GENERATION_MS
    }
    this.#young.add(this.#hash.low, this.#hash.high, id, happenedAt)
  }

  #read(records: DataView, at: number): KeyedHash {
    const hash = this.#hash
    hash.read(records, at + RECORD_KEY.start, at + RECORD_KEY.end)
    hash.read(records, rawStartOf(records, at), at + sizeOfRecord(records, at), hash.low, hash.high)
    return hash
  }
}

const SLOT_COUNT = 2 * GENERATION_COUNT_MAX // a power of 2

class Generation {
  readonly #slots = new Int32Array(SLOT_COUNT) // a place in the columns, counted from 1
  readonly #low = new Int32Array(GENERATION_COUNT_MAX)
  readonly #high = new Int32Array(GENERATION_COUNT_MAX)
  readonly #ids = new Float64Array(GENERATION_COUNT_MAX)
  readonly #at = new Float64Array(GENERATION_COUNT_MAX)
  #count = 0

  get isFull(): boolean {
    return this.#count === GENERATION_COUNT_MAX
  }

  find(low: number, high: number, found: { id: number; at: number }): boolean {
    for (let slot = low & (SLOT_COUNT - 1); ; slot = (slot + 1) & (SLOT_COUNT - 1)) {
      const place = this.#slots[slot]! - 1
      if (place < 0) return false
      if (this.#low[place] !== low || this.#high[place] !== high) continue
      found.id = this.#ids[place]!
      found.at = this.#at[place]!
      return true
    }
  }

  add(low: number, high: number, id: number, at: number): void {
    let slot = low & (SLOT_COUNT - 1)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOT_COUNT - 1)
    const place = this.#count++
    this.#slots[slot] = place + 1
    this.#low[place] = low
    this.#high[place] = high
    this.#ids[place] = id
    this.#at[place] = at
  }

  clear(): void {
    this.#count = 0
    this.#slots.fill(0)
  }
}
