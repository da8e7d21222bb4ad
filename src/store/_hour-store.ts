// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { EntryWriter, type HourEntry, readEntries } from './_hour-entry.ts'
import { deltasOfEntry, type ExpiredPart, type HourDelta, HourRuns, type Wanted } from './_hour-runs.ts'
import { type Addition, type Counts, HourTable } from './_hour-table.ts'
import type { KeyHash } from './_key-hash.ts'
import { type Delta, DIALLED_SIZE_MAX, validationRank } from './delta.ts'
import { type IndexFacts, numberOf } from './index-facts.ts'
import { HOUR_MS, hourOf } from './retention.ts'

/** Distinct numbers, and forms of them, that one source adds in one hour; further ones count for the source alone. */
export const NUMBER_ROWS_PER_SOURCE_HOUR = 1000
/** Addresses, numbers and forms counted in memory; then they are put away, and counted anew. */
export const TABLE_SIZE_MAX = 32_768
const LOG_FACTOR = 4 // the log holds so many times as many entries as the table, before it is written anew
const LOG_COUNT_MIN = 8192
const BUSY_ROWS_MIN = 16 // rows of numbers from which on a source is remembered when the table is put away
const BUSY_MAX = 65_536

/**
 * What each hour of a day adds to the indicators. It is counted in a table in memory. Each transaction writes what it
 * changed there to a log, from which the table is read again after a restart. When the table is full, or a later hour
 * begins, it is put away as a run, which never changes: so nothing is ever sought on disk to add to it. An indicator
 * that stands in several runs of an hour is the sum of them.
 */
export class HourStore {
  readonly #runs: HourRuns
  readonly #firstHour: number
  readonly #hash: KeyHash
  readonly #tables = new Map<number, HourTable>()
  readonly #busy = new Map<string, number>()
  readonly #writer = new EntryWriter()
  readonly #statements: Record<'log' | 'clearLog' | 'busy' | 'clearBusy', StatementSync>
  #newestHour = 0
  #logCount = 0

  constructor(db: DatabaseSync, deps: { firstHour: number; hash: KeyHash }) {
    this.#runs = new HourRuns(db, deps.firstHour)
    this.#firstHour = deps.firstHour
    this.#hash = deps.hash
    this.#statements = {
      log: db.prepare('INSERT INTO hour_log (entries) VALUES (?)'),
      clearLog: db.prepare('DELETE FROM hour_log'),
      busy: db.prepare('INSERT OR REPLACE INTO busy_sources VALUES (?, ?, ?)'),
      clearBusy: db.prepare('DELETE FROM busy_sources'),
    }
    this.#reopen(db)
  }

  /** `isFull`: what is not counted yet stays out. */
  add(event: IndexFacts, isFull: boolean): void {
    const hour = hourOf(event.at)
    const table = this.#table(hour)
    const addition = {
      ms: event.at - hour * HOUR_MS,
      count: 1,
      validation: validationRank(event.validation),
      tagMask: event.tagMask,
    } as const
    const source = this.#addIp(table, event.source.ip, addition, isFull)
    if (event.calledNumbers.length > 0) {
      const budget = isFull ? null : this.#budget(source, hour)
      this.#addNumbers(table, event.calledNumbers, addition, budget)
    }
    this.#putAwayIfFull()
  }

  addRepeat(original: IndexFacts, isFull: boolean): void {
    const hour = hourOf(original.at)
    const table = this.#table(hour)
    const addition = { ms: original.at - hour * HOUR_MS, count: 0, validation: 0, tagMask: 0 } as const
    const source = this.#addIp(table, original.source.ip, addition, isFull)
    const budget = isFull ? null : this.#budget(source, hour)
    for (const value of new Set(original.calledNumbers.map(numberOf))) {
      const number = table.number(value)
      if (number !== undefined) table.part(number)
      const counts = number ?? (take(budget) ? table.makeNumber(value, '', this.#numberHash(value), addition.ms) : null)
      if (counts !== null) table.add(counts, addition)
    }
    this.#putAwayIfFull()
  }

  /** Logs what was counted since the last time; within the transaction of its caller. */
  write(): void {
    let size = 0
    for (const [hour, table] of this.#tables) {
      this.#log(hour, table.takeTouched())
      size += table.size
    }
    if (this.#logCount <= LOG_FACTOR * size + LOG_COUNT_MIN) return
    this.#statements.clearLog.run()
    this.#logCount = 0
    for (const [hour, table] of this.#tables) this.#log(hour, table.all())
  }

  /** Throws DayUnusable when what is put away is damaged. */
  check(): void {
    this.#runs.check()
  }

  /** The hours from `from` on and before `to`, as far as memory holds not too much of them at once. */
  *hours(from: number, to: number): Generator<HourDelta[]> {
    yield* this.#runs.read(from, to)
    for (const [hour, table] of [...this.#tables].sort(([a], [b]) => a - b))
      if (hour >= from && hour < to) yield table.all().flatMap((entry) => deltasOfEntry(entry, hour))
  }

  /** Finds what is wanted of one bucket of an hour; returns how many rows it read for that. */
  collect(wanted: Wanted): number {
    const { hour, wants, take } = wanted
    for (const entry of this.#tables.get(hour)?.all() ?? [])
      if (wants(entry.hash)) deltasOfEntry(entry, hour).forEach(take)
    return this.#runs.collect(wanted)
  }

  /** Removes some of one bucket of the oldest hour before `before`, and tells what lay there; null: there is none. */
  expire(before: number): ExpiredPart | null {
    this.#putAway((hour) => hour < before)
    return this.#runs.takeOldest(before)
  }

  /** Puts other counts in place of those of an hour. */
  replace(hour: number, deltas: readonly Delta[]): void {
    this.#putAway(() => true)
    this.#runs.removeHour(hour)
    const table = new HourTable()
    const ordered = [...deltas].sort((a, b) => (a.form === '' ? 0 : 1) - (b.form === '' ? 0 : 1))
    for (const delta of ordered) {
      table.restore({
        ...delta,
        hash: this.#hash.of(delta.kind === 'ip-address' ? 'ip' : 'number', delta.value),
        isForm: delta.form !== '',
        firstMs: delta.firstAt - hour * HOUR_MS,
        lastMs: delta.lastAt - hour * HOUR_MS,
        validation: validationRank(delta.validation),
        numberRows: 0,
      })
    }
    this.#runs.write(hour, table.all())
  }

  /** Writes tables as runs. */
  #putAway(which: (hour: number) => boolean): void {
    const hours = [...this.#tables.keys()].filter(which)
    if (hours.length === 0) return
    for (const hour of hours) {
      const table = this.#tables.get(hour)
      if (table === undefined) continue
      this.#runs.write(hour, table.all())
      if (hour === this.#newestHour) this.#rememberBusy(hour, table)
      this.#tables.delete(hour)
    }
    this.#statements.clearLog.run()
    this.#logCount = 0
    for (const [hour, table] of this.#tables) {
      table.takeTouched()
      this.#log(hour, table.all())
    }
  }

  /** A later hour puts the tables of those before away. */
  #table(hour: number): HourTable {
    if (hour > this.#newestHour) {
      this.#putAway(() => true)
      if (this.#busy.size > 0) this.#forgetBusy()
      this.#newestHour = hour
    }
    const known = this.#tables.get(hour)
    if (known !== undefined) return known
    const table = new HourTable()
    this.#tables.set(hour, table)
    return table
  }

  #putAwayIfFull(): void {
    let size = 0
    for (const table of this.#tables.values()) size += table.size
    if (size >= TABLE_SIZE_MAX) this.#putAway(() => true)
  }

  #addIp(table: HourTable, ip: string, addition: Addition, isFull: boolean): Counts | null {
    const known = table.ip(ip)
    if (known === undefined && isFull) return null
    const counts = known ?? table.makeIp(ip, this.#hash.of('ip', ip), addition.ms)
    table.add(counts, addition)
    return counts
  }

  /** Each number once, and each form once. A row that is not there is made as long as its source may. */
  #addNumbers(table: HourTable, called: IndexFacts['calledNumbers'], addition: Addition, budget: Counts | null): void {
    const [first] = called
    if (first !== undefined && called.length === 1) {
      const value = numberOf(first)
      const form = first.raw.slice(0, DIALLED_SIZE_MAX)
      this.#addForm(table, this.#addNumber(table, value, form, addition, budget), form, addition, budget)
      return
    }
    const values = called.map(numberOf)
    const forms = called.map(({ raw }) => raw.slice(0, DIALLED_SIZE_MAX))
    for (const [i, value] of values.entries()) {
      const isAlone = values.lastIndexOf(value) === i
      if (values.indexOf(value) === i) this.#addNumber(table, value, isAlone ? forms[i]! : '', addition, budget)
    }
    for (const [i, form] of forms.entries())
      if (forms.indexOf(form) === i) this.#addForm(table, table.number(values[i]!), form, addition, budget)
  }

  /** `form` is the only one that the event dials the number in, '' when there are more. */
  #addNumber(
    table: HourTable,
    value: string,
    form: string,
    addition: Addition,
    budget: Counts | null,
  ): Counts | undefined {
    let number = table.number(value)
    if (number === undefined) {
      if (!take(budget)) return undefined
      const both = form !== '' && take(budget)
      number = table.makeNumber(value, both ? form : '', this.#numberHash(value), addition.ms)
    } else if (number.form !== form) table.part(number)
    table.add(number, addition)
    return number
  }

  /** A number that stands with its form was counted for both. */
  #addForm(
    table: HourTable,
    number: Counts | undefined,
    form: string,
    addition: Addition,
    budget: Counts | null,
  ): void {
    if (number === undefined || number.form !== '') return
    const counts = number.forms?.get(form) ?? (take(budget) ? table.makeForm(number, form, addition.ms) : null)
    if (counts !== null) table.add(counts, addition)
  }

  /** The source's counts, which know how many rows of numbers it made. */
  #budget(source: Counts | null, hour: number): Counts | null {
    if (source?.numberRows === 0 && hour === this.#newestHour && this.#busy.size > 0)
      source.numberRows = this.#busy.get(source.value) ?? 0
    return source
  }

  #numberHash(value: string): number {
    return this.#hash.of('number', value)
  }

  /** Those with few rows of numbers may make them again with the next table: nobody could remember all. */
  #rememberBusy(hour: number, table: HourTable): void {
    for (const { kind, value, numberRows } of table.all()) {
      if (kind !== 'ip-address' || numberRows < BUSY_ROWS_MIN) continue
      if (this.#busy.size >= BUSY_MAX && !this.#busy.has(value)) this.#forgetBusy()
      this.#busy.set(value, numberRows)
      this.#statements.busy.run(hour, value, numberRows)
    }
  }

  #forgetBusy(): void {
    this.#busy.clear()
    this.#statements.clearBusy.run()
  }

  #log(hour: number, entries: readonly HourEntry[]): void {
    if (entries.length === 0) return
    for (const entry of entries) this.#writer.add(entry)
    const bytes = this.#writer.finish()
    this.#logCount += entries.length
    this.#statements.log.run(Buffer.concat([Buffer.of(hour - this.#firstHour), bytes]))
  }

  #reopen(db: DatabaseSync): void {
    for (const row of db.prepare('SELECT entries FROM hour_log ORDER BY id').iterate()) {
      const bytes = row.entries as Uint8Array
      const hour = this.#firstHour + (bytes[0] ?? 0)
      let table = this.#tables.get(hour)
      if (table === undefined) {
        table = new HourTable()
        this.#tables.set(hour, table)
      }
      readEntries(bytes.subarray(1), (entry) => {
        table.restore(entry)
        this.#logCount++
      })
    }
    this.#newestHour = Math.max(this.#runs.newestHour, ...this.#tables.keys())
    for (const row of db.prepare('SELECT ip, count FROM busy_sources WHERE hour = ?').iterate(this.#newestHour))
      this.#busy.set(String(row.ip), Number(row.count))
  }
}

/** Takes one row of numbers from those that a source may make. */
function take(source: Counts | null): boolean {
  if (source === null || source.numberRows >= NUMBER_ROWS_PER_SOURCE_HOUR) return false
  source.numberRows++
  return true
}
