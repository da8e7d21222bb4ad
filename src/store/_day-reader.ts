// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { COLUMNS, type EventRow, type StoredRow, unpackRow } from './_event-row.ts'
import { KeyHash } from './_key-hash.ts'
import { GROUP_SIZE, groupOfPiece, groupOfRow, pieceIdAt, placesIn } from './_postings.ts'
import { type RowFilter, rowFilter } from './_row-filter.ts'
import { dayPath } from './day-files.ts'
import { DAY_SCHEMA_VERSION, schemaVersion } from './day-schema.ts'
import { dayStart } from './retention.ts'
import type { EventQuery } from './types.ts'

const ID_PER_MS = 1000

/** Rows of numbers from `from` on and below `to`. */
type Range = { readonly from: number; readonly to: number }

/** The read end of one day: its rows by their ids, and by what is asked for. */
export class DayReader implements Disposable {
  readonly day: string
  readonly #inode: number
  readonly #db: DatabaseSync
  readonly #dayStartAt: number
  readonly #hash: KeyHash
  readonly #statements: Record<'bounds' | 'idOf' | 'piece' | 'row', StatementSync>

  private constructor(db: DatabaseSync, day: string, inode: number) {
    this.day = day
    this.#inode = inode
    this.#db = db
    this.#dayStartAt = dayStart(day)
    this.#hash = new KeyHash(db.prepare('SELECT secret FROM meta').get()?.secret as Uint8Array)
    this.#statements = {
      bounds: db.prepare('SELECT (SELECT min(n) FROM events) AS first, (SELECT max(n) FROM events) AS last'),
      idOf: db.prepare('SELECT id FROM events WHERE n = ?'),
      piece: db.prepare('SELECT id, postings FROM keys WHERE id <= ? ORDER BY id DESC LIMIT 1'),
      row: db.prepare(`SELECT ${COLUMNS} FROM events WHERE n = ?`),
    }
  }

  /** Null while the store thread is still making the file. */
  static open(dir: string, day: string): DayReader | null {
    const path = dayPath(dir, day)
    const { ino } = statSync(path)
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    if (schemaVersion(db) === DAY_SCHEMA_VERSION) return new DayReader(db, day, ino)
    db.close()
    return null
  }

  /** Whether the file is still the one that was opened: a damaged day is made again under its name. */
  isCurrent(dir: string): boolean {
    return statSync(dayPath(dir, this.day), { throwIfNoEntry: false })?.ino === this.#inode
  }

  get rowCount(): number {
    const { from, to } = this.#bounds()
    return to - from
  }

  filter(query: EventQuery, now: number): RowFilter {
    return rowFilter(query, { now, dayStartAt: this.#dayStartAt, hash: this.#hash })
  }

  /** The rows that answer, newest first: of those with an id above `above` and below `below`. */
  rows(
    filter: RowFilter,
    { above, below, limit }: { above: number; below?: number | undefined; limit: number },
  ): EventRow[] {
    return this.#consistently(() => {
      const bounds = this.#bounds()
      const to = below === undefined ? bounds.to : this.#firstFrom(bounds, this.#relative(below))
      const from = Math.max(this.#start(filter, bounds), this.#firstFrom(bounds, this.#relative(above) + 1))
      const statement = this.#db.prepare(
        `SELECT ${COLUMNS} FROM events WHERE n >= ? AND n < ? AND ${filter.where} ORDER BY n DESC LIMIT ?`,
      )
      const rows: EventRow[] = []
      for (const range of this.#ranges(filter, { from, to }, bounds)) {
        for (const row of statement.iterate(range.from, range.to, ...filter.values, limit - rows.length))
          rows.push(unpackRow(row as StoredRow, this.#dayStartAt))
        if (rows.length >= limit) break
      }
      return rows
    })
  }

  /** How many rows answer; counts no further than to `limit`. */
  count(filter: RowFilter, limit: number): number {
    return this.#consistently(() => {
      const bounds = this.#bounds()
      const within = { from: this.#start(filter, bounds), to: bounds.to }
      if (filter.groups === null) return this.#countAll(filter, within)
      let count = 0
      const statement = this.#prepareCount(filter)
      for (const range of this.#ranges(filter, within, bounds)) {
        count += Number(statement.get(range.from, range.to, ...filter.values, limit - count)?.count)
        if (count >= limit) break
      }
      return count
    })
  }

  row(id: number): EventRow | undefined {
    const bounds = this.#bounds()
    const row = this.#statements.row.get(this.#firstFrom(bounds, this.#relative(id))) as StoredRow | undefined
    const found = row && unpackRow(row, this.#dayStartAt)
    return found?.id === id ? found : undefined
  }

  /** All rows, oldest first. */
  *all(): Generator<EventRow> {
    for (const row of this.#db.prepare(`SELECT ${COLUMNS} FROM events ORDER BY n`).iterate())
      yield unpackRow(row as StoredRow, this.#dayStartAt)
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  /** Several statements see the same rows, whatever the store thread writes meanwhile. */
  #consistently<T>(work: () => T): T {
    this.#db.exec('BEGIN')
    try {
      return work()
    } finally {
      if (this.#db.isTransaction) this.#db.exec('COMMIT')
    }
  }

  #relative(id: number): number {
    return id - this.#dayStartAt * ID_PER_MS
  }

  #bounds(): Range {
    const { first, last } = this.#statements.bounds.get() ?? {}
    return typeof first === 'number' && typeof last === 'number' ? { from: first, to: last + 1 } : { from: 1, to: 1 }
  }

  /** An id is never below its time in microseconds. */
  #start(filter: RowFilter, bounds: Range): number {
    return this.#firstFrom(bounds, filter.from * ID_PER_MS)
  }

  /** The first row whose id, as it is stored, is no smaller: ids rise with the numbers of rows. */
  #firstFrom({ from, to }: Range, id: number): number {
    let low = from
    let high = to
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (Number(this.#statements.idOf.get(middle)?.id) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Where rows that answer can lie, newest first. */
  *#ranges(filter: RowFilter, within: Range, bounds: Range): Generator<Range> {
    if (filter.groups === null) {
      yield within
      return
    }
    const tailFrom = groupOfRow(bounds.to) * GROUP_SIZE
    if (within.to > tailFrom) yield { from: Math.max(within.from, tailFrom), to: within.to }
    const groups = this.#db.prepare(
      `SELECT id FROM groups WHERE id >= ? AND id <= ? AND ${filter.groups.where} ORDER BY id DESC`,
    )
    for (const row of groups.all(groupOfRow(within.from), groupOfRow(within.to - 1), ...filter.groups.values)) {
      const group = Number(row.id)
      const from = group * GROUP_SIZE
      const places = this.#places(group, filter.keys)
      if (places === 'all') yield { from: Math.max(within.from, from), to: Math.min(within.to, from + GROUP_SIZE) }
      else
        for (const place of places.reverse())
          if (from + place >= within.from && from + place < within.to)
            yield { from: from + place, to: from + place + 1 }
    }
  }

  /** The rows of a group that may hold a key of each list, which those of the shortest one are. */
  #places(group: number, keys: RowFilter['keys']): number[] | 'all' {
    let shortest: number[] | 'all' = 'all'
    for (const list of keys) {
      const places = this.#placesOfAny(group, list)
      if (places !== 'all' && (shortest === 'all' || places.length < shortest.length)) shortest = places
    }
    return shortest
  }

  #placesOfAny(group: number, hashes: readonly number[]): number[] | 'all' {
    const found = new Set<number>()
    for (const hash of hashes) {
      const piece = this.#statements.piece.get(pieceIdAt(group, hash))
      if (piece === undefined || groupOfPiece(Number(piece.id)) !== group) continue
      const places = placesIn(piece.postings as Uint8Array, hash)
      if (places === 'all') return 'all'
      for (const place of places) found.add(place)
    }
    return hashes.length === 1 ? [...found] : [...found].sort((a, b) => a - b)
  }

  #prepareCount(filter: RowFilter): StatementSync {
    return this.#db.prepare(
      `SELECT count(*) AS count FROM (SELECT 1 FROM events WHERE n >= ? AND n < ? AND ${filter.where} LIMIT ?)`,
    )
  }

  /** Rows of groups that hold nothing too old need no look at each. */
  #countAll(filter: RowFilter, within: Range): number {
    const young = this.#db.prepare('SELECT id FROM groups WHERE first_at > ?').all(filter.cutoff)
    const whole = new Set(young.map(({ id }) => Number(id)))
    const statement = this.#prepareCount(filter)
    let count = 0
    for (let from = within.from; from < within.to; ) {
      const group = groupOfRow(from)
      const to = Math.min(within.to, (group + 1) * GROUP_SIZE)
      const values: SQLInputValue[] = [from, to, ...filter.values, -1]
      count += whole.has(group) ? to - from : Number(statement.get(...values)?.count)
      from = to
    }
    return count
  }
}
