// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { COLLECTED_METHODS, EVENT_KINDS, type Event, TRANSPORTS } from '../core/event.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS } from '../core/tags.ts'
import { SOURCE_VALIDATIONS } from '../core/validation.ts'
import { dayPath, listDays } from './day-files.ts'
import { indexText } from './day-index.ts'
import { schemaVersion } from './day-schema.ts'
import { tagsOf } from './delta.ts'
import { deriveEvent } from './derive.ts'
import type { JournalReader } from './journal-reader.ts'
import { DAY_MS, dayStart, RETENTION_MS } from './retention.ts'
import type { EventPage, EventQuery, IndexedEvent } from './types.ts'

const MINUTE_MS = 60_000
const TOTAL_MAX = 10_000 // with a filter, rows are counted up to here

/** All but the fold, which is a number of 64 bits and means nothing outside. */
const COLUMNS = `id, at, last_at, count, repeat_count, kind, transport, source_ip, source_port, destination_ip, destination_port,
  validation, collected_method, method, called_number, e164, other_number, user_agent, tag_mask`

type Row = Record<string, SQLInputValue> & {
  id: number
  at: number
  last_at: number
  count: number
  repeat_count: number
}

/** The read end of the index: day files newest first, each row's evidence from the journal. */
export class EventQueries implements Disposable {
  readonly #dir: string
  readonly #journal: JournalReader
  readonly #now: () => number
  readonly #open = new Map<string, DatabaseSync>()

  constructor(dir: string, deps: { journal: JournalReader; now: () => number }) {
    this.#dir = dir
    this.#journal = deps.journal
    this.#now = deps.now
  }

  page(query: EventQuery): EventPage {
    this.#journal.refresh()
    const where = conditions(query, this.#now() - RETENTION_MS)
    const days = this.#days(query)
    // Where the clock once stepped back over midnight, an older day holds younger ids: so all days are asked, each for
    // what is younger than the page found so far.
    let rows: Row[] = []
    for (const day of days) {
      const floor = rows[query.limit]?.id ?? 0
      rows = [...rows, ...this.#rows(day, where, query.limit + 1, floor)]
      rows = rows.sort((a, b) => b.id - a.id).slice(0, query.limit + 1)
    }
    const shown = rows.slice(0, query.limit)
    return {
      items: shown.map((row) => this.#indexed(row)),
      next: rows.length > query.limit ? (shown.at(-1)?.id ?? null) : null,
      total: this.#total(query, days),
    }
  }

  /** One event by its place in the journal; the counts are those of the row that it leads, if it leads one. */
  event(id: number): IndexedEvent | undefined {
    this.#journal.refresh()
    const cutoff = this.#now() - RETENTION_MS
    const record = this.#journal.get(id)
    const event = record?.type === 'event' ? deriveEvent(id, record.observation) : null
    const row = this.#rowOf(id)
    if (row !== undefined && row.last_at > cutoff) {
      return { event: event ?? eventOfRow(row), count: row.count, repeatCount: row.repeat_count, lastAt: row.last_at }
    }
    return event !== null && event.at > cutoff ? { event, count: 1, repeatCount: 0, lastAt: event.at } : undefined
  }

  #rowOf(id: number): Row | undefined {
    for (const day of this.#days({ limit: 1 })) {
      const row = this.#db(day)?.prepare(`SELECT ${COLUMNS} FROM events WHERE id = ?`).get(id)
      if (row !== undefined) return row as Row
    }
    return undefined
  }

  [Symbol.dispose](): void {
    for (const db of this.#open.values()) db.close()
    this.#open.clear()
  }

  #rows(day: string, where: Conditions, limit: number, floor: number): Row[] {
    const sql = `SELECT ${COLUMNS} FROM events WHERE ${where.sql} AND id > ? ORDER BY id DESC LIMIT ?`
    return (this.#db(day)
      ?.prepare(sql)
      .all(...where.values, floor, limit) ?? []) as Row[]
  }

  #total(query: EventQuery, days: readonly string[]): number | null {
    const where = conditions({ ...query, before: undefined }, this.#now() - RETENTION_MS)
    const filtered = where.count > 1
    let total = 0
    for (const day of days) {
      // Only the oldest days can hold what is too old; the rows of all others need no look at each.
      if (!filtered && dayStart(day) > this.#now() - RETENTION_MS) {
        total += Number(this.#db(day)?.prepare('SELECT count(*) AS count FROM events').get()?.count ?? 0)
        continue
      }
      const limit = filtered ? TOTAL_MAX + 1 - total : -1
      const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM events WHERE ${where.sql} LIMIT ?)`
      total += Number(
        this.#db(day)
          ?.prepare(sql)
          .get(...where.values, limit)?.count ?? 0,
      )
      if (filtered && total > TOTAL_MAX) return null
    }
    return total
  }

  #indexed(row: Row): IndexedEvent {
    const record = this.#journal.get(row.id)
    const event = record?.type === 'event' ? deriveEvent(row.id, record.observation) : eventOfRow(row)
    return { event, count: row.count, repeatCount: row.repeat_count, lastAt: row.last_at }
  }

  /** The days that the query can find something in, newest first. */
  #days(query: EventQuery): string[] {
    const days = listDays(this.#dir)
    for (const [day, db] of this.#open) {
      if (days.includes(day)) continue
      db.close() // the file was dropped; its room is free once nobody holds it
      this.#open.delete(day)
    }
    const { since = 0, until = Number.POSITIVE_INFINITY } = query
    return days.filter((day) => dayStart(day) < until && dayStart(day) + DAY_MS > since).reverse()
  }

  /** Null while the store thread is still making the file. */
  #db(day: string): DatabaseSync | null {
    const open = this.#open.get(day)
    if (open !== undefined) return open
    const db = new DatabaseSync(dayPath(this.#dir, day), { readOnly: true, timeout: 5000 })
    if (schemaVersion(db) === 0) {
      db.close()
      return null
    }
    this.#open.set(day, db)
    return db
  }
}

type Conditions = { readonly sql: string; readonly values: SQLInputValue[]; readonly count: number }

/** The query as SQL; the first condition, which keeps what is too old out of every answer, is always there. */
function conditions(query: EventQuery, cutoff: number): Conditions {
  const parts = ['last_at > ?']
  const values: SQLInputValue[] = [cutoff]
  const add = (sql: string, ...bound: SQLInputValue[]): void => {
    parts.push(sql)
    values.push(...bound)
  }
  if (query.before !== undefined) add('id < ?', query.before)
  if (query.ip !== undefined) add('source_ip = ?', query.ip)
  if (query.method !== undefined) add('method = ?', indexText(query.method))
  if (query.userAgent !== undefined) add('user_agent = ?', indexText(query.userAgent))
  if (query.transport !== undefined) add('transport = ?', query.transport)
  // A row is at most a minute older than the last event folded into it, and an id never below its time in microseconds.
  if (query.since !== undefined) add('last_at >= ? AND id >= ?', query.since, (query.since - 2 * MINUTE_MS) * 1000)
  if (query.until !== undefined) add('at < ?', query.until)
  if (query.number !== undefined) {
    const { value } = normalizeNumber(query.number)
    add('(called_number = ? OR e164 = ? OR other_number = ?)', indexText(query.number), value, value)
  }
  if (query.tag !== undefined) {
    const bit = TAGS.findIndex((tag) => (tag as string) === query.tag)
    add('tag_mask & ? <> 0', bit < 0 ? 0 : 1 << bit)
  }
  return { sql: parts.join(' AND '), values, count: parts.length }
}

const oneOf = <T extends string>(table: readonly T[], value: unknown): T => {
  const known = table.find((name) => name === value)
  if (known === undefined) throw new RangeError(`Cannot read the index: "${value}" is none of ${table.join(', ')}`)
  return known
}
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** What the index alone knows of an event whose block in the journal is gone or damaged. */
function eventOfRow(row: Row): Event {
  const called = textOf(row.called_number)
  const other = textOf(row.other_number)
  return {
    id: row.id,
    kind: oneOf(EVENT_KINDS, row.kind),
    at: row.at,
    transport: oneOf(TRANSPORTS, row.transport),
    source: { ip: String(row.source_ip), port: Number(row.source_port) },
    destination: { ip: String(row.destination_ip), port: Number(row.destination_port) },
    validation: oneOf(SOURCE_VALIDATIONS, row.validation),
    collectedMethod: oneOf(COLLECTED_METHODS, row.collected_method),
    responses: [],
    sentSize: 0,
    size: 0,
    method: textOf(row.method),
    requestUri: null,
    from: null,
    to: null,
    contact: null,
    callId: null,
    cseq: null,
    userAgent: textOf(row.user_agent),
    calledNumbers: [
      ...(called === null ? [] : [{ from: 'request-uri' as const, raw: called }]),
      ...(other === null ? [] : [{ from: 'to' as const, raw: other }]),
    ],
    calledNumber: called,
    e164: textOf(row.e164),
    tags: tagsOf(Number(row.tag_mask)),
    defects: [],
    raw: new Uint8Array(),
    rawShed: true,
  }
}
