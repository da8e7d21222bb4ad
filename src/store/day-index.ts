// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Event } from '../core/event.ts'
import { INDICATOR_KINDS } from '../core/indicator.ts'
import { migrate } from './day-schema.ts'
import { type Delta, deltasOf, numberValues, repeatDeltas, tagMask, validationAt, validationRank } from './delta.ts'
import { dayOf, hourOf } from './retention.ts'

/** Distinct rows of one source in one minute; what goes beyond is counted in one summary row. */
export const ROWS_PER_SOURCE_MINUTE = 60
const MINUTE_MS = 60_000
const SOURCES_MAX = 65_536 // sources whose rows of this minute are counted in memory
const NAME = /^(\d{4}-\d\d-\d\d)\.sqlite$/

/** A journal entry as the index takes it: an event, or the event that a retransmission repeats. */
export type IndexEntry =
  | { readonly type: 'event'; readonly id: number; readonly event: Event }
  | { readonly type: 'repeat'; readonly id: number; readonly original: Event }

/** A retransmission belongs to the day of its event, since it moves no time. */
export const entryDay = (entry: IndexEntry): string =>
  dayOf(entry.type === 'event' ? entry.event.at : entry.original.at)

export const indexDir = (stateDir: string): string => join(stateDir, 'index')
export const dayPath = (dir: string, day: string): string => join(dir, `${day}.sqlite`)

/** The days that have a file, oldest first. */
export function listDays(dir: string): string[] {
  return readdirSync(dir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .sort()
}

export function removeDay(dir: string, day: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(dayPath(dir, day) + suffix, { force: true })
}

export function daySize(dir: string, day: string): number {
  let size = 0
  for (const suffix of ['', '-wal']) {
    const path = dayPath(dir, day) + suffix
    if (existsSync(path)) size += statSync(path).size
  }
  return size
}

/** The write end of one UTC day of the index: event rows, and what each hour adds to the indicators. */
export class DayIndex implements Disposable {
  readonly day: string
  readonly #db: DatabaseSync
  readonly #statements: ReturnType<typeof prepareAll>
  readonly #rowsThisMinute = new Map<string, { minute: number; count: number }>()
  consumed: number

  constructor(dir: string, day: string) {
    this.day = day
    const path = dayPath(dir, day)
    this.#db = new DatabaseSync(path, { timeout: 5000 })
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON')
    migrate(this.#db, path)
    this.#statements = prepareAll(this.#db)
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
        for (const delta of this.#applyRow(entry)) addDelta(hours, delta)
      }
      for (const delta of hours.values()) this.#applyHour(delta)
      this.#statements.setConsumed.run(last.id)
    })
    this.consumed = last.id
  }

  /** Every hour of every indicator of this day. */
  *hours(): Generator<Delta> {
    for (const row of this.#statements.hours.iterate()) yield deltaOfRow(row as HourRow)
  }

  /** What is left of one indicator on this day. */
  hoursOf(delta: Delta): Delta[] {
    const rows = this.#statements.hoursOf.all(INDICATOR_KINDS.indexOf(delta.kind), delta.value, delta.form)
    return rows.map((row) => deltaOfRow(row as HourRow))
  }

  /** Removes what ended before `cutoff`, and tells which indicators lost an hour. */
  expire(cutoff: number): Delta[] {
    const lost: Delta[] = []
    this.#transaction(() => {
      const before = hourOf(cutoff)
      for (const row of this.#statements.expiredHours.all(before)) lost.push(deltaOfRow(row as HourRow))
      if (lost.length > 0) this.#statements.deleteHours.run(before)
      this.#statements.deleteEvents.run(cutoff * 1000, cutoff)
    })
    return lost
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
      this.#rowsThisMinute.clear() // it counted rows that are not there now
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #applyRow(entry: IndexEntry): Delta[] {
    if (entry.type === 'event') {
      this.#applyEvent(entry.event)
      return deltasOf(entry.event)
    }
    const { original } = entry
    const minute = Math.floor(original.at / MINUTE_MS)
    const repeated = this.#statements.repeat.run(foldOf(original, minute)).changes
    if (repeated === 0) this.#statements.repeat.run(summaryFold(original, minute))
    return repeatDeltas(original.source.ip, numberValues(original), original.at)
  }

  #applyEvent(event: Event): void {
    const minute = Math.floor(event.at / MINUTE_MS)
    const fold = foldOf(event, minute)
    if (this.#statements.fold.run(event.at, fold).changes > 0) return
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
      event.method,
      event.calledNumber,
      event.e164,
      event.calledNumbers[1]?.raw ?? null,
      event.userAgent,
      tagMask(event.tags),
    )
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
  return digest(JSON.stringify([minute, source.ip, transport, kind, method, calledNumber, userAgent]))
}

const summaryFold = (event: Event, minute: number): bigint =>
  digest(JSON.stringify([minute, event.source.ip, 'summary']))

const digest = (text: string): bigint => hash('md5', text, 'buffer').readBigInt64LE(0)

/** Adds up what a batch brings to the same hour of the same indicator, so that it costs one row. */
function addDelta(hours: Map<string, Delta>, delta: Delta): void {
  const key = `${delta.kind} ${hourOf(delta.lastAt)} ${delta.form} ${delta.value}`
  const sum = hours.get(key)
  hours.set(key, sum === undefined ? delta : sumDeltas(sum, delta))
}

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

type HourRow = {
  kind: number
  value: string
  form: string
  count: number
  repeat_count: number
  first_at: number
  last_at: number
  validation: number
  tag_mask: number
}

function deltaOfRow(row: HourRow): Delta {
  return {
    kind: INDICATOR_KINDS[row.kind] ?? 'ip-address',
    value: row.value,
    form: row.form,
    count: row.count,
    repeatCount: row.repeat_count,
    firstAt: row.first_at,
    lastAt: row.last_at,
    validation: validationAt(row.validation),
    tagMask: row.tag_mask,
  }
}

function prepareAll(
  db: DatabaseSync,
): Record<
  | 'consumed'
  | 'setConsumed'
  | 'fold'
  | 'repeat'
  | 'rowsOf'
  | 'insert'
  | 'hour'
  | 'hours'
  | 'hoursOf'
  | 'expiredHours'
  | 'deleteHours'
  | 'deleteEvents',
  StatementSync
> {
  return {
    consumed: db.prepare('SELECT consumed FROM meta'),
    setConsumed: db.prepare('UPDATE meta SET consumed = ?'),
    fold: db.prepare('UPDATE events SET count = count + 1, last_at = max(last_at, ?) WHERE fold = ?'),
    repeat: db.prepare('UPDATE events SET repeat_count = repeat_count + 1 WHERE fold = ?'),
    // No source has more rows a minute than this looks at, so its newest rows hold all of the minute.
    rowsOf: db.prepare(
      `SELECT count(*) AS count FROM (SELECT at, summary FROM events WHERE source_ip = ? ORDER BY id DESC LIMIT ${2 * ROWS_PER_SOURCE_MINUTE})
       WHERE at >= ? AND at < ? AND summary = 0`,
    ),
    insert: db.prepare(
      `INSERT INTO events (id, fold, at, last_at, count, repeat_count, summary, kind, transport, source_ip, source_port,
         destination_ip, destination_port, validation, collected_method, method, called_number, e164, other_number, user_agent, tag_mask)
       VALUES (?, ?, ?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    hour: db.prepare(
      `INSERT INTO indicator_hours (kind, value, form, hour, count, repeat_count, first_at, last_at, validation, tag_mask)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count, repeat_count = repeat_count + excluded.repeat_count,
         first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
         validation = max(validation, excluded.validation), tag_mask = tag_mask | excluded.tag_mask`,
    ),
    hours: db.prepare('SELECT * FROM indicator_hours'),
    hoursOf: db.prepare('SELECT * FROM indicator_hours WHERE kind = ? AND value = ? AND form = ?'),
    expiredHours: db.prepare('SELECT * FROM indicator_hours WHERE hour < ?'),
    deleteHours: db.prepare('DELETE FROM indicator_hours WHERE hour < ?'),
    deleteEvents: db.prepare('DELETE FROM events WHERE id < ? AND last_at < ?'),
  }
}
