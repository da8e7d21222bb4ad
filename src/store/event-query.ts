// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event } from '../core/event.ts'
import { DayReader } from './_day-reader.ts'
import type { EventRow } from './_event-row.ts'
import { listDays } from './day-files.ts'
import { tagsOf } from './delta.ts'
import { deriveEvent } from './derive.ts'
import type { JournalReader } from './journal-reader.ts'
import { DAY_MS, dayStart, RETENTION_MS } from './retention.ts'
import type { EventPage, EventQuery, IndexedEvent } from './types.ts'

const TOTAL_MAX = 10_000 // with a filter, rows are counted up to here
const FILTERS = ['ip', 'number', 'method', 'userAgent', 'transport', 'tag', 'since', 'until'] as const

/** The read end of the index: day files newest first, each row's evidence from the journal. */
export class EventQueries implements Disposable {
  readonly #dir: string
  readonly #journal: JournalReader
  readonly #now: () => number
  readonly #open = new Map<string, DayReader>()

  constructor(dir: string, deps: { journal: JournalReader; now: () => number }) {
    this.#dir = dir
    this.#journal = deps.journal
    this.#now = deps.now
  }

  page(query: EventQuery): EventPage {
    this.#journal.refresh()
    const days = this.#days(query)
    const now = this.#now()
    // Where the clock once stepped back over midnight, an older day holds younger ids: so all days are asked, each for
    // what is younger than the page found so far.
    let rows: EventRow[] = []
    for (const day of days) {
      const above = rows[query.limit]?.id ?? 0
      const found = day.rows(day.filter(query, now), { above, below: query.before, limit: query.limit + 1 })
      rows = [...rows, ...found].sort((a, b) => b.id - a.id).slice(0, query.limit + 1)
    }
    const shown = rows.slice(0, query.limit)
    return {
      items: shown.map((row) => this.#indexed(row)),
      next: rows.length > query.limit ? (shown.at(-1)?.id ?? null) : null,
      total: this.#total(query, days, now),
    }
  }

  /** One event by its place in the journal; the counts are those of the row that it leads, if it leads one. */
  event(id: number): IndexedEvent | undefined {
    this.#journal.refresh()
    const cutoff = this.#now() - RETENTION_MS
    const record = this.#journal.get(id)
    const event = record?.type === 'event' ? deriveEvent(id, record.observation) : null
    const row = this.#rowOf(id)
    if (row !== undefined && row.lastAt > cutoff) {
      return { event: event ?? eventOfRow(row), count: row.count, repeatCount: row.repeatCount, lastAt: row.lastAt }
    }
    return event !== null && event.at > cutoff ? { event, count: 1, repeatCount: 0, lastAt: event.at } : undefined
  }

  [Symbol.dispose](): void {
    for (const day of this.#open.values()) day[Symbol.dispose]()
    this.#open.clear()
  }

  #rowOf(id: number): EventRow | undefined {
    for (const day of this.#days({ limit: 1 })) {
      const row = day.row(id)
      if (row !== undefined) return row
    }
    return undefined
  }

  #total(query: EventQuery, days: readonly DayReader[], now: number): number | null {
    const filtered = FILTERS.some((name) => query[name] !== undefined)
    let total = 0
    for (const day of days) {
      total += day.count(day.filter(query, now), TOTAL_MAX + 1 - total)
      if (filtered && total > TOTAL_MAX) return null
    }
    return total
  }

  #indexed(row: EventRow): IndexedEvent {
    const record = this.#journal.get(row.id)
    const event = record?.type === 'event' ? deriveEvent(row.id, record.observation) : eventOfRow(row)
    return { event, count: row.count, repeatCount: row.repeatCount, lastAt: row.lastAt }
  }

  /** The days that the query can find something in, newest first. */
  #days({ since = 0, until = Number.POSITIVE_INFINITY }: EventQuery): DayReader[] {
    for (const [name, day] of this.#open) {
      if (day.isCurrent(this.#dir)) continue
      day[Symbol.dispose]() // the file was dropped; its room is free once nobody holds it
      this.#open.delete(name)
    }
    const wanted = listDays(this.#dir).filter((day) => dayStart(day) < until && dayStart(day) + DAY_MS > since)
    return wanted.reverse().flatMap((day) => this.#day(day) ?? [])
  }

  #day(name: string): DayReader | null {
    const day = this.#open.get(name) ?? DayReader.open(this.#dir, name)
    if (day !== null) this.#open.set(name, day)
    return day
  }
}

/** What the index alone knows of an event whose block in the journal is gone or damaged. */
function eventOfRow(row: EventRow): Event {
  const { calledNumber, otherNumber } = row
  return {
    id: row.id,
    kind: row.kind,
    at: row.at,
    transport: row.transport,
    source: row.source,
    destination: row.destination,
    validation: row.validation,
    collectedMethod: row.collectedMethod,
    responses: [],
    sentSize: 0,
    size: 0,
    method: row.method,
    requestUri: null,
    from: null,
    to: null,
    contact: null,
    callId: null,
    cseq: null,
    userAgent: row.userAgent,
    calledNumbers: [
      ...(calledNumber === null ? [] : [{ from: 'request-uri' as const, raw: calledNumber }]),
      ...(otherNumber === null ? [] : [{ from: 'to' as const, raw: otherNumber }]),
    ],
    otherNumbers: [],
    calledNumber,
    e164: row.e164,
    tags: tagsOf(row.tagMask),
    defects: [],
    auth: null,
    tool: null,
    headerOrder: null,
    raw: new Uint8Array(),
    rawShed: true,
    ja4: null,
    media: null,
  }
}
