// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BEHAVIOURS } from '../core/tags.ts'
import type { RowFacts } from './_event-row.ts'
import type { KeyHash } from './_key-hash.ts'
import { tagMask } from './delta.ts'

const MINUTE_MS = 60_000
/** A window has two parts, so that a row is in it for as long as a retransmission may be behind its event: 64 s. */
const PART_COUNT = 2
const PART_MINUTES = 2
/** Rows of one part: a flood of different events ends it early. */
export const FOLD_ROWS_MAX = 32_768
/** Sources whose rows are counted in one part, and rows of it: so many are read when a day is opened again. */
export const FOLD_SOURCES_MAX = 65_536
const SOURCE_ROWS_MAX = 65_536

/** The part of a row that more events can change. */
export type OpenRow = {
  readonly n: number
  readonly minute: number
  readonly key: number // of what its events have in common beside source and minute; SUMMARY for what is beyond those rows
  readonly at: number
  lastAt: number
  count: number
  repeatCount: number
  isChanged: boolean // since the last transaction
  next: OpenRow | null // of the same source
}

/** How many rows a source has in a minute, summaries apart. */
type SourceMinute = { readonly minute: number; count: number; summary: OpenRow | null; next: SourceMinute | null }

/** Where the parts of a window begin, oldest first, and in which minute the youngest does. */
export type WindowState = { readonly minute: number; readonly from: readonly number[] }
/** As it is stored, so that the same rows are open again after a restart. */
export type FoldState = { readonly rows: WindowState; readonly sources: WindowState }

export const minuteOf = (at: number): number => Math.floor(at / MINUTE_MS)

/** Events of a source and minute that differ in nothing but their time share this. Texts of strangers stand behind their length. */
export const foldKey = (hash: KeyHash, facts: RowFacts): number => hash.wide('fold', foldText(facts))

/**
 * What a source was doing is no part of the message, so events that differ in that are not alike. The media of each call
 * is a row of its own, since nothing else would tell which call it was.
 */
function foldText({ id, kind, transport, method, calledNumber, userAgent, tagMask: tags }: RowFacts): string {
  if (kind === 'media') return `${transport} ${kind} ${id}`
  return `${transport} ${kind} ${tags & BEHAVIOUR_MASK} ${sized(method)}${sized(calledNumber)}${sized(userAgent)}`
}

const BEHAVIOUR_MASK = tagMask(BEHAVIOURS)

export const SUMMARY = -1

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
    this.#rows.advance(minute, n, n - this.#rows.youngFrom >= FOLD_ROWS_MAX)
    const { youngFrom, youngSize } = this.#sources
    this.#sources.advance(minute, n, youngSize >= FOLD_SOURCES_MAX || n - youngFrom >= SOURCE_ROWS_MAX)
  }

  find(ip: string, minute: number, key: number): OpenRow | null {
    for (const part of this.#rows.parts)
      for (let row = part.get(ip) ?? null; row !== null; row = row.next)
        if (row.key === key && row.minute === minute) return row
    return null
  }

  summary(ip: string, minute: number): OpenRow | null {
    for (const part of this.#sources.parts) {
      const summary = sourceMinute(part, ip, minute)?.summary ?? null
      if (summary !== null) return summary
    }
    return null
  }

  rowCount(ip: string, minute: number): number {
    let count = 0
    for (const part of this.#sources.parts) count += sourceMinute(part, ip, minute)?.count ?? 0
    return count
  }

  add(row: OpenRow, ip: string): void {
    this.#addToSource(row, ip)
    const rows = row.key === SUMMARY ? null : this.#rows.partOf(row.n)
    if (rows === null) return
    row.next = rows.get(ip) ?? null
    rows.set(ip, row)
  }

  #addToSource(row: OpenRow, ip: string): void {
    const sources = this.#sources.partOf(row.n)
    if (sources === null) return
    let source = sourceMinute(sources, ip, row.minute)
    if (source === null) {
      source = { minute: row.minute, count: 0, summary: null, next: sources.get(ip) ?? null }
      sources.set(ip, source)
    }
    if (row.key === SUMMARY) source.summary = row
    else source.count++
  }
}

function sourceMinute(part: Map<string, SourceMinute>, ip: string, minute: number): SourceMinute | null {
  let source = part.get(ip) ?? null
  while (source !== null && source.minute !== minute) source = source.next
  return source
}

/** Maps by address of what lies in rows from a number on, the youngest first. */
class Window<T> {
  #minute: number
  #from: number[] // youngest first
  parts: Map<string, T>[]

  constructor({ minute, from }: WindowState) {
    this.#minute = minute
    this.#from = [...from].reverse()
    this.parts = from.map(() => new Map())
  }

  get state(): WindowState {
    return { minute: this.#minute, from: [...this.#from].reverse() }
  }

  get youngFrom(): number {
    return this.#from[0] ?? 0
  }

  get youngSize(): number {
    return this.parts[0]?.size ?? 0
  }

  /** Begins a new part where one is due, and lets go of the oldest one. */
  advance(minute: number, n: number, isFull: boolean): void {
    const isLater = minute >= this.#minute + PART_MINUTES
    if (isLater) this.#minute = minute
    if (!isFull && (!isLater || n === this.youngFrom)) return
    this.#from = [n, ...this.#from].slice(0, PART_COUNT)
    this.parts = [new Map(), ...this.parts].slice(0, PART_COUNT)
  }

  /** Null when the row is older than all parts. */
  partOf(n: number): Map<string, T> | null {
    return this.parts[this.#from.findIndex((from) => n >= from)] ?? null
  }
}
