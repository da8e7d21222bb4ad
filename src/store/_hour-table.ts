// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { IndicatorKind } from '../core/indicator.ts'
import type { HourEntry } from './_hour-entry.ts'
import { packIpv4 } from './_packed-address.ts'

/** What an hour adds to one indicator or form, while it is being added. */
export type Counts = {
  readonly hash: number
  readonly kind: IndicatorKind
  readonly value: string
  /** Of a number: its only form, dialled as often; '' when `forms` tells of them. */
  form: string
  readonly isForm: boolean
  forms: Map<string, Counts> | null
  firstMs: number // since the hour began
  lastMs: number
  count: number
  repeatCount: number
  validation: number
  tagMask: number
  numberRows: number // of an address: rows of numbers that it made
  isTouched: boolean // since the last transaction
}

/** What one event or repeat adds. */
export type Addition = {
  readonly ms: number
  readonly count: 0 | 1
  readonly validation: number
  readonly tagMask: number
}

/** The counts of one hour that are not yet put away. */
export class HourTable {
  readonly #ips = new Map<number | string, Counts>() // IPv4 by its 32 bits: to look a new string up costs far more
  readonly #numbers = new Map<string, Counts>()
  #formCount = 0
  #touched: Counts[] = []

  /** Addresses, numbers and forms. */
  get size(): number {
    return this.#ips.size + this.#numbers.size + this.#formCount
  }

  ip(value: string): Counts | undefined {
    return this.#ips.get(addressKey(value))
  }

  number(value: string): Counts | undefined {
    return this.#numbers.get(value)
  }

  makeIp(value: string, hash: number, ms: number): Counts {
    const counts = createCounts({ hash, kind: 'ip-address', value, form: '', isForm: false }, ms)
    this.#ips.set(addressKey(value), counts)
    return counts
  }

  /** With a form, for as long as nothing else is dialled for that number. */
  makeNumber(value: string, form: string, hash: number, ms: number): Counts {
    const counts = createCounts(
      { hash, kind: 'phone-number', value: copied(value), form: copied(form), isForm: false },
      ms,
    )
    this.#numbers.set(counts.value, counts)
    if (form !== '') this.#formCount++
    return counts
  }

  makeForm(number: Counts, form: string, ms: number): Counts {
    const { hash, kind, value } = number
    const counts = createCounts({ hash, kind, value, form: copied(form), isForm: true }, ms)
    number.forms ??= new Map()
    number.forms.set(counts.form, counts)
    this.#formCount++
    return counts
  }

  /** Has what was said of a number and its only form alike said of each. */
  part(number: Counts): void {
    if (number.form === '') return
    const form = { ...number, isForm: true, forms: null, isTouched: false }
    number.forms = new Map([[form.form, form]])
    number.form = ''
    this.#touch(form)
  }

  add(counts: Counts, { ms, count, validation, tagMask }: Addition): void {
    if (ms < counts.firstMs) counts.firstMs = ms
    if (ms > counts.lastMs) counts.lastMs = ms
    if (count === 1) counts.count++
    else counts.repeatCount++
    if (validation > counts.validation) counts.validation = validation
    counts.tagMask |= tagMask
    this.#touch(counts)
  }

  /** Puts an entry that was read in place of what is there. */
  restore(entry: HourEntry): void {
    const counts = this.#restored(entry)
    const { firstMs, lastMs, count, repeatCount, validation, tagMask, numberRows } = entry
    Object.assign(counts, { firstMs, lastMs, count, repeatCount, validation, tagMask, numberRows })
  }

  /** What was touched since the last time, as it is now. */
  takeTouched(): HourEntry[] {
    const touched = this.#touched
    this.#touched = []
    for (const counts of touched) counts.isTouched = false
    return touched
  }

  all(): HourEntry[] {
    const entries: HourEntry[] = [...this.#ips.values()]
    for (const counts of this.#numbers.values()) {
      entries.push(counts)
      if (counts.forms !== null) entries.push(...counts.forms.values())
    }
    return entries
  }

  #restored({ kind, value, form, isForm, hash, firstMs }: HourEntry): Counts {
    if (kind === 'ip-address') return this.ip(value) ?? this.makeIp(value, hash, firstMs)
    const number = this.#numbers.get(value)
    if (!isForm && form !== '') return number ?? this.makeNumber(value, form, hash, firstMs)
    if (number !== undefined) this.part(number)
    if (form === '') return number ?? this.makeNumber(value, '', hash, firstMs)
    const holder = number ?? this.makeNumber(value, '', hash, firstMs)
    return holder.forms?.get(form) ?? this.makeForm(holder, form, firstMs)
  }

  #touch(counts: Counts): void {
    if (counts.isTouched) return
    counts.isTouched = true
    this.#touched.push(counts)
  }
}

function createCounts(key: Pick<Counts, 'hash' | 'kind' | 'value' | 'form' | 'isForm'>, ms: number): Counts {
  return {
    hash: key.hash,
    kind: key.kind,
    value: key.value,
    form: key.form,
    isForm: key.isForm,
    forms: null,
    firstMs: ms,
    lastMs: ms,
    count: 0,
    repeatCount: 0,
    validation: 0,
    tagMask: 0,
    numberRows: 0,
    isTouched: false,
  }
}

const addressKey = (ip: string): number | string => packIpv4(ip) ?? ip

const SLICE_SIZE_MIN = 13 // characters; the engine copies shorter parts of a string by itself

/** A part of a string keeps the whole alive: the table holds copies, not messages. */
const copied = (text: string): string =>
  text.length < SLICE_SIZE_MIN ? text : Buffer.from(text, 'utf8').toString('utf8')
