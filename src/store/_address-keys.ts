// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, packAddress, readAddress } from '../core/address.ts'
import { type IndicatorRows, KEY_WORDS } from './_indicator-rows.ts'
import { KeyedHash } from './keyed-hash.ts'

const PLACES_MIN = 1024 // a power of 2
const NONE = -1

/**
 * Finds the rows of addresses by their 16 bytes, which the rows hold as four words: a table with open addressing that
 * is at most half full. Each place holds a row, counted from 1, and the hash of its address, so that rows are looked at
 * only when it is the right one for nearly certain.
 */
export class AddressKeys {
  readonly #rows: IndicatorRows
  readonly #hash = new KeyedHash()
  readonly #bytes = new Uint8Array(ADDRESS_SIZE)
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #written = new Uint8Array(ADDRESS_SIZE) // of a row
  readonly #writtenView = new DataView(this.#written.buffer)
  #places = new Int32Array(2 * PLACES_MIN) // row and hash of each
  #mask = PLACES_MIN - 1
  #count = 0

  constructor(rows: IndicatorRows) {
    this.#rows = rows
  }

  /** The 16 bytes of an address in text, until the next call; null when it is none. */
  parse(value: string): DataView | null {
    return packAddress(value, this.#bytes, 0) ? this.#view : null
  }

  /** The row of the address that stands at `at`, or −1. */
  find(view: DataView, at: number): number {
    this.#hash.read(view, at, at + ADDRESS_SIZE)
    const hash = this.#hash.low
    for (let place = hash & this.#mask; ; place = (place + 1) & this.#mask) {
      const slot = this.#places[2 * place]! - 1
      if (slot < 0) return NONE
      if (this.#places[2 * place + 1] === hash && this.#isAt(slot, view, at)) return slot
    }
  }

  add(view: DataView, at: number, slot: number): void {
    for (let i = 0; i < KEY_WORDS; i++) this.#rows.setWord(slot, i, view.getInt32(at + 4 * i, true))
    if (2 * ++this.#count > this.#mask + 1) this.#grow()
    this.#hash.read(view, at, at + ADDRESS_SIZE)
    this.#put(slot, this.#hash.low)
  }

  /** Finds the rows of a table that has just been loaded: those of the slots that `isAlive`. */
  load(slotCount: number, isAlive: (slot: number) => boolean): void {
    while (2 * slotCount > this.#mask + 1) this.#mask = 2 * this.#mask + 1
    this.#places = new Int32Array(2 * (this.#mask + 1))
    for (let slot = 0; slot < slotCount; slot++) {
      if (!isAlive(slot)) continue
      this.#count++
      this.#hash.read(this.#write(slot), 0, ADDRESS_SIZE)
      this.#put(slot, this.#hash.low)
    }
  }

  remove(slot: number): void {
    this.#hash.read(this.#write(slot), 0, ADDRESS_SIZE)
    let place = this.#hash.low & this.#mask
    while (this.#places[2 * place] !== slot + 1) place = (place + 1) & this.#mask
    this.#close(place)
    this.#count--
  }

  value(slot: number): string {
    this.#write(slot)
    return readAddress(this.#written, 0)
  }

  #write(slot: number): DataView {
    for (let i = 0; i < KEY_WORDS; i++) this.#writtenView.setInt32(4 * i, this.#rows.word(slot, i), true)
    return this.#writtenView
  }

  #isAt(slot: number, view: DataView, at: number): boolean {
    for (let i = KEY_WORDS - 1; i >= 0; i--) {
      if (this.#rows.word(slot, i) !== view.getInt32(at + 4 * i, true)) return false
    }
    return true
  }

  #put(slot: number, hash: number): void {
    let place = hash & this.#mask
    while (this.#places[2 * place] !== 0) place = (place + 1) & this.#mask
    this.#places[2 * place] = slot + 1
    this.#places[2 * place + 1] = hash
  }

  /** Empties a place, and moves what was put behind it because of it. */
  #close(empty: number): void {
    let hole = empty
    for (let place = (hole + 1) & this.#mask; this.#places[2 * place] !== 0; place = (place + 1) & this.#mask) {
      const home = this.#places[2 * place + 1]! & this.#mask
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue // its home lies behind the hole
      this.#places[2 * hole] = this.#places[2 * place]!
      this.#places[2 * hole + 1] = this.#places[2 * place + 1]!
      hole = place
    }
    this.#places[2 * hole] = 0
  }

  /** Some milliseconds for a million addresses, since their rows are not looked at. */
  #grow(): void {
    const old = this.#places
    this.#places = new Int32Array(2 * old.length)
    this.#mask = old.length - 1
    for (let i = 0; i < old.length; i += 2) if (old[i] !== 0) this.#put(old[i]! - 1, old[i + 1]!)
  }
}
