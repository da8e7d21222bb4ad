// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DIALLED_FORMS_MAX, type DialledForm, type Indicator, type IndicatorKind } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS } from '../core/tags.ts'
import { Listing } from './_indicator-listing.ts'
import { type Entry, IndicatorTable } from './_indicator-table.ts'
import { type Delta, tagsOf, validationAt, validationRank } from './delta.ts'
import { type DeltaBatch, deltasOfBatch } from './delta-batch.ts'
import { RETENTION_MS } from './retention.ts'
import type { IndicatorPage, IndicatorQuery, Indicators } from './types.ts'

export const INDICATORS_MAX = { 'ip-address': 1_000_000, 'phone-number': 250_000 } as const

const FORMS_MAX = 500_000 // of all numbers together: about 150 bytes each
const LOOK_MAX = 50_000 // entries looked at for a page, and for its total: a few milliseconds
const FILTERED_TOTAL_MAX = 10_000

/** The indicators of the last 7 days in memory, fed with deltas in the order of the journal. */
export class LiveIndicators implements Indicators {
  readonly #tables: Record<IndicatorKind, IndicatorTable> = {
    'ip-address': new IndicatorTable('ip-address'),
    'phone-number': new IndicatorTable('phone-number'),
  }
  readonly #now: () => number
  readonly #max: Record<IndicatorKind, number>
  readonly #formsMax: number
  #formCount = 0
  evictedCount = 0

  constructor(deps: { now: () => number; max?: Record<IndicatorKind, number>; formsMax?: number }) {
    this.#now = deps.now
    this.#max = deps.max ?? INDICATORS_MAX
    this.#formsMax = deps.formsMax ?? FORMS_MAX
  }

  /** Dialled forms kept, of all numbers together. */
  get formCount(): number {
    return this.#formCount
  }

  add(delta: Delta): void {
    if (delta.form !== '') this.#addForm(delta)
    else this.#addTo(this.#entry(delta), delta)
  }

  addBatch(batch: DeltaBatch): void {
    for (const delta of deltasOfBatch(batch)) this.add(delta)
  }

  /** Puts what is left of an indicator, or of one of its forms, in place of what was known; null: nothing is left. */
  replace(lost: Delta, left: Delta | null): void {
    const table = this.#tables[lost.kind]
    const entry = table.get(lost.value)
    if (entry === undefined) return
    if (lost.form !== '') {
      if (left !== null && entry.forms?.has(lost.form)) {
        entry.forms.set(lost.form, { count: left.count, lastAt: left.lastAt })
      } else if (left === null && entry.forms?.delete(lost.form)) this.#formCount--
    } else if (left === null) {
      this.#remove(entry)
    } else {
      entry.firstAt = left.firstAt
      entry.count = left.count
      entry.repeatCount = left.repeatCount
      entry.validation = validationRank(left.validation)
      entry.tagMask = left.tagMask
    }
  }

  get(kind: IndicatorKind, value: string): Indicator | undefined {
    const table = this.#tables[kind]
    const entry = table.get(value) ?? (kind === 'phone-number' ? table.get(normalizeNumber(value).value) : undefined)
    return entry !== undefined && this.#isAlive(entry) ? this.#indicatorOf(entry) : undefined
  }

  /**
   * Nobody who is there from the first page to the last is left out. Who changes meanwhile may come again at the end, as
   * it is then. A page that looked at many entries ends early, with `next`: it may hold few items, or none.
   */
  page(kind: IndicatorKind, query: IndicatorQuery): IndicatorPage {
    const table = this.#tables[kind]
    const matches = this.#filter(query)
    const listing = query.after === undefined ? Listing.begin(table) : Listing.resume(table, query.after)
    const items: Indicator[] = []
    while (items.length < query.limit) {
      const entry = listing.next(matches, LOOK_MAX)
      if (entry === null) break
      items.push(this.#indicatorOf(entry))
    }
    let next: string | null = listing.cursor
    if (listing.next(matches, LOOK_MAX) === null) next = listing.atEnd ? null : listing.cursor
    return { items, next, total: this.#total(kind, query, matches) }
  }

  /** Each that is there now and stays, once: in the order of now, save that who changes meanwhile may come at the end. */
  all(kind: IndicatorKind): Generator<Indicator, void, undefined> {
    return this.#allOf(Listing.begin(this.#tables[kind], { once: true }))
  }

  *#allOf(listing: Listing): Generator<Indicator, void, undefined> {
    const isAlive = (entry: Entry): boolean => this.#isAlive(entry)
    for (let entry = listing.next(isAlive); entry !== null; entry = listing.next(isAlive))
      yield this.#indicatorOf(entry)
  }

  count(kind: IndicatorKind): number {
    this.#forgetDead(kind)
    return this.#tables[kind].size
  }

  /** What was not seen for 7 days lies at the end of the list; the store's sweep would take it out later. */
  #forgetDead(kind: IndicatorKind): void {
    const table = this.#tables[kind]
    for (let entry = table.oldest; entry !== null && !this.#isAlive(entry); entry = table.oldest) this.#remove(entry)
  }

  #remove(entry: Entry): void {
    this.#formCount -= entry.forms?.size ?? 0
    this.#tables[entry.kind].remove(entry)
  }

  #filter({ since, tag, validation }: IndicatorQuery): (entry: Entry) => boolean {
    const tagBit = tag === undefined ? 0 : 1 << TAGS.findIndex((known) => (known as string) === tag)
    const cutoff = this.#now() - RETENTION_MS
    return (entry) =>
      entry.lastAt > cutoff &&
      (since === undefined || entry.lastAt >= since) &&
      (tag === undefined || (entry.tagMask & tagBit) !== 0) &&
      (validation === undefined || (validationAt(entry.validation) as string) === validation)
  }

  #total(kind: IndicatorKind, query: IndicatorQuery, matches: (entry: Entry) => boolean): number | null {
    const filtered = query.since !== undefined || query.tag !== undefined || query.validation !== undefined
    if (!filtered) return this.count(kind)
    let total = 0
    let lookedCount = 0
    for (let entry = this.#tables[kind].newest; entry !== null; entry = entry.older) {
      if (++lookedCount > LOOK_MAX || (matches(entry) && ++total > FILTERED_TOTAL_MAX)) return null
    }
    return total
  }

  #entry(delta: Delta): Entry {
    const table = this.#tables[delta.kind]
    const known = table.get(delta.value)
    if (known !== undefined) {
      table.move(known)
      return known
    }
    if (table.size >= this.#max[delta.kind]) this.#evict(table)
    else table.skipKept()
    return table.make(delta.value, delta.firstAt)
  }

  #addTo(entry: Entry, delta: Delta): void {
    entry.firstAt = Math.min(entry.firstAt, delta.firstAt)
    entry.lastAt = Math.max(entry.lastAt, delta.lastAt)
    entry.count += delta.count
    entry.repeatCount += delta.repeatCount
    entry.validation = Math.max(entry.validation, validationRank(delta.validation))
    entry.tagMask |= delta.tagMask
  }

  #addForm(delta: Delta): void {
    const entry = this.#tables[delta.kind].get(delta.value)
    if (entry === undefined) return // the number itself came just before, unless the table is too small for both
    const form = entry.forms?.get(delta.form)
    if (form !== undefined) {
      form.count += delta.count
      form.lastAt = Math.max(form.lastAt, delta.lastAt)
    } else if ((entry.forms?.size ?? 0) < DIALLED_FORMS_MAX && this.#formCount < this.#formsMax) {
      entry.forms ??= new Map()
      entry.forms.set(delta.form, { count: delta.count, lastAt: delta.lastAt })
      this.#formCount++
    }
  }

  #evict(table: IndicatorTable): void {
    const victim = table.victim()
    if (victim === null) return
    this.#remove(victim)
    this.evictedCount++
  }

  #isAlive(entry: Entry): boolean {
    return entry.lastAt > this.#now() - RETENTION_MS
  }

  #indicatorOf(entry: Entry): Indicator {
    const cutoff = this.#now() - RETENTION_MS
    return {
      kind: entry.kind,
      value: entry.value,
      firstSeenAt: Math.max(entry.firstAt, cutoff), // its hour may have begun before the 7 days did
      lastSeenAt: entry.lastAt,
      count: entry.count,
      repeatCount: entry.repeatCount,
      validation: validationAt(entry.validation),
      tags: tagsOf(entry.tagMask),
      dialled: formsOf(entry, cutoff),
    }
  }
}

function formsOf(entry: Entry, cutoff: number): DialledForm[] {
  if (entry.forms === null) return []
  const forms = [...entry.forms]
    .map(([raw, { count, lastAt }]) => ({ raw, count, lastSeenAt: lastAt }))
    .filter(({ lastSeenAt }) => lastSeenAt > cutoff)
  return forms.sort((a, b) => b.count - a.count || b.lastSeenAt - a.lastSeenAt)
}
