// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { mkdirSync } from 'node:fs'
import { DaemonError } from '../core/errors.ts'
import { DayIndex, daySize, entryDay, type IndexEntry, listDays, removeDay, sumDeltas } from './day-index.ts'
import type { Delta } from './delta.ts'
import { deriveEvent } from './derive.ts'
import type { JournalEntry, JournalReader } from './journal-reader.ts'
import { DAY_MS, dayOf, dayStart, HOUR_MS, RETENTION_MS } from './retention.ts'
import { listSegments, scanSegment } from './segment.ts'

const STEP_COUNT = 2000 // records taken into the index by one step

/** What an indicator lost when an hour of it expired, and what is left of it. */
export type Expiry = { readonly lost: Delta; readonly left: Delta | null }

/** Carries the journal into the day files, each record exactly once, and takes out what has expired. */
export class Indexer implements Disposable {
  readonly #dir: string
  readonly #journal: JournalReader
  readonly #days = new Map<string, DayIndex>()
  readonly repairs: string[] = []
  /** The id of the newest record in the index. */
  position: number

  constructor(dirs: { index: string; journal: string }, journal: JournalReader) {
    mkdirSync(dirs.index, { recursive: true, mode: 0o700 })
    this.#dir = dirs.index
    this.#journal = journal
    for (const day of listDays(dirs.index)) this.#openOrRebuild(day)
    this.position = this.#resumeAfter(dirs.journal)
  }

  /** Takes the next records up to `upTo`; returns how many there were. */
  step(upTo: number): number {
    const found = this.#journal.read(this.position, STEP_COUNT, upTo)
    const group: IndexEntry[] = []
    let groupDay = ''
    for (const journalEntry of found) {
      const entry = this.#entryOf(journalEntry)
      if (entry === null) continue
      const day = entryDay(entry)
      if (day !== groupDay && group.length > 0) this.#day(groupDay).apply(group.splice(0))
      groupDay = day
      group.push(entry)
    }
    if (group.length > 0) this.#day(groupDay).apply(group)
    this.position = found.at(-1)?.id ?? Math.max(this.position, upTo)
    return found.length
  }

  /** The hours of all indicators, added up over the days. */
  sums(): Iterable<Delta> {
    const sums = new Map<string, Delta>()
    for (const index of this.#days.values()) {
      for (const delta of index.hours()) {
        const key = keyOf(delta)
        const sum = sums.get(key)
        sums.set(key, sum === undefined ? delta : sumDeltas(sum, delta))
      }
    }
    return sums.values()
  }

  /** Removes what is older than 7 days. Right only when the index has caught up, since it tells what is left. */
  expire(now: number): Expiry[] {
    const cutoff = now - RETENTION_MS
    const lost = new Map<string, Delta>()
    for (const [day, index] of [...this.#days].sort()) {
      if (dayStart(day) >= cutoff) continue
      for (const delta of index.expire(Math.min(cutoff, dayStart(day) + DAY_MS + HOUR_MS)))
        lost.set(keyOf(delta), delta)
      if (dayStart(day) + DAY_MS > cutoff) continue
      index[Symbol.dispose]()
      this.#days.delete(day)
      removeDay(this.#dir, day)
    }
    return [...lost.values()].map((delta) => ({ lost: delta, left: this.#leftOf(delta) }))
  }

  /** Bytes on disk. */
  get size(): number {
    return [...this.#days.keys()].reduce((sum, day) => sum + daySize(this.#dir, day), 0)
  }

  [Symbol.dispose](): void {
    for (const index of this.#days.values()) index[Symbol.dispose]()
    this.#days.clear()
  }

  #leftOf(delta: Delta): Delta | null {
    const left = [...this.#days.values()].flatMap((index) => index.hoursOf(delta))
    return left.length === 0 ? null : left.reduce(sumDeltas)
  }

  #entryOf({ id, record }: JournalEntry): IndexEntry | null {
    if (record.type === 'event') return { type: 'event', id, event: deriveEvent(id, record.observation) }
    const original = this.#journal.get(record.repeat.repeatOf)
    if (original?.type !== 'event') return null // its block is damaged or gone, so there is no row to count it in
    return { type: 'repeat', id, original: deriveEvent(record.repeat.repeatOf, original.observation) }
  }

  #day(day: string): DayIndex {
    const open = this.#days.get(day)
    if (open !== undefined) return open
    const index = new DayIndex(this.#dir, day)
    this.#days.set(day, index)
    return index
  }

  /** A day's file that cannot be read costs nothing but the time to make it again. */
  #openOrRebuild(day: string): void {
    try {
      this.#day(day)
    } catch (error) {
      if (error instanceof DaemonError || !isDamage(error)) throw error
      removeDay(this.#dir, day)
      this.#day(day)
      this.repairs.push(
        `the index of ${day} was damaged and is made again from the journal (${(error as Error).message})`,
      )
    }
  }

  /** The place from where on some day's file may lack records. */
  #resumeAfter(journalDir: string): number {
    const segments = listSegments(journalDir)
    const lastOfDay = new Map<string, { firstId: number; lastPath: string }>()
    for (const segment of segments) {
      const day = dayOf(segment.hour * HOUR_MS)
      const known = lastOfDay.get(day)
      lastOfDay.set(day, { firstId: known?.firstId ?? segment.firstId, lastPath: segment.path })
    }
    let resumeAfter = Number.POSITIVE_INFINITY
    let end = 0
    for (const [day, { firstId, lastPath }] of lastOfDay) {
      const last = scanSegment(lastPath).blocks.at(-1)?.header
      const lastId = last === undefined ? 0 : last.firstId + last.recordCount - 1
      const consumed = this.#days.get(day)?.consumed ?? 0
      end = Math.max(end, lastId)
      if (consumed < lastId) resumeAfter = Math.min(resumeAfter, Math.max(consumed, firstId - 1))
    }
    return Number.isFinite(resumeAfter) ? resumeAfter : end
  }
}

const keyOf = ({ kind, value, form }: Delta): string => `${kind} ${form} ${value}`

const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode
  return code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff)
}
