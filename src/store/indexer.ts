// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { mkdirSync } from 'node:fs'
import { DaemonError } from '../core/errors.ts'
import type { ExpiredPart, HourDelta } from './_hour-runs.ts'
import { ObservedFacts } from './_observed-facts.ts'
import { daySize, listDays, removeDay } from './day-files.ts'
import { DayIndex, entryDay, entryDeltas, sumDeltas } from './day-index.ts'
import { DayUnusable } from './day-schema.ts'
import type { Delta } from './delta.ts'
import { deriveCounted } from './derive.ts'
import type { DialledForms } from './dialled-forms.ts'
import type { IndexEntry, IndexFacts } from './index-facts.ts'
import type { JournalEntry, JournalReader } from './journal-reader.ts'
import type { StoredObservation } from './record.ts'
import { DAY_MS, dayOf, dayStart, HOUR_MS, hourOf, RETENTION_MS } from './retention.ts'
import { listSegments, scanSegment } from './segment.ts'

const STEP_MS = 20 // what one step is to take, so that the store thread soon looks for what came in meanwhile
const STEP_COUNT_MIN = 250
const STEP_COUNT_MAX = 10_000 // records
const GATHER_COUNT = 20_000 // counts taken out, before the hours that are left are looked through for the same
const LOOK_ROW_COUNT = 32 // rows read for that in one step, and the rest of an hour
/** Indicators told of in one step. */
export const TELL_COUNT = 1000
const PENDING_COUNT = 500 // records read at once while starting

/** What an indicator lost of an hour that expired, and what the index holds of it beyond that hour. */
export type Expiry = { readonly lost: Delta; readonly left: Delta | null }

/** What was taken out of one bucket of an hour and is not told yet, since what is left of it is still looked for. */
type Expiring = {
  readonly bucket: number
  readonly hour: number
  readonly hashes: Set<number>
  readonly expiries: Map<string, { lost: Delta; left: Delta | null }>
  nextHour: number // to be looked through
}

/** Carries the journal into the day files, each record exactly once, and takes out what has expired. */
export class Indexer implements Disposable {
  readonly #dir: string
  readonly #facts: ObservedFacts
  readonly #readFacts = (id: number, observation: StoredObservation): IndexFacts => this.#facts.read(id, observation)
  readonly #journalDir: string
  readonly #journal: JournalReader
  readonly #mendedDays = new Set<string>()
  readonly #days = new Map<string, DayIndex>()
  #secret: Uint8Array | undefined // the same for all days: parts of their hours are compared by hash
  #stepCount = STEP_COUNT_MIN
  #expiring: Expiring[] = [] // two at most
  #toldFrom = 0 // the hour before which nobody knows anything, so that nobody is told what is lost
  readonly repairs: string[] = []
  /** Records that the index lacked when `load` had ended; what is to be added to those since then to know the lag. */
  pendingCount = 0
  /** The id of the newest record in the index. */
  position: number

  /** `forms` may be shared with who reads the same messages in this thread. */
  constructor(dirs: { index: string; journal: string }, journal: JournalReader, forms?: DialledForms) {
    this.#facts = new ObservedFacts(forms)
    mkdirSync(dirs.index, { recursive: true, mode: 0o700 })
    this.#dir = dirs.index
    this.#journalDir = dirs.journal
    this.#journal = journal
    for (const day of listDays(dirs.index)) this.#mending(day, () => this.#day(day))
    this.position = this.#resumeAfter()
  }

  /** Takes the next records up to `upTo`; returns how many there were. A damaged day is made again from its start. */
  step(upTo: number): number {
    const startedAt = performance.now()
    const count = this.#take(upTo)
    this.#adapt(count, performance.now() - startedAt)
    return count
  }

  /** Each record is read out only when its turn comes, so that memory holds but one of them. */
  #take(upTo: number): number {
    let count = 0
    let lastId = this.position
    const records = this.#journal.entries(this.position, this.#stepCount, upTo)
    const next = (): IndexEntry | null => {
      for (let { value, done } = records.next(); !done; { value, done } = records.next()) {
        count++
        lastId = (value as JournalEntry).id
        const entry = this.#entryOf(value as JournalEntry, this.#readFacts)
        if (entry !== null) return entry
      }
      return null
    }
    for (let entry = next(); entry !== null; ) {
      const day = entryDay(entry)
      const ofDay = function* (): Generator<IndexEntry> {
        for (; entry !== null && entryDay(entry) === day; entry = next()) yield entry
      }
      if (!this.#mending(day, () => this.#day(day).apply(ofDay()))) return count
    }
    this.position = count === 0 ? Math.max(this.position, upTo) : lastId
    return count
  }

  /** The more a transaction takes the less each record costs. */
  #adapt(count: number, tookMs: number): void {
    if (count < this.#stepCount) return
    const factor = Math.min(2, Math.max(0.5, STEP_MS / tookMs))
    this.#stepCount = Math.round(Math.min(STEP_COUNT_MAX, Math.max(STEP_COUNT_MIN, this.#stepCount * factor)))
  }

  /** The hours of all indicators, oldest first, as far as they are not expired; then what the index still lacks. */
  *load(now: number, upTo: number): Generator<Delta[]> {
    const days = [...this.#days.keys()].sort()
    const from = hourOf(now - RETENTION_MS)
    this.#toldFrom = from
    for (const day of days) {
      // Once before anything is told, since what is told of a damaged day would come again from the journal.
      if (!this.#mending(day, () => this.#day(day).check())) continue
      yield* this.#day(day).hours(from)
      if (day !== days.at(-1)) this.#day(day).rest()
    }
    yield* this.#pending(upTo)
  }

  /**
   * Takes out some of what is older than 7 days, or looks through a few more hours for what is left of that, or tells
   * some of it; `more` says whether to call again. When the program ends between, nothing is lost: what is read at the
   * next start is what is left.
   */
  expire(now: number): { expiries: Expiry[]; more: boolean } {
    const [first] = this.#expiring
    const isGathered = this.#expiring.length > 1 || (first !== undefined && first.expiries.size >= GATHER_COUNT)
    if (first !== undefined && isGathered) return { expiries: this.#finish(first), more: true }
    const cutoff = now - RETENTION_MS
    for (const day of [...this.#days.keys()].sort()) {
      if (dayStart(day) >= cutoff) continue
      let expired: ExpiredPart | null = null
      let more = false
      const take = (): void => {
        ;({ expired, more } = this.#day(day).expire(Math.min(cutoff, dayStart(day) + DAY_MS + HOUR_MS)))
      }
      if (!this.#mending(day, take)) return { expiries: [], more: true }
      const isOver = dayStart(day) + DAY_MS <= cutoff
      if (!more && isOver) this.#dropDay(day)
      if (expired !== null) this.#gather(expired)
      if (more) return { expiries: [], more }
    }
    return first === undefined ? { expiries: [], more: false } : { expiries: this.#finish(first), more: true }
  }

  /** Removes the days that are over for more than 7 days; for a start, when nobody has to be told what is left. */
  dropExpired(now: number): void {
    this.#toldFrom = hourOf(now - RETENTION_MS)
    for (const day of [...this.#days.keys()]) if (dayStart(day) + DAY_MS <= now - RETENTION_MS) this.#dropDay(day)
  }

  /** Keeps the files within a size: the oldest day goes first, and the last one left takes in nothing new. */
  limit(sizeMax: number): void {
    for (const day of [...this.#days.keys()].sort()) {
      const isOver = this.size > sizeMax
      if (isOver && this.#days.size > 1) this.#dropDay(day)
      else this.#day(day).isFull = isOver
    }
    for (const day of [...this.#days.keys()].sort().slice(0, -1)) this.#day(day).restIfIdle()
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

  #gather({ bucket, hour, lost }: ExpiredPart): void {
    if (hour < this.#toldFrom) return
    let expiring = this.#expiring.at(-1)
    if (expiring?.hour !== hour || expiring.bucket !== bucket) {
      expiring = { bucket, hour, hashes: new Set(), expiries: new Map(), nextHour: hour + 1 }
      this.#expiring.push(expiring)
    }
    for (const { hash, delta } of lost) {
      expiring.hashes.add(hash)
      const known = expiring.expiries.get(keyOf(delta))?.lost
      expiring.expiries.set(keyOf(delta), { lost: known === undefined ? delta : sumDeltas(known, delta), left: null })
    }
  }

  /** Looks through the hours that are left, then tells: a bounded part of that. */
  #finish(expiring: Expiring): Expiry[] {
    const lastDay = [...this.#days.keys()].sort().at(-1)
    const endHour = lastDay === undefined ? 0 : hourOf(dayStart(lastDay) + DAY_MS)
    if (expiring.nextHour < endHour) {
      this.#lookForLeft(expiring, endHour)
      return []
    }
    const told = [...expiring.expiries.entries().take(TELL_COUNT)]
    for (const [key] of told) expiring.expiries.delete(key)
    if (expiring.expiries.size === 0) this.#expiring.shift()
    return told.map(([, expiry]) => expiry)
  }

  /**
   * Reads the same bucket of the hours that follow. An event counts in one hour only, so the sum is right although the
   * index goes on between two hours.
   */
  #lookForLeft(expiring: Expiring, endHour: number): void {
    const { bucket, hashes, expiries } = expiring
    const wants = (hash: number): boolean => hashes.has(hash)
    for (let rowCount = 0; expiring.nextHour < endHour && rowCount < LOOK_ROW_COUNT; expiring.nextHour++) {
      const hour = expiring.nextHour
      const day = dayOf(hour * HOUR_MS)
      if (!this.#days.has(day)) continue
      const found: Delta[] = []
      const wanted = { bucket, hour, wants, take: ({ delta }: HourDelta) => found.push(delta) }
      const look = (): void => {
        rowCount += this.#day(day).collect(wanted)
      }
      for (const delta of this.#mending(day, look) ? found : []) {
        const expiry = expiries.get(keyOf(delta))
        if (expiry !== undefined) expiry.left = expiry.left === null ? delta : sumDeltas(expiry.left, delta)
      }
    }
  }

  #entryOf<T>(
    { id, record }: JournalEntry,
    read: (id: number, observation: StoredObservation) => T,
  ): IndexEntry<T> | null {
    if (record.type === 'event') return { type: 'event', id, event: read(id, record.observation) }
    const { repeatOf } = record.repeat
    const original = this.#journal.get(repeatOf)
    if (original?.type !== 'event') return null // its block is damaged or gone, so there is no row to count it in
    return { type: 'repeat', id, original: read(repeatOf, original.observation) }
  }

  #day(day: string): DayIndex {
    const open = this.#days.get(day)
    if (open !== undefined) return open
    const index = new DayIndex(this.#dir, day, this.#secret)
    this.#days.set(day, index)
    this.#secret ??= index.secret
    if (Buffer.compare(index.secret, this.#secret) !== 0) throw new DayUnusable('it comes from another index')
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
        `the index of ${day} ${error instanceof DayUnusable ? 'cannot be read' : 'was damaged'} and is made again from the journal (${(error as Error).message})`,
      )
      this.position = this.#resumeAfter()
      return false
    }
  }

  /** What the records behind the index add, read once while starting; the index takes them up later. */
  *#pending(upTo: number): Generator<Delta[]> {
    for (let after = this.position; ; ) {
      const found = this.#journal.read(after, PENDING_COUNT, upTo)
      const last = found.at(-1)
      if (last === undefined) return
      after = last.id
      this.pendingCount += found.length
      yield found.flatMap((journalEntry) => {
        const entry = this.#entryOf(journalEntry, deriveCounted)
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

const keyOf = ({ kind, value, form }: Delta): string => `${kind} ${form} ${value}`

/** Whether a day's file must be made again. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DayUnusable) return true
  const code = (error as { errcode?: number }).errcode
  return code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff)
}
