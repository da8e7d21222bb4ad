// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'
import { dayPath, indexDir, listDays } from './day-files.ts'
import { DayIndex } from './day-index.ts'
import { Indexer, isDamage } from './indexer.ts'
import { JournalReader } from './journal-reader.ts'
import { JournalWriter } from './journal-writer.ts'
import { lockStateDir } from './lock.ts'
import { dayOf, HOUR_MS } from './retention.ts'
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
  const paths = { index: indexDir(dir), fresh: `${indexDir(dir)}.new`, old: `${indexDir(dir)}.old` }
  rmSync(paths.fresh, { recursive: true, force: true })
  rmSync(paths.old, { recursive: true, force: true })
  mkdirSync(paths.index, { recursive: true, mode: 0o700 })
  const events = await buildIndex(journalDir(dir), paths.fresh, deps.onProgress)
  removeSnapshot(dir) // the new index may tell less of the hours whose journal is gone
  const notes = carryOver(paths.index, paths.fresh, listSegments(journalDir(dir))[0])
  renameSync(paths.index, paths.old)
  renameSync(paths.fresh, paths.index)
  rmSync(paths.old, { recursive: true, force: true })
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
    const db = new DatabaseSync(dayPath(index, day), { readOnly: true })
    rows += Number(db.prepare('SELECT count(*) AS count FROM events').get()?.count ?? 0)
    db.close()
  }
  return rows
}

/** Copies what lies before the oldest segment from the old index, which is all that is left of it. */
function carryOver(from: string, to: string, oldest: Segment | undefined): string[] {
  if (oldest === undefined) return []
  const notes: string[] = []
  for (const day of listDays(from).filter((day) => day <= dayOf(oldest.hour * HOUR_MS))) {
    try {
      carryDay(from, to, day, oldest)
    } catch (error) {
      if (!isDamage(error)) throw error
      notes.push(`the old index of ${day} is damaged; what only it knew is lost (${(error as Error).message})`)
    }
  }
  return notes
}

function carryDay(from: string, to: string, day: string, oldest: Segment): void {
  for (const dir of [from, to]) new DayIndex(dir, day)[Symbol.dispose]() // both there, and of this version
  const db = new DatabaseSync(dayPath(to, day))
  try {
    db.prepare('ATTACH ? AS old').run(dayPath(from, day))
    // Of the hour that the journal lacks in part, the larger count is the truer one.
    db.exec(`INSERT OR IGNORE INTO main.events SELECT * FROM old.events WHERE id < ${oldest.firstId};
      INSERT INTO main.indicator_hours SELECT * FROM old.indicator_hours WHERE hour <= ${oldest.hour}
        ON CONFLICT DO UPDATE SET count = max(count, excluded.count), repeat_count = max(repeat_count, excluded.repeat_count),
          first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
          validation = max(validation, excluded.validation), tag_mask = tag_mask | excluded.tag_mask`)
  } finally {
    db.close()
  }
}
