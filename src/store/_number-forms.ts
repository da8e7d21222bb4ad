// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DIALLED_FORMS_MAX, type DialledForm } from '../core/indicator.ts'
import { bytesOf, grown } from './_columns.ts'
import type { IndicatorRows } from './_indicator-rows.ts'
import { countLeft } from './_left.ts'
import { loadTexts, saveTexts } from './_text-column.ts'
import type { Delta } from './delta.ts'

const FIRST = 0 // words of a row's key: its first form, counted from 1, and how many it has
const COUNT = 1
const PLACES_MIN = 1024

export type FormCounts = { readonly count: number; readonly firstAt: number; readonly lastAt: number }

/** The dialled forms of all numbers, in columns; those of a number are a chain that its row begins. */
export class NumberForms {
  readonly #rows: IndicatorRows
  readonly #countMax: number
  #texts: string[] = []
  #counts = new Float64Array(PLACES_MIN)
  #firstAt = new Float64Array(PLACES_MIN) // Infinity in a free place
  #lastAt = new Float64Array(PLACES_MIN)
  #next = new Int32Array(PLACES_MIN) // the next form of the same number, or the next free place; counted from 1
  #free = 0
  count = 0

  constructor(rows: IndicatorRows, countMax: number) {
    this.#rows = rows
    this.#countMax = countMax
  }

  countOf(slot: number): number {
    return this.#rows.word(slot, COUNT)
  }

  /** Further forms than a number may have, or all numbers together, count for the number alone. */
  add(slot: number, form: string, { count, firstAt, lastAt }: FormCounts): void {
    const known = this.#find(slot, form)
    if (known > 0) {
      this.#counts[known - 1]! += count
      if (firstAt < this.#firstAt[known - 1]!) this.#firstAt[known - 1] = firstAt
      if (lastAt > this.#lastAt[known - 1]!) this.#lastAt[known - 1] = lastAt
    } else if (this.countOf(slot) < DIALLED_FORMS_MAX && this.count < this.#countMax) {
      const place = this.#take()
      this.#texts[place - 1] = form
      this.#counts[place - 1] = count
      this.#firstAt[place - 1] = firstAt
      this.#lastAt[place - 1] = lastAt
      this.#next[place - 1] = this.#rows.word(slot, FIRST)
      this.#rows.setWord(slot, FIRST, place)
      this.#rows.setWord(slot, COUNT, this.countOf(slot) + 1)
    }
  }

  /** As `LiveIndicators.replace`. */
  replace(slot: number, lost: Delta, left: Delta | null): void {
    const known = this.#find(slot, lost.form)
    if (known === 0) return
    const count = countLeft(lost, left, { count: this.#counts[known - 1]!, lastAt: this.#lastAt[known - 1]! })
    if (count === 0) this.#remove(slot, known)
    else this.#counts[known - 1] = count
    if (left !== null && count === left.count) this.#firstAt[known - 1] = left.firstAt
  }

  removeAll(slot: number): void {
    for (let place = this.#rows.word(slot, FIRST); place > 0; ) {
      const next = this.#next[place - 1]!
      this.#release(place)
      place = next
    }
    this.#rows.setWord(slot, FIRST, 0)
    this.#rows.setWord(slot, COUNT, 0)
  }

  /** Those dialled after `cutoff`, most frequent first. */
  of(slot: number, cutoff: number): DialledForm[] {
    const forms: DialledForm[] = []
    for (let place = this.#rows.word(slot, FIRST); place > 0; place = this.#next[place - 1]!) {
      const lastSeenAt = this.#lastAt[place - 1]!
      if (lastSeenAt <= cutoff) continue
      forms.push({ raw: this.#texts[place - 1]!, count: this.#counts[place - 1]!, lastSeenAt })
    }
    return forms.reverse().sort((a, b) => b.count - a.count || b.lastSeenAt - a.lastSeenAt)
  }

  /** The earliest first time of any form; Infinity when there is none. */
  get oldestAt(): number {
    let oldestAt = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#texts.length; i++) oldestAt = Math.min(oldestAt, this.#firstAt[i]!)
    return oldestAt
  }

  *save(): Generator<Uint8Array> {
    const placeCount = this.#texts.length
    yield bytesOf(new Float64Array([this.count, this.#free, placeCount]))
    yield bytesOf(this.#counts.subarray(0, placeCount))
    yield bytesOf(this.#firstAt.subarray(0, placeCount))
    yield bytesOf(this.#lastAt.subarray(0, placeCount))
    yield bytesOf(this.#next.subarray(0, placeCount))
    yield* saveTexts(this.#texts, placeCount)
  }

  load(next: () => Uint8Array<ArrayBuffer>): void {
    const places = new Float64Array(Uint8Array.from(next()).buffer)
    const placeCount = places[2]!
    this.count = places[0]!
    this.#free = places[1]!
    while (this.#counts.length < placeCount) this.#grow()
    const columns = [this.#counts, this.#firstAt, this.#lastAt, this.#next]
    for (const column of columns) new Uint8Array(column.buffer).set(next())
    this.#texts = loadTexts(next, placeCount)
  }

  #find(slot: number, form: string): number {
    let place = this.#rows.word(slot, FIRST)
    while (place > 0 && this.#texts[place - 1] !== form) place = this.#next[place - 1]!
    return place
  }

  #remove(slot: number, removed: number): void {
    const after = this.#next[removed - 1]!
    let before = this.#rows.word(slot, FIRST)
    if (before === removed) this.#rows.setWord(slot, FIRST, after)
    else {
      while (this.#next[before - 1] !== removed) before = this.#next[before - 1]!
      this.#next[before - 1] = after
    }
    this.#rows.setWord(slot, COUNT, this.countOf(slot) - 1)
    this.#release(removed)
  }

  #take(): number {
    this.count++
    if (this.#free === 0) {
      if (this.#texts.length === this.#counts.length) this.#grow()
      return this.#texts.push('')
    }
    const place = this.#free
    this.#free = this.#next[place - 1]!
    return place
  }

  #release(place: number): void {
    this.count--
    this.#texts[place - 1] = ''
    this.#firstAt[place - 1] = Number.POSITIVE_INFINITY
    this.#next[place - 1] = this.#free
    this.#free = place
  }

  #grow(): void {
    const room = 2 * this.#counts.length
    this.#counts = grown(this.#counts, new Float64Array(room))
    this.#firstAt = grown(this.#firstAt, new Float64Array(room))
    this.#lastAt = grown(this.#lastAt, new Float64Array(room))
    this.#next = grown(this.#next, new Int32Array(room))
  }
}
