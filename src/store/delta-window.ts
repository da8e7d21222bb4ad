// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE } from '../core/address.ts'
import { Sums } from './_sums.ts'
import { createDeltaBatch, type DeltaBatch } from './delta-batch.ts'
import type { KnownForm, KnownNumber } from './dialled-forms.ts'
import type { Facts } from './facts.ts'
import { KeyedHash } from './keyed-hash.ts'

const ROWS_MAX = 8192 // of addresses, of numbers and of forms
const ROWS_PER_EVENT = 2 // of numbers, and of forms
const SLOT_COUNT = 2 * ROWS_MAX // a power of 2
const ADDRESS_WORDS = ADDRESS_SIZE / 4

let rounds = 0
/** Tells rows of one filling of a window from those of any other, so that a number can keep the place of its row. */
const nextRound = (): number => ++rounds

/** What the events of the last milliseconds add to indicators, summed for each address, number and form. */
export class DeltaWindow {
  readonly #hash = new KeyedHash()
  readonly #slots = new Int32Array(SLOT_COUNT) // the row of an address, counted from 1
  readonly #addresses = new Int32Array(ROWS_MAX * ADDRESS_WORDS)
  #round = nextRound()
  readonly #numbers: KnownNumber[] = [] // by their rows
  readonly #forms: KnownForm[] = []
  readonly #ofAddresses = new Sums(ROWS_MAX)
  readonly #ofNumbers = new Sums(ROWS_MAX)
  readonly #ofForms = new Sums(ROWS_MAX)

  get isEmpty(): boolean {
    return this.#ofAddresses.rowCount === 0
  }

  /** Whether there might be no room for one event more. */
  get isFull(): boolean {
    return (
      this.#ofAddresses.rowCount === ROWS_MAX ||
      this.#ofNumbers.rowCount > ROWS_MAX - ROWS_PER_EVENT ||
      this.#ofForms.rowCount > ROWS_MAX - ROWS_PER_EVENT
    )
  }

  /** What one event adds: to the address that stands at `addressAt`, to each number it dialled, and to each form of that. */
  addEvent(view: DataView, addressAt: number, at: number, validation: number, facts: Facts): void {
    const { tagMask, first, second } = facts
    this.#ofAddresses.addEvent(this.#addressRow(view, addressAt, at), at, validation, tagMask)
    if (first === null) return
    this.#ofNumbers.addEvent(this.#numberRow(first.number, at), at, validation, tagMask)
    this.#ofForms.addEvent(this.#formRow(first, at), at, validation, tagMask)
    if (second === null) return
    if (second.number.value !== first.number.value) {
      this.#ofNumbers.addEvent(this.#numberRow(second.number, at), at, validation, tagMask)
    }
    if (second.form !== first.form) this.#ofForms.addEvent(this.#formRow(second, at), at, validation, tagMask)
  }

  /** What one retransmission adds: it is counted apart and moves no time, since it tells nothing new: `at` is the event's. */
  addRepeat(view: DataView, addressAt: number, at: number, facts: Facts): void {
    const { first, second } = facts
    this.#ofAddresses.addRepeat(this.#addressRow(view, addressAt, at), at)
    if (first === null) return
    this.#ofNumbers.addRepeat(this.#numberRow(first.number, at), at)
    if (second === null || second.number.value === first.number.value) return
    this.#ofNumbers.addRepeat(this.#numberRow(second.number, at), at)
  }

  /** All of it, and begins anew. */
  take(): DeltaBatch {
    const addressCount = this.#ofAddresses.rowCount
    const numberCount = this.#ofNumbers.rowCount
    const batch = createDeltaBatch(addressCount, addressCount + numberCount + this.#ofForms.rowCount)
    const addresses = new Uint8Array(this.#addresses.buffer)
    this.#ofAddresses.writeTo(batch, 0, (row, to) => {
      const from = row * ADDRESS_SIZE
      for (let i = 0; i < ADDRESS_SIZE; i++) batch.addresses[to * ADDRESS_SIZE + i] = addresses[from + i]!
    })
    this.#ofNumbers.writeTo(batch, addressCount, (row) => batch.texts.push(this.#numbers[row]!.value, ''))
    this.#ofForms.writeTo(batch, addressCount + numberCount, (row) => {
      const { number, form } = this.#forms[row]!
      batch.texts.push(number.value, form)
    })
    this.#clear()
    return batch
  }

  #clear(): void {
    this.#slots.fill(0)
    this.#round = nextRound()
    this.#numbers.length = 0
    this.#forms.length = 0
    for (const sums of [this.#ofAddresses, this.#ofNumbers, this.#ofForms]) sums.clear()
  }

  #addressRow(view: DataView, addressAt: number, at: number): number {
    this.#hash.read(view, addressAt, addressAt + ADDRESS_SIZE)
    let slot = this.#hash.low & (SLOT_COUNT - 1)
    for (let row = this.#slots[slot]!; row > 0; row = this.#slots[slot]!) {
      if (this.#isAt(row - 1, view, addressAt)) return row - 1
      slot = (slot + 1) & (SLOT_COUNT - 1)
    }
    const row = this.#ofAddresses.make(at)
    this.#slots[slot] = row + 1
    for (let i = 0; i < ADDRESS_WORDS; i++) this.#addresses[row * ADDRESS_WORDS + i] = wordAt(view, addressAt, i)
    return row
  }

  #isAt(row: number, view: DataView, addressAt: number): boolean {
    for (let i = ADDRESS_WORDS - 1; i >= 0; i--) {
      if (this.#addresses[row * ADDRESS_WORDS + i] !== wordAt(view, addressAt, i)) return false
    }
    return true
  }

  #numberRow(number: KnownNumber, at: number): number {
    if (number.round === this.#round) return number.row
    number.round = this.#round
    number.row = this.#ofNumbers.make(at)
    this.#numbers.push(number)
    return number.row
  }

  #formRow(form: KnownForm, at: number): number {
    if (form.round === this.#round) return form.row
    form.round = this.#round
    form.row = this.#ofForms.make(at)
    this.#forms.push(form)
    return form.row
  }
}

/** In the order of this machine, so that the words lie in memory as the bytes did. */
const wordAt = (view: DataView, at: number, i: number): number => view.getInt32(at + 4 * i, IS_LITTLE_ENDIAN)
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
