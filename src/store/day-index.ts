// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Event } from '../core/event.ts'
import type { EventRow } from './_event-row.ts'
import type { FoldState } from './_fold-window.ts'
import type { ExpiredPart, Wanted } from './_hour-runs.ts'
import { HourStore } from './_hour-store.ts'
import { KeyHash } from './_key-hash.ts'
import { groupOfRow, pieceIdAt } from './_postings.ts'
import { RowTable } from './_row-table.ts'
import { dayPath } from './day-files.ts'
import { prepareSchema } from './day-schema.ts'
import { type Delta, deltasOf, numberValues, repeatDeltas, validationAt, validationRank } from './delta.ts'
import type { IndexEntry } from './index-facts.ts'
import { DAY_MS, dayOf, dayStart, hourOf } from './retention.ts'

const EXPIRE_ROWS = 5000 // taken out by one step
const IDLE_MS = 600_000 // after which a day that took nothing in is let go of: to open it again holds up all else
const CACHE_KIB = 4096 // pages that one day's connection keeps
const CHECKPOINT_PAGES = 2000 // after which the write-ahead log goes back into the file: 8 MiB

/** A retransmission belongs to the day of its event, since it moves no time. */
export function entryDay(entry: IndexEntry<Pick<Event, 'at'>>): string {
  const at = entry.type === 'event' ? entry.event.at : entry.original.at
  const start = at - (at % DAY_MS)
  if (start !== lastDay.start) lastDay = { start, name: dayOf(at) }
  return lastDay.name
}

let lastDay = { start: 0, name: dayOf(0) } // to write a date costs more than the rest of an entry

/** What an entry adds to the indicators. */
export function entryDeltas(entry: IndexEntry<Event>): Delta[] {
  if (entry.type === 'event') return deltasOf(entry.event)
  const { source, at } = entry.original
  return repeatDeltas(source.ip, numberValues(entry.original), at)
}

/** The write end of one UTC day of the index: event rows, and what each hour adds to the indicators. */
export class DayIndex implements Disposable {
  readonly day: string
  readonly secret: Uint8Array
  readonly #db: DatabaseSync
  readonly #saveMeta: StatementSync
  readonly #hash: KeyHash
  #rows: RowTable | null = null // what of the file is held in memory while it is written
  #hours: HourStore | null = null
  #workedAt = Number.NEGATIVE_INFINITY // when it took something in, monotonic ms
  consumed: number
  /** Set when there is no room: known rows are still counted, new ones are left out. */
  isFull = false

  /** Throws DayUnusable or SQLite's error when the file must be made again. */
  constructor(dir: string, day: string, secret?: Uint8Array) {
    this.day = day
    const path = dayPath(dir, day)
    this.#db = new DatabaseSync(path, { timeout: 5000 })
    try {
      // Although it can be made again, the file must be told from a wrong one, and after a power cut pages of two times
      // can lie side by side unless SQLite orders its writes. NORMAL does that: what it then may lack are the last
      // transactions whole, with the position up to which the journal is in them.
      this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
        PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA journal_size_limit = ${2 * CHECKPOINT_PAGES * 4096}`)
      prepareSchema(this.#db, path, secret)
      this.#saveMeta = this.#db.prepare('UPDATE meta SET consumed = ?, fold = ?')
      const meta = this.#meta()
      this.secret = meta.secret
      this.consumed = meta.consumed
      this.#hash = new KeyHash(meta.secret)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Takes entries of this day in journal order, and the place in the journal with them: each exactly once. */
  apply(entries: Iterable<IndexEntry>): void {
    let consumed = this.consumed
    this.#workedAt = performance.now()
    this.#transaction(() => {
      const rows = this.#openRows()
      const hours = this.#openHours()
      for (const entry of entries) {
        if (entry.id <= consumed) continue
        consumed = entry.id
        if (entry.type === 'event') {
          rows.add(entry.event, this.isFull)
          hours.add(entry.event, this.isFull)
        } else {
          rows.addRepeat(entry.original)
          hours.addRepeat(entry.original, this.isFull)
        }
      }
      if (consumed === this.consumed) return
      rows.write()
      hours.write()
      this.#saveMeta.run(consumed, JSON.stringify(rows.fold))
    })
    this.consumed = consumed
  }

  /** Throws when what `hours` reads is damaged. */
  check(): void {
    this.#openHours().check()
  }

  /** What hours of this day add to the indicators, a part at a time, each least recently seen first. */
  *hours(from: number, to = Number.POSITIVE_INFINITY): Generator<Delta[]> {
    for (const part of this.#openHours().hours(from, to))
      yield part.map(({ delta }) => delta).sort((a, b) => a.lastAt - b.lastAt)
  }

  /** Finds what is wanted of one bucket of an hour; returns how many rows it read for that. */
  collect(wanted: Wanted): number {
    return this.#openHours().collect(wanted)
  }

  /** Removes some of what ended before `cutoff`: tells which indicators lost an hour, and whether there is more. */
  expire(cutoff: number): { expired: ExpiredPart | null; more: boolean } {
    let expired: ExpiredPart | null = null
    let hasMoreRows = false
    this.#transaction(() => {
      expired = this.#openHours().expire(hourOf(cutoff))
      hasMoreRows = this.#expireRows(cutoff)
    })
    return { expired, more: expired !== null || hasMoreRows }
  }

  /** Lets go of what is held in memory, until it is needed again. */
  rest(): void {
    this.#rows = null
    this.#hours = null
    this.#db.exec('PRAGMA shrink_memory')
  }

  /** The same, unless it took something in a short time ago, and so may soon again. */
  restIfIdle(): void {
    if (!this.isResting && performance.now() - this.#workedAt >= IDLE_MS) this.rest()
  }

  get isResting(): boolean {
    return this.#rows === null && this.#hours === null
  }

  /** Takes over rows of another index that are older than the journal, before anything else comes in. */
  carryRows(carried: Iterable<EventRow>): void {
    this.#transaction(() => {
      const rows = this.#openRows()
      for (const row of carried) rows.carry(row)
    })
    this.rest()
  }

  /** Puts other counts in place of those of an hour. */
  replaceHour(hour: number, deltas: readonly Delta[]): void {
    this.#transaction(() => this.#openHours().replace(hour, deltas))
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #meta(): { consumed: number; secret: Uint8Array; fold: FoldState | null } {
    const row = this.#db.prepare('SELECT * FROM meta').get()
    return {
      consumed: Number(row?.consumed),
      secret: row?.secret as Uint8Array,
      fold: JSON.parse(String(row?.fold)) as FoldState | null,
    }
  }

  #openRows(): RowTable {
    this.#rows ??= new RowTable(this.#db, {
      dayStartAt: dayStart(this.day),
      hash: this.#hash,
      fold: this.#meta().fold,
    })
    return this.#rows
  }

  #openHours(): HourStore {
    this.#hours ??= new HourStore(this.#db, { firstHour: hourOf(dayStart(this.day)), hash: this.#hash })
    return this.#hours
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      this.rest() // memory counted what is not there now
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  /** From the oldest row on, as far as they are too old; true when there may be more. */
  #expireRows(cutoff: number): boolean {
    const first = this.#db.prepare('SELECT min(n) AS n FROM events').get()?.n
    if (typeof first !== 'number') return false
    const end = first + EXPIRE_ROWS
    const keep = this.#db
      .prepare('SELECT n FROM events WHERE n < ? AND id / 1000 - lag + span >= ? ORDER BY n LIMIT 1')
      .get(end, cutoff - dayStart(this.day))?.n
    const from = typeof keep === 'number' ? keep : end
    const { changes } = this.#db.prepare('DELETE FROM events WHERE n < ?').run(from)
    if (Number(changes) === 0) return false
    this.#db.prepare('DELETE FROM keys WHERE id < ?').run(pieceIdAt(groupOfRow(from), 0))
    this.#db.prepare('DELETE FROM groups WHERE id < ?').run(groupOfRow(from))
    return Number(changes) === EXPIRE_ROWS
  }
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
