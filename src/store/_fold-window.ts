// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BEHAVIOURS } from '../core/tags.ts'
import type { RowFacts } from './_event-row.ts'
import type { KeyHash } from './_key-hash.ts'
import { KeyTable } from './_key-table.ts'
import { tagMask } from './delta.ts'

const MINUTE_MS = 60_000
/** A window has two parts, so that a row is in it for as long as a retransmission may be behind its event: 64 s. */
const PART_COUNT = 2
const PART_MINUTES = 2
/** Rows of one part: a flood of different events ends it early. */
export const FOLD_ROWS_MAX = 32_768
/** Rows of one part in which those of a source and minute are counted: so many are read when a day is opened again. */
const SOURCE_ROWS_MAX = 65_536

/** The part of a row that more events can change. */
export type OpenRow = {
  readonly n: number
  readonly isSummary: boolean // of what is beyond the rows of its source and minute
  readonly at: number
  lastAt: number
  count: number
  repeatCount: number
  isChanged: boolean // since the last transaction
}

/** How many rows a source has in a minute, summaries apart. */
type SourceMinute = { count: number; summary: OpenRow | null }

/** What a row is found by: hashes, since a Map by fresh strings has the engine keep each, which costs more than all else. */
export type FoldKeys = {
  readonly source: number // of a source and minute
  readonly row: number // of what its events have in common: all but their time
}

/** Where the parts of a window begin, oldest first, and in which minute the youngest does. */
export type WindowState = { readonly minute: number; readonly from: readonly number[] }
/** As it is stored, so that the same rows are open again after a restart. */
export type FoldState = { readonly rows: WindowState; readonly sources: WindowState }

export const minuteOf = (at: number): number => Math.floor(at / MINUTE_MS)

/** Events of a source and minute that differ in nothing but their time share both. Texts of strangers stand behind their length. */
export function foldKeys(hash: KeyHash, row: RowFacts): FoldKeys {
  const source = sourceText(row)
  return { source: hash.wide('source', source), row: hash.wide('fold', `${source} ${foldText(row)}`) }
}

/** The first of them alone, which takes less to know of a row. */
export function sourceKey(hash: KeyHash, row: Pick<RowFacts, 'source' | 'at'>): number {
  return hash.wide('source', sourceText(row))
}

const sourceText = ({ source, at }: Pick<RowFacts, 'source' | 'at'>): string => `${source.ip} ${minuteOf(at)}`

/**
 * What a source was doing is no part of the message, so events that differ in that are not alike. The media of each call
 * is a row of its own, since nothing else would tell which call it was.
 */
function foldText({ id, kind, transport, method, calledNumber, userAgent, tagMask: tags }: RowFacts): string {
  if (kind === 'media') return `${transport} ${kind} ${id}`
  return `${transport} ${kind} ${tags & BEHAVIOUR_MASK} ${sized(method)}${sized(calledNumber)}${sized(userAgent)}`
}

const BEHAVIOUR_MASK = tagMask(BEHAVIOURS)

const sized = (text: string | null): string => (text === null ? '-' : `${text.length}:${text}`)

/**
 * The rows that further events can be counted in, and how many each source made: those of the last minutes, and not more
 * than two parts of them. What is known here follows from the records of the journal and their order alone, never from
 * where a transaction or a run of the program ended, so that an index made again has the same rows.
 */
export class FoldWindow {
  readonly #rows: Window<OpenRow>
  readonly #sources: Window<SourceMinute>

  constructor({ rows, sources }: FoldState) {
    this.#rows = new Window(rows)
    this.#sources = new Window(sources)
  }

  get state(): FoldState {
    return { rows: this.#rows.state, sources: this.#sources.state }
  }

  /** Called with each event before its row is looked for; `n` is the number that a new row would have. */
  advance(at: number, n: number): void {
    const minute = minuteOf(at)
    this.#rows.advance(minute, n, FOLD_ROWS_MAX)
    this.#sources.advance(minute, n, SOURCE_ROWS_MAX)
  }

  find({ row }: FoldKeys): OpenRow | null {
    for (const part of this.#rows.parts) {
      const found = part.get(row)
      if (found !== undefined) return found
    }
    return null
  }

  summary({ source }: FoldKeys): OpenRow | null {
    for (const part of this.#sources.parts) {
      const summary = part.get(source)?.summary ?? null
      if (summary !== null) return summary
    }
    return null
  }

  rowCount({ source }: FoldKeys): number {
    let count = 0
    for (const part of this.#sources.parts) count += part.get(source)?.count ?? 0
    return count
  }

  add(row: OpenRow, keys: FoldKeys): void {
    this.addToSource(row, keys.source)
    if (!row.isSummary) this.#rows.partOf(row.n)?.set(keys.row, row)
  }

  /** Counts a row that nothing more is counted in, as one of its source. */
  addToSource(row: OpenRow, key: number): void {
    const sources = this.#sources.partOf(row.n)
    if (sources === null) return
    let source = sources.get(key)
    if (source === undefined) {
      source = { count: 0, summary: null }
      sources.set(key, source)
    }
    if (row.isSummary) source.summary = row
    else source.count++
  }
}

/** Tables of what lies in rows from a number on, the youngest first. */
class Window<T> {
  #minute: number
  #from: number[] // youngest first
  parts: KeyTable<T>[]

  constructor({ minute, from }: WindowState) {
    this.#minute = minute
    this.#from = [...from].reverse()
    this.parts = from.map(() => new KeyTable<T>())
  }

  get state(): WindowState {
    return { minute: this.#minute, from: [...this.#from].reverse() }
  }

  /** Begins a new part where one is due, and lets go of the oldest one. */
  advance(minute: number, n: number, rowsMax: number): void {
    const isLater = minute >= this.#minute + PART_MINUTES
    if (isLater) this.#minute = minute
    const rowCount = n - (this.#from[0] ?? 0)
    if (rowCount < rowsMax && (!isLater || rowCount === 0)) return
    this.#from = [n, ...this.#from].slice(0, PART_COUNT)
    this.parts = [new KeyTable<T>(), ...this.parts].slice(0, PART_COUNT)
  }

  /** Null when the row is older than all parts. */
  partOf(n: number): KeyTable<T> | null {
    return this.parts[this.#from.findIndex((from) => n >= from)] ?? null
  }
}
