// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync, mkdirSync } from 'node:fs'
import { DaemonError } from '../core/errors.ts'
import { DayReader } from './_day-reader.ts'
import type { EventRow } from './_event-row.ts'
import { listDays } from './day-files.ts'
import { DayIndex, sumDeltas } from './day-index.ts'
import type { Delta } from './delta.ts'
import { indexFolders, settleIndex, swapIndex } from './index-swap.ts'
import { Indexer, isDamage } from './indexer.ts'
import { JournalReader } from './journal-reader.ts'
import { JournalWriter } from './journal-writer.ts'
import { lockStateDir } from './lock.ts'
import { dayOf, dayStart, HOUR_MS, hourOf } from './retention.ts'
import { journalDir, listSegments, type Segment, scanSegment } from './segment.ts'
import { removeSnapshot } from './snapshot-file.ts'

export type ReindexResult = {
  readonly events: number // records read from the journal
  readonly rows: number // event rows in the new index
  readonly notes: readonly string[] // what could not be carried over, in words
}

/**
 * Makes the index of a stopped node again from its journal, beside the old one, and then puts it in its place.
 * Hours whose journal was dropped to stay within the quota are carried over. Throws DaemonError STATE_LOCKED.
 */
export async function reindexStore(
  dir: string,
  deps: { onProgress?: (done: number, total: number) => void } = {},
): Promise<ReindexResult> {
  if (!existsSync(journalDir(dir))) {
    throw new DaemonError('STATE_UNWRITABLE', `${dir} is no state folder of a node: name that with --state-dir`)
  }
  using _lock = lockStateDir(dir)
  const paths = { journal: journalDir(dir), ...indexFolders(dir) }
  settleIndex(paths)
  mkdirSync(paths.fresh, { mode: 0o700 })
  const notes = carryOver(carryRows, paths)
  const events = await buildIndex(paths.journal, paths.fresh, deps.onProgress)
  removeSnapshot(dir) // the new index may tell less of the hours whose journal is gone
  if (notes.length === 0) notes.push(...carryOver(carryHours, paths))
  swapIndex(paths)
  return { events, rows: countRows(paths.index), notes }
}

/** Reads the whole journal into an index of its own; returns how many records that were. */
export async function buildIndex(
  journal: string,
  index: string,
  onProgress?: (done: number, total: number) => void,
): Promise<number> {
  using writer = new JournalWriter(journal) // mends a torn tail first
  using reader = new JournalReader(journal)
  using indexer = new Indexer({ index, journal }, reader)
  const total = recordCount(journal)
  let done = 0
  for (let count = indexer.step(writer.position); count > 0; count = indexer.step(writer.position)) {
    done += count
    onProgress?.(done, total)
    await new Promise(setImmediate) // lets an interrupt in
  }
  return done
}

export function recordCount(journal: string): number {
  const blocks = listSegments(journal).flatMap(({ path }) => scanSegment(path).blocks)
  return blocks.reduce((sum, { header }) => sum + header.recordCount, 0)
}

export function countRows(index: string): number {
  let rows = 0
  for (const day of listDays(index)) {
    using reader = DayReader.open(index, day)
    rows += reader?.rowCount ?? 0
  }
  return rows
}

/** What is told of a day from before the oldest segment, which is all that is left of it. */
type Carrier = (from: string, to: string, day: string, oldest: Oldest) => void
type Oldest = { readonly segment: Segment; readonly at: number } // at: of its first record

function carryOver(carry: Carrier, paths: { index: string; fresh: string; journal: string }): string[] {
  const oldest = findOldest(paths.journal)
  if (oldest === null) return []
  const notes: string[] = []
  for (const day of listDays(paths.index).filter((day) => day <= dayOf(oldest.segment.hour * HOUR_MS))) {
    try {
      carry(paths.index, paths.fresh, day, oldest)
    } catch (error) {
      if (!isDamage(error)) throw error
      notes.push(`the old index of ${day} cannot be read; what only it knew is lost (${(error as Error).message})`)
    }
  }
  return notes
}

function findOldest(journal: string): Oldest | null {
  const [segment] = listSegments(journal)
  if (segment === undefined) return null
  using reader = new JournalReader(journal)
  const record = reader.read(0, 1)[0]?.record
  if (record === undefined) return { segment, at: segment.hour * HOUR_MS }
  return { segment, at: record.type === 'event' ? record.observation.at : record.repeat.at }
}

/** Before the journal is read, since rows are numbered in the order of their ids. */
function carryRows(from: string, to: string, day: string, { segment, at }: Oldest): void {
  using old = new DayIndex(from, day) // of this version, and no longer in need of its write-ahead log
  using reader = DayReader.open(from, day)
  using fresh = new DayIndex(to, day, old.secret)
  // A row that counts events of both sides comes from the journal alone.
  const isOnlyThere = (row: EventRow): boolean => row.id < segment.firstId && (row.count === 1 || row.lastAt < at)
  fresh.carryRows((reader?.all() ?? [][Symbol.iterator]()).filter(isOnlyThere))
}

function carryHours(from: string, to: string, day: string, { segment }: Oldest): void {
  using old = new DayIndex(from, day)
  using fresh = new DayIndex(to, day, old.secret)
  for (let hour = hourOf(dayStart(day)); hour <= segment.hour && dayOf(hour * HOUR_MS) === day; hour++) {
    const known = sumsOf(old, hour)
    if (known.size === 0) continue
    for (const [key, delta] of sumsOf(fresh, hour)) known.set(key, largerOf(delta, known.get(key)))
    fresh.replaceHour(hour, [...known.values()])
  }
}

function sumsOf(index: DayIndex, hour: number): Map<string, Delta> {
  const sums = new Map<string, Delta>()
  for (const part of index.hours(hour, hour + 1)) {
    for (const delta of part) {
      const key = `${delta.kind} ${delta.form} ${delta.value}`
      const known = sums.get(key)
      sums.set(key, known === undefined ? delta : sumDeltas(known, delta))
    }
  }
  return sums
}

/** Of the hour that the journal lacks in part, the larger count is the truer one. */
function largerOf(a: Delta, b: Delta = a): Delta {
  return { ...sumDeltas(a, b), count: Math.max(a.count, b.count), repeatCount: Math.max(a.repeatCount, b.repeatCount) }
}
