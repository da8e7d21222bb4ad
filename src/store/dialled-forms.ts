// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { normalizeNumber } from '../core/phone-number.ts'
import { DIALLED_SIZE_MAX } from './delta.ts'
import { KeyedHash } from './keyed-hash.ts'

const FORM_COUNT_MAX = 131_072
const SLOT_COUNT = 2 * FORM_COUNT_MAX // a power of 2

/** Where a window has the row of something, as long as it is of that round. */
type RowPlace = { round: number; row: number }

/** A number, shared by all forms of it that are known at the time. */
export type KnownNumber = RowPlace & { readonly value: string; readonly e164: string | null }

/** A dialled form as indicators keep it, its first 64 characters, and the number it stands for. */
export type KnownForm = RowPlace & { readonly form: string; readonly number: KnownNumber }

/**
 * The forms dialled lately, found by their bytes: a form that is known costs no string. When it is full it forgets all,
 * and what was handed out stays good.
 */
export class DialledForms {
  readonly #hash = new KeyedHash()
  readonly #slots = new Int32Array(SLOT_COUNT) // the place of a form, counted from 1
  readonly #forms: KnownForm[] = []
  readonly #bytes = new Uint8Array(FORM_COUNT_MAX * DIALLED_SIZE_MAX)
  readonly #sizes = new Uint8Array(FORM_COUNT_MAX)
  readonly #numbers = new Map<string, KnownNumber>()

  get count(): number {
    return this.#forms.length
  }

  /** The form that lies in the bytes, which `view` shows as well. */
  find(bytes: Uint8Array, view: DataView, start: number, end: number): KnownForm {
    const size = Math.min(end - start, DIALLED_SIZE_MAX)
    this.#hash.read(view, start, start + size)
    let slot = this.#hash.low & (SLOT_COUNT - 1)
    for (let place = this.#slots[slot]!; place > 0; place = this.#slots[slot]!) {
      if (this.#isAt(place - 1, bytes, start, size)) return this.#forms[place - 1]!
      slot = (slot + 1) & (SLOT_COUNT - 1)
    }
    if (this.#forms.length === FORM_COUNT_MAX) {
      this.#forget()
      slot = this.#hash.low & (SLOT_COUNT - 1)
    }
    return this.#add(slot, bytes, start, size)
  }

  /** The form of a text that stands nowhere as it is. */
  findText(raw: string): KnownForm {
    const bytes = Buffer.from(raw.slice(0, DIALLED_SIZE_MAX), 'latin1')
    return this.find(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
  }

  #isAt(place: number, bytes: Uint8Array, start: number, size: number): boolean {
    if (this.#sizes[place] !== size) return false
    const at = place * DIALLED_SIZE_MAX
    for (let i = 0; i < size; i++) if (this.#bytes[at + i] !== bytes[start + i]) return false
    return true
  }

  #add(slot: number, bytes: Uint8Array, start: number, size: number): KnownForm {
    const place = this.#forms.length
    const form = Buffer.from(bytes.subarray(start, start + size)).toString('latin1')
    const { value, e164 } = normalizeNumber(form)
    let number = this.#numbers.get(value)
    if (number === undefined) {
      number = { value, e164, round: 0, row: 0 }
      this.#numbers.set(value, number)
    }
    const known = { form, number, round: 0, row: 0 }
    this.#forms.push(known)
    this.#bytes.set(bytes.subarray(start, start + size), place * DIALLED_SIZE_MAX)
    this.#sizes[place] = size
    this.#slots[slot] = place + 1
    return known
  }

  #forget(): void {
    this.#slots.fill(0)
    this.#forms.length = 0
    this.#numbers.clear()
  }
}
