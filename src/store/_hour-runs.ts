// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { checkEntries, EntryWriter, type HourEntry, readEntries } from './_hour-entry.ts'
import { type Delta, validationAt } from './delta.ts'
import { HOUR_MS } from './retention.ts'

/** Parts of a run, by hash: what is left of an indicator is found by reading this part of all others. */
const BUCKET_COUNT = 32
const BUCKET_SHIFT = 27
const RUNS_PER_HOUR_MAX = 65_536
const HOUR_IDS = RUNS_PER_HOUR_MAX * BUCKET_COUNT
const ROW_COUNT_MAX = 1250 // entries of a row: more of one bucket go on in a further run
const DELTAS_PER_ENTRY_MAX = 2
/** Deltas taken out at once: rows are taken until there are half as many, and one row has no more than the other half. */
export const TAKE_COUNT_MAX = 2 * DELTAS_PER_ENTRY_MAX * ROW_COUNT_MAX

/** What an hour adds to one indicator, and the hash by which it is found. */
export type HourDelta = { readonly hash: number; readonly delta: Delta }
/** Some of one bucket of an hour, which was taken out. */
export type ExpiredPart = { readonly bucket: number; readonly hour: number; readonly lost: readonly HourDelta[] }
/** What is looked for of the indicators of one bucket. */
export type Wanted = {
  readonly bucket: number
  readonly hour: number
  readonly wants: (hash: number) => boolean
  readonly take: (found: HourDelta) => void
}

/**
 * Counts of hours that were put away, and never change. A run is what was put away at once of one hour, in up to 32 rows
 * by hash; the id of a row is made of the hour, the run and the bucket. So rows come in at the end of the table. What is
 * too much for one row, as many forms of one number are, goes on in further runs.
 */
export class HourRuns {
  readonly #db: DatabaseSync
  readonly #firstHour: number
  readonly #insert: StatementSync
  readonly #last: StatementSync
  #bucket = 0 // from which was taken last

  constructor(db: DatabaseSync, firstHour: number) {
    this.#db = db
    this.#firstHour = firstHour
    this.#insert = db.prepare('INSERT INTO hour_runs VALUES (?, ?)')
    this.#last = db.prepare('SELECT max(id) AS id FROM hour_runs WHERE id >= ? AND id < ?')
  }

  /** Of which there is a run; 0 when there is none. */
  get newestHour(): number {
    const last = this.#last.get(0, Number.MAX_SAFE_INTEGER)?.id
    return typeof last === 'number' ? this.#hourOf(last) : 0
  }

  /** Reads all, and throws DayUnusable when one is damaged. */
  check(): void {
    for (const { entries } of this.#db.prepare('SELECT entries FROM hour_runs').iterate())
      checkEntries(entries as Uint8Array)
  }

  write(hour: number, entries: readonly HourEntry[]): void {
    const last = this.#last.get(this.#firstId(hour), this.#firstId(hour + 1))?.id
    const first = typeof last === 'number' ? last - (last % BUCKET_COUNT) + BUCKET_COUNT : this.#firstId(hour)
    const buckets = Array.from({ length: BUCKET_COUNT }, (): HourEntry[] => [])
    for (const entry of entries) buckets[entry.hash >>> BUCKET_SHIFT]?.push(entry)
    const rowCount = Math.max(...buckets.map(({ length }) => Math.ceil(length / ROW_COUNT_MAX)))
    const writer = new EntryWriter()
    for (let row = 0; row < rowCount; row++)
      for (const [bucket, all] of buckets.entries()) {
        for (const entry of all.slice(row * ROW_COUNT_MAX, (row + 1) * ROW_COUNT_MAX)) writer.add(entry)
        if (!writer.isEmpty) this.#insert.run(first + row * BUCKET_COUNT + bucket, writer.finish())
      }
  }

  removeHour(hour: number): void {
    this.#db.prepare('DELETE FROM hour_runs WHERE id >= ? AND id < ?').run(this.#firstId(hour), this.#firstId(hour + 1))
  }

  /** The hours from `from` on and before `to`, a run at a time. */
  *read(from: number, to: number): Generator<HourDelta[]> {
    let chunk: HourDelta[] = []
    let run = -1
    const rows = this.#db.prepare('SELECT id, entries FROM hour_runs WHERE id >= ? AND id < ? ORDER BY id')
    for (const row of rows.iterate(this.#firstId(from), this.#firstId(Math.min(to, this.#firstHour + 24)))) {
      const id = Number(row.id)
      const thisRun = Math.floor(id / BUCKET_COUNT)
      if (thisRun !== run && chunk.length > 0) {
        yield chunk
        chunk = []
      }
      run = thisRun
      const hour = this.#hourOf(id)
      readEntries(row.entries as Uint8Array, (entry) => chunk.push(...deltasOfEntry(entry, hour)))
    }
    if (chunk.length > 0) yield chunk
  }

  /** Returns how many rows it read. */
  collect({ bucket, hour, wants, take }: Wanted): number {
    let rowCount = 0
    for (const row of this.#rowsOf(hour, bucket)) {
      readEntries(row.entries as Uint8Array, (entry) => deltasOfEntry(entry, hour).forEach(take), wants)
      rowCount++
    }
    return rowCount
  }

  /**
   * Removes some rows of one bucket of the oldest hour before `before`, and tells what lay there; null: there is none.
   * It goes on with the bucket of the last time as long as there is something in it.
   */
  takeOldest(before: number): ExpiredPart | null {
    const oldest = this.#db.prepare('SELECT id FROM hour_runs ORDER BY id LIMIT 1').get()
    if (oldest === undefined || this.#hourOf(Number(oldest.id)) >= before) return null
    const hour = this.#hourOf(Number(oldest.id))
    const lost: HourDelta[] = []
    const ids: number[] = []
    const takeRows = (bucket: number): void => {
      this.#bucket = bucket
      for (const row of this.#rowsOf(hour, bucket)) {
        readEntries(row.entries as Uint8Array, (entry) => lost.push(...deltasOfEntry(entry, hour)))
        ids.push(row.id)
        if (lost.length > TAKE_COUNT_MAX / 2) break
      }
    }
    takeRows(this.#bucket)
    if (ids.length === 0) takeRows(Number(oldest.id) % BUCKET_COUNT)
    const remove = this.#db.prepare('DELETE FROM hour_runs WHERE id = ?')
    for (const id of ids) remove.run(id)
    return { bucket: this.#bucket, hour, lost }
  }

  #rowsOf(hour: number, bucket: number): Iterable<{ id: number; entries: Uint8Array }> {
    const rows = this.#db.prepare(
      'SELECT id, entries FROM hour_runs WHERE id >= ? AND id < ? AND id % ? = ? ORDER BY id',
    )
    const range = [this.#firstId(hour), this.#firstId(hour + 1), BUCKET_COUNT, bucket]
    return rows.iterate(...range) as Iterable<{ id: number; entries: Uint8Array }>
  }

  #firstId(hour: number): number {
    return Math.max(0, hour - this.#firstHour) * HOUR_IDS
  }

  #hourOf(id: number): number {
    return this.#firstHour + Math.floor(id / HOUR_IDS)
  }
}

/** The deltas that an entry stands for: of an indicator, of a form, or of a number and its form. */
export function deltasOfEntry(entry: HourEntry, hour: number): HourDelta[] {
  const { hash, kind, value, form, count, repeatCount } = entry
  const delta = {
    kind,
    value,
    form,
    count,
    repeatCount,
    firstAt: hour * HOUR_MS + entry.firstMs,
    lastAt: hour * HOUR_MS + entry.lastMs,
    validation: validationAt(entry.validation),
    tagMask: entry.tagMask,
  }
  const isWhole = form !== '' && !entry.isForm
  return isWhole
    ? [
        { hash, delta: { ...delta, form: '' } },
        { hash, delta },
      ]
    : [{ hash, delta }]
}
