// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { mkdirSync } from 'node:fs'
import { DaemonError } from '../core/errors.ts'
import { daySize, listDays, removeDay } from './day-files.ts'
import { DayIndex, entryDay, entryDeltas, type IndexEntry, sumDeltas } from './day-index.ts'
import type { Delta } from './delta.ts'
import { deriveEvent } from './derive.ts'
import type { JournalEntry, JournalReader } from './journal-reader.ts'
import { DAY_MS, dayOf, dayStart, HOUR_MS, hourOf, RETENTION_MS } from './retention.ts'
import { listSegments, scanSegment } from './segment.ts'

const STEP_COUNT = 500 // records taken into the index by one step, some tens of milliseconds
const EXPIRE_COUNT = 250 // rows taken out of it by one

/** What an indicator lost when an hour of it expired, and what is left of it. */
export type Expiry = { readonly lost: Delta; readonly left: Delta | null }

/** Carries the journal into the day files, each record exactly once, and takes out what has expired. */
export class Indexer implements Disposable {
  readonly #dir: string
  readonly #journalDir: string
  readonly #journal: JournalReader
  readonly #mendedDays = new Set<string>()
  readonly #days = new Map<string, DayIndex>()
  readonly repairs: string[] = []
  /** Records that the index lacked when `load` had ended. */
  pendingCount = 0
  /** The id of the newest record in the index. */
  position: number

  constructor(dirs: { index: string; journal: string }, journal: JournalReader) {
    mkdirSync(dirs.index, { recursive: true, mode: 0o700 })
    this.#dir = dirs.index
    this.#journalDir = dirs.journal
    this.#journal = journal
    for (const day of listDays(dirs.index)) this.#mending(day, () => this.#day(day))
    this.position = this.#resumeAfter()
  }

  /** Takes the next records up to `upTo`; returns how many there were. A damaged day is made again from its start. */
  step(upTo: number): number {
    const found = this.#journal.read(this.position, STEP_COUNT, upTo)
    let group: IndexEntry[] = []
    let groupDay = ''
    const apply = (): boolean => group.length === 0 || this.#mending(groupDay, () => this.#day(groupDay).apply(group))
    for (const journalEntry of found) {
      const entry = this.#entryOf(journalEntry)
      if (entry === null) continue
      const day = entryDay(entry)
      if (day !== groupDay && group.length > 0) {
        if (!apply()) return found.length
        group = []
      }
      groupDay = day
      group.push(entry)
    }
    if (!apply()) return found.length
    this.position = found.at(-1)?.id ?? Math.max(this.position, upTo)
    return found.length
  }

  /** The hours of all indicators, oldest first, as far as they are not expired; then what the index still lacks. */
  *load(now: number, upTo: number): Generator<Delta[]> {
    for (const day of [...this.#days.keys()].sort()) {
      const chunks: Delta[][] = []
      const read = (): void => {
        for (const hour of this.#day(day).hours(hourOf(now - RETENTION_MS))) chunks.push(hour)
      }
      if (this.#mending(day, read)) yield* chunks
    }
    yield* this.#pending(upTo)
  }

  /** Takes out some of what is older than 7 days and tells what is left; `more` says whether to call again. */
  expire(now: number): { expiries: Expiry[]; more: boolean } {
    const cutoff = now - RETENTION_MS
    for (const day of [...this.#days.keys()].sort()) {
      if (dayStart(day) >= cutoff) continue
      let lost: Delta[] = []
      let more = false
      const take = (): void => {
        ;({ lost, more } = this.#day(day).expire(Math.min(cutoff, dayStart(day) + DAY_MS + HOUR_MS), EXPIRE_COUNT))
      }
      if (!this.#mending(day, take)) return { expiries: [], more: true }
      const isOver = dayStart(day) + DAY_MS <= cutoff
      if (!more && isOver) this.#dropDay(day)
      if (lost.length > 0 || more) {
        return { expiries: lost.map((delta) => ({ lost: delta, left: this.#leftOf(delta) })), more: true }
      }
    }
    return { expiries: [], more: false }
  }

  /** Removes the days that are over for more than 7 days; for a start, when nobody has to be told what is left. */
  dropExpired(now: number): void {
    for (const day of [...this.#days.keys()]) if (dayStart(day) + DAY_MS <= now - RETENTION_MS) this.#dropDay(day)
  }

  /** Keeps the files within a size: the oldest day goes first, and the last one left takes in nothing new. */
  limit(sizeMax: number): void {
    for (const day of [...this.#days.keys()].sort()) {
      const isOver = this.size > sizeMax
      if (isOver && this.#days.size > 1) this.#dropDay(day)
      else this.#day(day).isFull = isOver
    }
  }

  get isFull(): boolean {
    return [...this.#days.values()].some((index) => index.isFull)
  }

  /** Removes a day whole. */
  #dropDay(day: string): void {
    this.#days.get(day)?.[Symbol.dispose]()
    this.#days.delete(day)
    removeDay(this.#dir, day)
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

  /**
   * Does some work on a day's file. A file that turns out damaged costs nothing but the time to make it again: it is
   * removed, and the index goes back to its first record. False when that happened. Throws INDEX_CORRUPT when even the
   * new file is damaged.
   */
  #mending(day: string, work: () => void): boolean {
    try {
      work()
      return true
    } catch (error) {
      if (error instanceof DaemonError || !isDamage(error)) throw error
      if (this.#mendedDays.has(day)) {
        throw new DaemonError(
          'INDEX_CORRUPT',
          `${day}: ${(error as Error).message}; made again, it is damaged again: check the disk`,
        )
      }
      this.#mendedDays.add(day)
      this.#dropDay(day)
      this.repairs.push(
        `the index of ${day} was damaged and is made again from the journal (${(error as Error).message})`,
      )
      this.position = this.#resumeAfter()
      return false
    }
  }

  /** What the records behind the index add, read once while starting; the index takes them up later. */
  *#pending(upTo: number): Generator<Delta[]> {
    for (let after = this.position; ; ) {
      const found = this.#journal.read(after, STEP_COUNT, upTo)
      const last = found.at(-1)
      if (last === undefined) return
      after = last.id
      this.pendingCount += found.length
      yield found.flatMap((journalEntry) => {
        const entry = this.#entryOf(journalEntry)
        if (entry === null || entry.id <= (this.#days.get(entryDay(entry))?.consumed ?? 0)) return []
        return entryDeltas(entry)
      })
    }
  }

  /** The place from where on some day's file may lack records. */
  #resumeAfter(): number {
    const segments = listSegments(this.#journalDir)
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

const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

export function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode
  return code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff)
}
