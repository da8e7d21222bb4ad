// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { Event } from '../core/event.ts'
import { INDICATOR_KINDS } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { deltaOfRow, type HourRow, prepareAll } from './_day-statements.ts'
import { dayPath } from './day-files.ts'
import { migrate } from './day-schema.ts'
import { type Delta, deltasOf, numberValues, repeatDeltas, tagMask, validationAt, validationRank } from './delta.ts'
import { dayOf, dayStart, hourOf } from './retention.ts'

/** Distinct rows of one source in one minute; what goes beyond is counted in one summary row. */
export const ROWS_PER_SOURCE_MINUTE = 60
const MINUTE_MS = 60_000
/** Distinct numbers, and forms of them, that one source adds in one hour; further ones count for the source alone. */
export const NUMBER_ROWS_PER_SOURCE_HOUR = 1000
/** Characters of a text that the index holds; the journal has all of it. */
export const TEXT_SIZE_MAX = 128
const HOURS_PER_DAY = 24
const SOURCES_MAX = 65_536 // sources whose rows are counted in memory

/** A journal entry as the index takes it: an event, or the event that a retransmission repeats. */
export type IndexEntry =
  | { readonly type: 'event'; readonly id: number; readonly event: Event }
  | { readonly type: 'repeat'; readonly id: number; readonly original: Event }

/** A retransmission belongs to the day of its event, since it moves no time. */
export const entryDay = (entry: IndexEntry): string =>
  dayOf(entry.type === 'event' ? entry.event.at : entry.original.at)

/** What an entry adds to the indicators. */
export function entryDeltas(entry: IndexEntry): Delta[] {
  if (entry.type === 'event') return deltasOf(entry.event)
  const { source, at } = entry.original
  return repeatDeltas(source.ip, numberValues(entry.original), at)
}

/** The write end of one UTC day of the index: event rows, and what each hour adds to the indicators. */
export class DayIndex implements Disposable {
  readonly day: string
  readonly #db: DatabaseSync
  readonly #statements: ReturnType<typeof prepareAll>
  readonly #numberRows = new Map<string, { hour: number; count: number; isNew: boolean }>()
  readonly #rowsThisMinute = new Map<string, { minute: number; count: number }>()
  consumed: number
  /** Set when there is no room: known rows are still counted, new ones are left out. */
  isFull = false

  constructor(dir: string, day: string) {
    this.day = day
    const path = dayPath(dir, day)
    this.#db = new DatabaseSync(path, { timeout: 5000 })
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON')
    migrate(this.#db, path)
    this.#statements = prepareAll(this.#db, { rowsPerMinute: ROWS_PER_SOURCE_MINUTE })
    this.consumed = Number(this.#statements.consumed.get()?.consumed ?? 0)
  }

  /** Takes entries of this day in journal order, and the place in the journal with them: each exactly once. */
  apply(entries: readonly IndexEntry[]): void {
    const last = entries.at(-1)
    if (last === undefined || last.id <= this.consumed) return
    this.#transaction(() => {
      const hours = new Map<string, Delta>()
      for (const entry of entries) {
        if (entry.id <= this.consumed) continue
        const { source } = entry.type === 'event' ? entry.event : entry.original
        this.#applyRow(entry)
        for (const delta of entryDeltas(entry)) this.#addHour(hours, delta, source.ip)
      }
      for (const delta of hours.values()) this.#applyHour(delta)
      this.#writeNumberRows()
      this.#statements.setConsumed.run(last.id)
    })
    this.consumed = last.id
  }

  /** The hours of this day from `hour` on, each as the indicators of that hour, least recently seen first. */
  *hours(from: number): Generator<Delta[]> {
    const first = hourOf(dayStart(this.day))
    for (let hour = Math.max(first, from); hour < first + HOURS_PER_DAY; hour++) {
      const rows = this.#statements.hoursAt.all(hour).map((row) => deltaOfRow(row as HourRow))
      if (rows.length > 0) yield rows.sort((a, b) => a.lastAt - b.lastAt)
    }
  }

  /** What is left of one indicator on this day. */
  hoursOf(delta: Delta): Delta[] {
    const rows = this.#statements.hoursOf.all(INDICATOR_KINDS.indexOf(delta.kind), delta.value, delta.form)
    return rows.map((row) => deltaOfRow(row as HourRow))
  }

  /** Removes some of what ended before `cutoff`: tells which indicators lost an hour, and whether there is more. */
  expire(cutoff: number, limit: number): { lost: Delta[]; more: boolean } {
    const before = hourOf(cutoff)
    let more = false
    const lost: Delta[] = []
    this.#transaction(() => {
      for (const row of this.#statements.expiredHours.all(before, limit) as HourRow[]) {
        lost.push(deltaOfRow(row))
        this.#statements.deleteHour.run(row.kind, row.value, row.form, row.hour)
      }
      this.#statements.deleteSources.run(before)
      const { changes } = this.#statements.deleteEvents.run(cutoff * 1000, cutoff, limit)
      more = lost.length === limit || Number(changes) === limit
    })
    return { lost, more }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      this.#rowsThisMinute.clear() // they counted rows that are not there now
      this.#numberRows.clear()
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #applyRow(entry: IndexEntry): void {
    if (entry.type === 'event') {
      this.#applyEvent(entry.event)
      return
    }
    const { original } = entry
    const minute = Math.floor(original.at / MINUTE_MS)
    const repeated = this.#statements.repeat.run(foldOf(original, minute)).changes
    if (repeated === 0) this.#statements.repeat.run(summaryFold(original, minute))
  }

  #applyEvent(event: Event): void {
    const minute = Math.floor(event.at / MINUTE_MS)
    const fold = foldOf(event, minute)
    if (this.#statements.fold.run(event.at, fold).changes > 0) return
    if (this.isFull) return
    if (this.#rowsOf(event, minute) < ROWS_PER_SOURCE_MINUTE) {
      this.#insert(event, fold, 0)
      this.#rowsOf(event, minute, 1)
      return
    }
    const summary = summaryFold(event, minute)
    if (this.#statements.fold.run(event.at, summary).changes === 0) this.#insert(event, summary, 1)
  }

  /** The rows that the event's source has in this minute, after adding `add` to them. */
  #rowsOf(event: Event, minute: number, add = 0): number {
    const ip = event.source.ip
    const known = this.#rowsThisMinute.get(ip)
    if (known?.minute === minute) {
      known.count += add
      return known.count
    }
    if (this.#rowsThisMinute.size >= SOURCES_MAX) this.#rowsThisMinute.clear()
    const count = Number(this.#statements.rowsOf.get(ip, minute * MINUTE_MS, (minute + 1) * MINUTE_MS)?.count ?? 0)
    this.#rowsThisMinute.set(ip, { minute, count })
    return count
  }

  #insert(event: Event, fold: bigint, summary: 0 | 1): void {
    this.#statements.insert.run(
      event.id,
      fold,
      event.at,
      event.at,
      summary,
      event.kind,
      event.transport,
      event.source.ip,
      event.source.port,
      event.destination.ip,
      event.destination.port,
      event.validation,
      event.collectedMethod,
      indexText(event.method),
      indexText(event.calledNumber),
      event.e164,
      event.calledNumbers[1] === undefined ? null : normalizeNumber(event.calledNumbers[1].raw).value,
      indexText(event.userAgent),
      tagMask(event.tags),
    )
  }

  /** Adds a delta to those of its batch, unless it would be one number too many of its source in this hour. */
  #addHour(hours: Map<string, Delta>, delta: Delta, ip: string): void {
    const hour = hourOf(delta.lastAt)
    const key = `${delta.kind} ${hour} ${delta.form} ${delta.value}`
    const sum = hours.get(key)
    if (sum === undefined && !this.#takesHour(delta, hour, ip)) return
    hours.set(key, sum === undefined ? delta : sumDeltas(sum, delta))
  }

  #takesHour(delta: Delta, hour: number, ip: string): boolean {
    if (delta.kind === 'ip-address' && !this.isFull) return true
    if (this.#statements.hasHour.get(INDICATOR_KINDS.indexOf(delta.kind), delta.value, delta.form, hour)) return true
    if (this.isFull) return false
    let rows = this.#numberRows.get(ip)
    if (rows?.hour !== hour) {
      const count = Number(this.#statements.numberRows.get(hour, ip)?.count ?? 0)
      rows = { hour, count, isNew: false }
      this.#numberRows.set(ip, rows)
    }
    if (rows.count >= NUMBER_ROWS_PER_SOURCE_HOUR) return false
    rows.count++
    rows.isNew = true
    return true
  }

  /** In the same transaction as the rows themselves, so that the limit holds across a restart. */
  #writeNumberRows(): void {
    for (const [ip, rows] of this.#numberRows) {
      if (rows.isNew) this.#statements.setNumberRows.run(rows.hour, ip, rows.count)
      rows.isNew = false
    }
    if (this.#numberRows.size > SOURCES_MAX) this.#numberRows.clear()
  }

  #applyHour(delta: Delta): void {
    this.#statements.hour.run(
      INDICATOR_KINDS.indexOf(delta.kind),
      delta.value,
      delta.form,
      hourOf(delta.lastAt),
      delta.count,
      delta.repeatCount,
      delta.firstAt,
      delta.lastAt,
      validationRank(delta.validation),
      delta.tagMask,
    )
  }
}

/** Events that are alike but for their time share this: same minute, source, transport, kind, method, number and user agent. */
function foldOf(event: Event, minute: number): bigint {
  const { source, transport, kind, method, calledNumber, userAgent } = event
  const texts = [method, calledNumber, userAgent].map(indexText)
  return digest(JSON.stringify([minute, source.ip, transport, kind, ...texts]))
}

const summaryFold = (event: Event, minute: number): bigint =>
  digest(JSON.stringify([minute, event.source.ip, 'summary']))

const digest = (text: string): bigint => hash('md5', text, 'buffer').readBigInt64LE(0)

/** A text as the index holds it and is asked for it. */
export const indexText = (text: string | null): string | null => text?.slice(0, TEXT_SIZE_MAX) ?? null

export function sumDeltas(a: Delta, b: Delta): Delta {
  return {
    ...a,
    count: a.count + b.count,
    repeatCount: a.repeatCount + b.repeatCount,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
    validation: validationAt(Math.max(validationRank(a.validation), validationRank(b.validation))),
    tagMask: a.tagMask | b.tagMask,
  }
}
