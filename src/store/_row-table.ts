// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { TRANSPORTS } from '../core/event.ts'
import {
  COLUMNS,
  COUNT_COLUMNS,
  type EventRow,
  INSERT_ROW,
  type Packing,
  packRow,
  type RowCounts,
  type RowFacts,
  rowFacts,
  rowNumbers,
  type StoredRow,
  unpackRow,
} from './_event-row.ts'
import { type FoldKeys, type FoldState, FoldWindow, foldKeys, type OpenRow, sourceKey } from './_fold-window.ts'
import type { KeyHash } from './_key-hash.ts'
import { GROUP_SIZE, groupOfRow, Postings } from './_postings.ts'
import { Texts } from './_texts.ts'
import type { IndexFacts } from './index-facts.ts'

/** Distinct rows of one source in one minute; what goes beyond is counted in one summary row. */
export const ROWS_PER_SOURCE_MINUTE = 60

type NewRow = { readonly open: OpenRow; readonly facts: RowFacts }
type Group = { firstAt: number; lastAt: number; tagMask: number; transportMask: number }

/** The event rows of a day as they are written: folded, numbered, and with the keys of each full group of them. */
export class RowTable {
  readonly #dayStartAt: number
  readonly #packing: Packing
  readonly #hash: KeyHash
  readonly #window: FoldWindow
  readonly #postings = new Postings()
  readonly #statements: Record<'insert' | 'update' | 'piece' | 'group', StatementSync>
  #group: Group = emptyGroup()
  #nextN: number
  #newRows: NewRow[] = []
  #changed: OpenRow[] = []

  constructor(db: DatabaseSync, deps: { dayStartAt: number; hash: KeyHash; fold: FoldState | null }) {
    this.#dayStartAt = deps.dayStartAt
    this.#hash = deps.hash
    this.#packing = { dayStartAt: deps.dayStartAt, texts: new Texts(db) }
    this.#statements = {
      insert: db.prepare(INSERT_ROW),
      update: db.prepare('UPDATE events SET span = ?, count = ?, repeat_count = ? WHERE n = ?'),
      piece: db.prepare('INSERT INTO keys VALUES (?, ?)'),
      group: db.prepare('INSERT INTO groups VALUES (?, ?, ?, ?, ?)'),
    }
    this.#nextN = Number(db.prepare('SELECT max(n) AS n FROM events').get()?.n ?? 0) + 1
    const start = { minute: 0, from: [this.#nextN] }
    const fold = deps.fold ?? { rows: start, sources: start }
    this.#window = new FoldWindow(fold)
    this.#reopen(db, fold)
  }

  get fold(): FoldState {
    return this.#window.state
  }

  /** `isFull`: no new row is made, known ones count. */
  add(event: IndexFacts, isFull: boolean): void {
    const facts = rowFacts(event)
    this.#window.advance(facts.at, this.#nextN)
    const keys = foldKeys(this.#hash, facts)
    const row = this.#window.find(keys)
    if (row !== null) this.#count(row, facts.at)
    else if (this.#window.rowCount(keys) < ROWS_PER_SOURCE_MINUTE) this.#make(facts, keys, { isSummary: false, isFull })
    else this.#addToSummary(facts, keys, isFull)
  }

  addRepeat(original: IndexFacts): void {
    const keys = foldKeys(this.#hash, rowFacts(original))
    const row = this.#window.find(keys) ?? this.#window.summary(keys)
    if (row === null) return
    row.repeatCount++
    this.#change(row)
  }

  /** Takes rows of another index before any event, in the order of their ids: they stay as they are. */
  carry(row: EventRow): void {
    this.#insert(this.#nextN++, row, row, row.isSummary)
  }

  /** Writes what was added since the last time; within the transaction of its caller. */
  write(): void {
    for (const { open, facts } of this.#newRows) {
      this.#insert(open.n, facts, open, open.isSummary)
      open.isChanged = false
    }
    for (const row of this.#changed) {
      this.#statements.update.run(row.lastAt - row.at, row.count, row.repeatCount, row.n)
      row.isChanged = false
    }
    this.#newRows = []
    this.#changed = []
  }

  #insert(n: number, facts: RowFacts, counts: RowCounts, isSummary: boolean): void {
    this.#statements.insert.run(...packRow(n, facts, counts, isSummary, this.#packing))
    this.#post(n, facts)
  }

  #addToSummary(facts: RowFacts, keys: FoldKeys, isFull: boolean): void {
    const row = this.#window.summary(keys)
    if (row === null) this.#make(facts, keys, { isSummary: true, isFull })
    else this.#count(row, facts.at)
  }

  #count(row: OpenRow, at: number): void {
    row.count++
    row.lastAt = Math.max(row.lastAt, at)
    this.#change(row)
  }

  #change(row: OpenRow): void {
    if (row.isChanged) return
    row.isChanged = true
    this.#changed.push(row)
  }

  #make(facts: RowFacts, keys: FoldKeys, { isSummary, isFull }: { isSummary: boolean; isFull: boolean }): void {
    if (isFull) return
    const { at } = facts
    const n = this.#nextN++
    const open = { n, isSummary, at, lastAt: at, count: 1, repeatCount: 0, isChanged: true }
    this.#window.add(open, keys)
    this.#newRows.push({ open, facts })
  }

  #post(n: number, row: RowFacts): void {
    const place = n % GROUP_SIZE
    this.#note(place, row)
    if (place < GROUP_SIZE - 1) return
    const group = groupOfRow(n)
    for (const { id, bytes } of this.#postings.pack(group)) this.#statements.piece.run(id, bytes)
    const { firstAt, lastAt, tagMask, transportMask } = this.#group
    this.#statements.group.run(group, firstAt, lastAt, tagMask, transportMask)
    this.#postings.clear()
    this.#group = emptyGroup()
  }

  #note(place: number, row: RowFacts): void {
    this.#postings.add(this.#hash.of('ip', row.source.ip), place)
    for (const number of rowNumbers(row)) this.#postings.add(this.#hash.of('number', number), place)
    if (row.method !== null) this.#postings.add(this.#hash.of('method', row.method), place)
    if (row.userAgent !== null) this.#postings.add(this.#hash.of('userAgent', row.userAgent), place)
    const group = this.#group
    const at = row.at - this.#dayStartAt
    group.firstAt = Math.min(group.firstAt, at)
    group.lastAt = Math.max(group.lastAt, at)
    group.tagMask |= row.tagMask
    group.transportMask |= 1 << TRANSPORTS.indexOf(row.transport)
  }

  /** Reads the rows that more events can be counted in, those of busy sources, and those of the group that is not full. */
  #reopen(db: DatabaseSync, { rows, sources }: FoldState): void {
    const wholeFrom = rows.from[0] ?? this.#nextN
    const countedFrom = sources.from[0] ?? this.#nextN
    const groupFrom = groupOfRow(this.#nextN) * GROUP_SIZE
    const whole = db.prepare(`SELECT ${COLUMNS} FROM events WHERE n >= ? ORDER BY n`)
    const counted = db.prepare(`SELECT ${COUNT_COLUMNS} FROM events WHERE n >= ? AND n < ? ORDER BY n`)
    for (const stored of counted.iterate(countedFrom, wholeFrom)) {
      const row = unpack(stored, this.#packing) // without what it was found by
      this.#window.addToSource(openRow(row), sourceKey(this.#hash, row))
    }
    for (const stored of whole.iterate(Math.min(wholeFrom, groupFrom))) {
      const row = unpack(stored, this.#packing)
      if (row.n >= wholeFrom) this.#reopenRow(row)
      if (row.n >= groupFrom) this.#note(row.n % GROUP_SIZE, row)
    }
  }

  #reopenRow(row: EventRow): void {
    this.#window.add(openRow(row), foldKeys(this.#hash, row))
  }
}

function openRow({ n, isSummary, at, lastAt, count, repeatCount }: EventRow): OpenRow {
  return { n, isSummary, at, lastAt, count, repeatCount, isChanged: false }
}

const unpack = (stored: unknown, { dayStartAt }: Packing): EventRow => unpackRow(stored as StoredRow, dayStartAt)

const emptyGroup = (): Group => ({
  firstAt: Number.MAX_SAFE_INTEGER,
  lastAt: Number.MIN_SAFE_INTEGER,
  tagMask: 0,
  transportMask: 0,
})
