// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DIALLED_FORMS_MAX, type DialledForm, type Indicator, type IndicatorKind } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS } from '../core/tags.ts'
import { type Delta, tagsOf, validationAt, validationRank } from './delta.ts'
import { RETENTION_MS } from './retention.ts'
import type { IndicatorPage, IndicatorQuery, Indicators } from './types.ts'

export const INDICATORS_MAX = { 'ip-address': 1_000_000, 'phone-number': 250_000 } as const

type Entry = {
  readonly kind: IndicatorKind
  readonly value: string
  firstAt: number
  lastAt: number
  count: number
  repeatCount: number
  validation: number // rank
  tagMask: number
  forms: Map<string, { count: number; lastAt: number }> | null
  touch: number // rises with each change, so it orders the entries by their last one
  newer: Entry | null
  older: Entry | null
}

/** All indicators of one kind: a map, and a list from the most to the least recently seen through the same entries. */
class Table {
  readonly entries = new Map<string, Entry>()
  newest: Entry | null = null
  oldest: Entry | null = null

  unlink(entry: Entry): void {
    if (entry.newer === null) this.newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === null) this.oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.newer = null
    entry.older = null
  }

  putFirst(entry: Entry): void {
    entry.older = this.newest
    if (this.newest !== null) this.newest.newer = entry
    this.newest = entry
    this.oldest ??= entry
  }
}

/** The indicators of the last 7 days in memory, fed with deltas in the order of the journal. */
export class LiveIndicators implements Indicators {
  readonly #tables: Record<IndicatorKind, Table> = { 'ip-address': new Table(), 'phone-number': new Table() }
  readonly #now: () => number
  readonly #max: Record<IndicatorKind, number>
  #touch = 0
  evictedCount = 0

  constructor(deps: { now: () => number; max?: Record<IndicatorKind, number> }) {
    this.#now = deps.now
    this.#max = deps.max ?? INDICATORS_MAX
  }

  add(delta: Delta): void {
    if (delta.form !== '') this.#addForm(delta)
    else this.#addTo(this.#entry(delta), delta)
  }

  /** Puts what is left of an indicator, or of one of its forms, in place of what was known; null: nothing is left. */
  replace(lost: Delta, left: Delta | null): void {
    const table = this.#tables[lost.kind]
    const entry = table.entries.get(lost.value)
    if (entry === undefined) return
    if (lost.form !== '') {
      if (left === null) entry.forms?.delete(lost.form)
      else if (entry.forms?.has(lost.form)) entry.forms.set(lost.form, { count: left.count, lastAt: left.lastAt })
    } else if (left === null) {
      table.unlink(entry)
      table.entries.delete(lost.value)
    } else {
      entry.firstAt = left.firstAt
      entry.count = left.count
      entry.repeatCount = left.repeatCount
      entry.validation = validationRank(left.validation)
      entry.tagMask = left.tagMask
    }
  }

  get(kind: IndicatorKind, value: string): Indicator | undefined {
    const { entries } = this.#tables[kind]
    const entry =
      entries.get(value) ?? (kind === 'phone-number' ? entries.get(normalizeNumber(value).value) : undefined)
    return entry !== undefined && this.#isAlive(entry) ? this.#indicatorOf(entry) : undefined
  }

  page(kind: IndicatorKind, query: IndicatorQuery): IndicatorPage {
    const tagBit = query.tag === undefined ? 0 : 1 << TAGS.findIndex((tag) => (tag as string) === query.tag)
    const matches = (entry: Entry): boolean =>
      this.#isAlive(entry) &&
      (query.since === undefined || entry.lastAt >= query.since) &&
      (query.tag === undefined || (entry.tagMask & tagBit) !== 0) &&
      (query.validation === undefined || (validationAt(entry.validation) as string) === query.validation)
    const items: Indicator[] = []
    let last: Entry | null = null
    let entry = this.#start(kind, query.after)
    for (; entry !== null && items.length < query.limit; entry = entry.older) {
      if (!matches(entry)) continue
      items.push(this.#indicatorOf(entry))
      last = entry
    }
    const more = entry !== null && last !== null && hasMatch(entry, matches)
    return {
      items,
      next: more && last !== null ? `${last.touch}.${last.value}` : null,
      total: this.#total(kind, query, matches),
    }
  }

  *all(kind: IndicatorKind): Generator<Indicator> {
    const table = this.#tables[kind]
    for (let entry = table.newest; entry !== null; ) {
      const { touch } = entry
      if (this.#isAlive(entry)) yield this.#indicatorOf(entry)
      // While the reader took its time the entry may have moved to the front, or gone.
      const stayed: boolean = entry.touch === touch && table.entries.get(entry.value) === entry
      entry = stayed ? entry.older : firstBelow(table, touch)
    }
  }

  count(kind: IndicatorKind): number {
    this.#forgetDead(kind)
    return this.#tables[kind].entries.size
  }

  /** What was not seen for 7 days lies at the end of the list; the store's sweep would take it out later. */
  #forgetDead(kind: IndicatorKind): void {
    const table = this.#tables[kind]
    for (let entry = table.oldest; entry !== null && !this.#isAlive(entry); entry = table.oldest) {
      table.unlink(entry)
      table.entries.delete(entry.value)
    }
  }

  /** The entry behind the one that `after` names, also when that one has moved or gone since. */
  #start(kind: IndicatorKind, after: string | undefined): Entry | null {
    const table = this.#tables[kind]
    if (after === undefined) return table.newest
    const match = /^(\d{1,16})\.(.{1,128})$/s.exec(after)
    if (match === null) throw new RangeError(`Cannot read the page: "${after}" is not the "next" of a page before`)
    const touch = Number(match[1])
    const known = table.entries.get(match[2] ?? '')
    return known?.touch === touch ? known.older : firstBelow(table, touch)
  }

  #total(kind: IndicatorKind, query: IndicatorQuery, matches: (entry: Entry) => boolean): number | null {
    const filtered = query.since !== undefined || query.tag !== undefined || query.validation !== undefined
    if (!filtered) return this.count(kind)
    let total = 0
    for (let entry = this.#tables[kind].newest; entry !== null; entry = entry.older) {
      if (matches(entry) && ++total > FILTERED_TOTAL_MAX) return null
    }
    return total
  }

  #entry(delta: Delta): Entry {
    const table = this.#tables[delta.kind]
    let entry = table.entries.get(delta.value)
    if (entry !== undefined) {
      table.unlink(entry)
    } else {
      if (table.entries.size >= this.#max[delta.kind]) this.#evict(table)
      entry = {
        kind: delta.kind,
        value: delta.value,
        firstAt: delta.firstAt,
        lastAt: delta.lastAt,
        count: 0,
        repeatCount: 0,
        validation: 0,
        tagMask: 0,
        forms: null,
        touch: 0,
        newer: null,
        older: null,
      }
      table.entries.set(delta.value, entry)
    }
    table.putFirst(entry)
    entry.touch = ++this.#touch
    return entry
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
    const entry = this.#tables[delta.kind].entries.get(delta.value)
    if (entry === undefined) return // the number itself came just before, unless the table is too small for both
    entry.forms ??= new Map()
    const form = entry.forms.get(delta.form)
    if (form !== undefined) {
      form.count += delta.count
      form.lastAt = Math.max(form.lastAt, delta.lastAt)
    } else if (entry.forms.size < DIALLED_FORMS_MAX) {
      entry.forms.set(delta.form, { count: delta.count, lastAt: delta.lastAt })
    }
  }

  /** Makes room: the longest unseen of those that anybody could have forged, else the longest unseen. */
  #evict(table: Table): void {
    let victim = table.oldest
    for (let i = 0; i < EVICTION_LOOK_COUNT && victim !== null && victim.validation > 0; i++) victim = victim.newer
    if (victim === null || victim.validation > 0) victim = table.oldest
    if (victim === null) return
    table.unlink(victim)
    table.entries.delete(victim.value)
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

const EVICTION_LOOK_COUNT = 64
const FILTERED_TOTAL_MAX = 10_000

function firstBelow(table: Table, touch: number): Entry | null {
  let entry = table.newest
  while (entry !== null && entry.touch >= touch) entry = entry.older
  return entry
}

function hasMatch(from: Entry, matches: (entry: Entry) => boolean): boolean {
  for (let entry: Entry | null = from; entry !== null; entry = entry.older) if (matches(entry)) return true
  return false
}

function formsOf(entry: Entry, cutoff: number): DialledForm[] {
  if (entry.forms === null) return []
  const forms = [...entry.forms]
    .map(([raw, { count, lastAt }]) => ({ raw, count, lastSeenAt: lastAt }))
    .filter(({ lastSeenAt }) => lastSeenAt > cutoff)
  return forms.sort((a, b) => b.count - a.count || b.lastSeenAt - a.lastSeenAt)
}
