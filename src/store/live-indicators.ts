// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE } from '../core/address.ts'
import type { Indicator, IndicatorKind } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS } from '../core/tags.ts'
import { AddressKeys } from './_address-keys.ts'
import { Listing } from './_indicator-listing.ts'
import { IndicatorTable, NONE } from './_indicator-table.ts'
import { countLeft, putLeft } from './_left.ts'
import { NumberForms } from './_number-forms.ts'
import { NumberKeys } from './_number-keys.ts'
import { type Delta, tagsOf, validationAt } from './delta.ts'
import { batchOf, type DeltaBatch } from './delta-batch.ts'
import { RETENTION_MS } from './retention.ts'
import type { IndicatorPage, IndicatorQuery, Indicators } from './types.ts'

export const INDICATORS_MAX = { 'ip-address': 1_000_000, 'phone-number': 250_000 } as const

const FORMS_MAX = 500_000 // of all numbers together: about 80 bytes each
const LOOK_MAX = 50_000 // rows looked at for a page, and for its total: a few milliseconds
const FILTERED_TOTAL_MAX = 10_000

/** The indicators of the last 7 days in memory, fed with deltas in the order of the journal. */
export class LiveIndicators implements Indicators {
  #addresses = new IndicatorTable((slot) => this.#isCheapAddress(slot))
  #numbers = new IndicatorTable((slot) => this.#isCheapNumber(slot))
  #addressKeys = new AddressKeys(this.#addresses.rows)
  #numberKeys = new NumberKeys()
  #forms: NumberForms
  readonly #now: () => number
  readonly #max: Record<IndicatorKind, number>
  readonly #formsMax: number
  #isSaving = false
  evictedCount = 0

  constructor(deps: { now: () => number; max?: Record<IndicatorKind, number>; formsMax?: number }) {
    this.#now = deps.now
    this.#max = deps.max ?? INDICATORS_MAX
    this.#formsMax = deps.formsMax ?? FORMS_MAX
    this.#forms = new NumberForms(this.#numbers.rows, this.#formsMax)
  }

  /** Dialled forms kept, of all numbers together. */
  get formCount(): number {
    return this.#forms.count
  }

  add(delta: Delta): void {
    this.addBatch(batchOf([delta]))
  }

  /** The rows from `from` to `to`, which follow those before: about a third of a microsecond each. */
  addBatch(batch: DeltaBatch, from = 0, to = batch.rowCount): void {
    const { addressCount, addresses } = batch
    const view = new DataView(addresses.buffer, addresses.byteOffset, addresses.length)
    for (let row = from; row < Math.min(to, addressCount); row++) {
      addRow(this.#addresses, this.#address(view, row * ADDRESS_SIZE, batch.firstAt[row]!), batch, row)
    }
    for (let row = Math.max(from, addressCount); row < to; row++) {
      const value = batch.texts[2 * (row - addressCount)]!
      const form = batch.texts[2 * (row - addressCount) + 1]!
      if (form !== '') this.#addForm(value, form, batch, row)
      else addRow(this.#numbers, this.#number(value, batch.firstAt[row]!), batch, row)
    }
  }

  /**
   * Takes what an indicator, or one of its forms, lost with an hour out of what is known. `left` is what the index holds
   * beyond that hour, null when that is nothing. It lacks the newest events, which are known here: so no less than that
   * stays, and more when there is more.
   */
  replace(lost: Delta, left: Delta | null): void {
    const slot = this.#find(lost.kind, lost.value)
    if (slot === NONE) return
    if (lost.form !== '') {
      this.#forms.replace(slot, lost, left)
      return
    }
    const { rows } = this.#table(lost.kind)
    const count = countLeft(lost, left, { count: rows.count(slot), lastAt: rows.lastAt(slot) })
    if (count === 0) this.#remove(lost.kind, slot)
    else putLeft(rows, slot, count, lost, left)
  }

  get(kind: IndicatorKind, value: string): Indicator | undefined {
    let slot = this.#find(kind, value)
    if (slot === NONE && kind === 'phone-number') slot = this.#find(kind, normalizeNumber(value).value)
    return slot !== NONE && this.#isAlive(kind, slot) ? this.#indicatorOf(kind, slot) : undefined
  }

  /**
   * Nobody who is there from the first page to the last is left out. Who changes meanwhile may come again at the end, as
   * it is then. A page that looked at many rows ends early, with `next`: it may hold few items, or none.
   */
  page(kind: IndicatorKind, query: IndicatorQuery): IndicatorPage {
    const table = this.#table(kind)
    const matches = this.#filter(table, query)
    const listing = query.after === undefined ? Listing.begin(table) : Listing.resume(table, query.after)
    const items: Indicator[] = []
    while (items.length < query.limit) {
      const slot = listing.next(matches, LOOK_MAX)
      if (slot === NONE) break
      items.push(this.#indicatorOf(kind, slot))
    }
    let next: string | null = listing.cursor
    if (listing.next(matches, LOOK_MAX) === NONE) next = listing.atEnd ? null : listing.cursor
    return { items, next, total: this.#total(kind, query, matches) }
  }

  /** Each that is there now and stays, once: in the order of now, save that who changes meanwhile may come at the end. */
  all(kind: IndicatorKind): Generator<Indicator, void, undefined> {
    return this.#allOf(kind, Listing.begin(this.#table(kind), { once: true }))
  }

  *#allOf(kind: IndicatorKind, listing: Listing): Generator<Indicator, void, undefined> {
    const isAlive = (slot: number): boolean => this.#isAlive(kind, slot)
    for (let slot = listing.next(isAlive); slot !== NONE; slot = listing.next(isAlive)) {
      yield this.#indicatorOf(kind, slot)
    }
  }

  count(kind: IndicatorKind): number {
    this.#forgetDead(kind)
    return this.#table(kind).size
  }

  /** All of it, for `load`. Nothing may be added or replaced until the last piece was taken. */
  *save(): Generator<Uint8Array> {
    this.#isSaving = true
    try {
      yield* this.#addresses.save()
      yield* this.#numbers.save()
      yield* this.#numberKeys.save(this.#numbers.slotCount)
      yield* this.#forms.save()
    } finally {
      this.#isSaving = false
    }
  }

  /**
   * Takes what `save` gave in place of nothing, each piece in memory of its own, which is taken over. Throws when it
   * cannot be that; then all must be cleared.
   */
  load(pieces: readonly Uint8Array<ArrayBuffer>[]): void {
    let taken = 0
    const next = (): Uint8Array<ArrayBuffer> => {
      const piece = pieces[taken++]
      if (piece === undefined) throw new RangeError('it holds less than was saved')
      return piece
    }
    this.#addresses.load(next)
    this.#numbers.load(next)
    this.#addressKeys.load(this.#addresses.slotCount, (slot) => this.#addresses.touchAt(slot) > 0)
    this.#numberKeys.load(next, this.#numbers.slotCount, (slot) => this.#numbers.touchAt(slot) > 0)
    this.#forms.load(next)
    if (taken < pieces.length) throw new RangeError('it holds more than was saved')
  }

  /** Forgets all. */
  clear(): void {
    this.#addresses = new IndicatorTable((slot) => this.#isCheapAddress(slot))
    this.#numbers = new IndicatorTable((slot) => this.#isCheapNumber(slot))
    this.#addressKeys = new AddressKeys(this.#addresses.rows)
    this.#numberKeys = new NumberKeys()
    this.#forms = new NumberForms(this.#numbers.rows, this.#formsMax)
  }

  /** The earliest first time of any indicator or form, less those not seen for 7 days; Infinity when there is none. */
  findOldestAt(): number {
    this.#forgetDead('ip-address')
    this.#forgetDead('phone-number')
    let { oldestAt } = this.#forms
    for (const { rows, slotCount } of [this.#addresses, this.#numbers]) {
      for (let slot = 0; slot < slotCount; slot++) {
        if (rows.touch(slot) > 0) oldestAt = Math.min(oldestAt, rows.firstAt(slot))
      }
    }
    return oldestAt
  }

  #table(kind: IndicatorKind): IndicatorTable {
    return kind === 'ip-address' ? this.#addresses : this.#numbers
  }

  #find(kind: IndicatorKind, value: string): number {
    if (kind === 'phone-number') return this.#numberKeys.find(value)
    const address = this.#addressKeys.parse(value)
    return address === null ? NONE : this.#addressKeys.find(address, 0)
  }

  /** What was not seen for 7 days lies at the end of the list; the store's sweep would take it out later. */
  #forgetDead(kind: IndicatorKind): void {
    if (this.#isSaving) return
    const table = this.#table(kind)
    for (let slot = table.oldest; slot !== NONE && !this.#isAlive(kind, slot); slot = table.oldest) {
      this.#remove(kind, slot)
    }
  }

  #remove(kind: IndicatorKind, slot: number): void {
    if (kind === 'ip-address') this.#addressKeys.remove(slot)
    else {
      this.#forms.removeAll(slot)
      this.#numberKeys.remove(slot)
    }
    this.#table(kind).remove(slot)
  }

  #filter({ rows }: IndicatorTable, { since, tag, validation }: IndicatorQuery): (slot: number) => boolean {
    const tagBit = tag === undefined ? 0 : 1 << TAGS.findIndex((known) => (known as string) === tag)
    const cutoff = this.#now() - RETENTION_MS
    return (slot) =>
      rows.lastAt(slot) > cutoff &&
      (since === undefined || rows.lastAt(slot) >= since) &&
      (tag === undefined || (rows.tagMask(slot) & tagBit) !== 0) &&
      (validation === undefined || (validationAt(rows.validation(slot)) as string) === validation)
  }

  #total(kind: IndicatorKind, query: IndicatorQuery, matches: (slot: number) => boolean): number | null {
    const filtered = query.since !== undefined || query.tag !== undefined || query.validation !== undefined
    if (!filtered) return this.count(kind)
    const table = this.#table(kind)
    let total = 0
    let lookedCount = 0
    for (let slot = table.newest; slot !== NONE; slot = table.older(slot)) {
      if (++lookedCount > LOOK_MAX || (matches(slot) && ++total > FILTERED_TOTAL_MAX)) return null
    }
    return total
  }

  /** The row of an address, a new one when it has none; as the one changed last. */
  #address(view: DataView, addressAt: number, at: number): number {
    const known = this.#addressKeys.find(view, addressAt)
    const slot = known === NONE ? this.#make('ip-address', at) : known
    if (known === NONE) this.#addressKeys.add(view, addressAt, slot)
    else this.#addresses.move(slot)
    return slot
  }

  #number(value: string, at: number): number {
    const known = this.#numberKeys.find(value)
    const slot = known === NONE ? this.#make('phone-number', at) : known
    if (known === NONE) this.#numberKeys.add(value, slot)
    else this.#numbers.move(slot)
    return slot
  }

  #make(kind: IndicatorKind, at: number): number {
    const table = this.#table(kind)
    if (table.size >= this.#max[kind]) this.#evict(kind)
    else table.skipKept()
    return table.make(at)
  }

  #addForm(value: string, form: string, batch: DeltaBatch, row: number): void {
    const slot = this.#numberKeys.find(value)
    if (slot === NONE) return // the number itself came just before, unless the table is too small for both
    this.#forms.add(slot, form, {
      count: batch.counts[row]!,
      firstAt: batch.firstAt[row]!,
      lastAt: batch.lastAt[row]!,
    })
  }

  #evict(kind: IndicatorKind): void {
    const victim = this.#table(kind).victim()
    if (victim === NONE) return
    this.#remove(kind, victim)
    this.evictedCount++
  }

  /** Whether one packet is all there was, that anybody could have forged. */
  #isCheapAddress(slot: number): boolean {
    const { rows } = this.#addresses
    return rows.count(slot) <= 1 && rows.validation(slot) === 0
  }

  #isCheapNumber(slot: number): boolean {
    return this.#numbers.rows.count(slot) <= 1 && this.#forms.countOf(slot) <= 1
  }

  #isAlive(kind: IndicatorKind, slot: number): boolean {
    return this.#table(kind).rows.lastAt(slot) > this.#now() - RETENTION_MS
  }

  #indicatorOf(kind: IndicatorKind, slot: number): Indicator {
    const cutoff = this.#now() - RETENTION_MS
    const { rows } = this.#table(kind)
    const isAddress = kind === 'ip-address'
    return {
      kind,
      value: isAddress ? this.#addressKeys.value(slot) : this.#numberKeys.value(slot),
      firstSeenAt: Math.max(rows.firstAt(slot), cutoff), // its hour may have begun before the 7 days did
      lastSeenAt: rows.lastAt(slot),
      count: rows.count(slot),
      repeatCount: rows.repeatCount(slot),
      validation: validationAt(rows.validation(slot)),
      tags: tagsOf(rows.tagMask(slot)),
      dialled: isAddress ? [] : this.#forms.of(slot, cutoff),
    }
  }
}

function addRow(table: IndicatorTable, slot: number, batch: DeltaBatch, row: number): void {
  table.rows.add(
    slot,
    batch.counts[row]!,
    batch.repeatCounts[row]!,
    batch.firstAt[row]!,
    batch.lastAt[row]!,
    batch.validations[row]!,
    batch.tagMasks[row]!,
  )
}
