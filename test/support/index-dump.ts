// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DatabaseSync } from 'node:sqlite'
import { dayPath, listDays } from '../../src/store/day-files.ts'

type Row = Record<string, unknown>

/** All that an index holds, in an order of its own, so that two can be compared. */
export function dumpIndex(dir: string): { events: Row[]; hours: Row[] } {
  const events: Row[] = []
  const hours: Row[] = []
  for (const day of listDays(dir)) {
    const db = new DatabaseSync(dayPath(dir, day), { readOnly: true })
    const events64 = db.prepare('SELECT * FROM events ORDER BY id')
    events64.setReadBigInts(true) // the fold is a number of 64 bits
    events.push(...events64.all())
    hours.push(...db.prepare('SELECT * FROM indicator_hours ORDER BY kind, value, form, hour').all())
    db.close()
  }
  return { events, hours }
}

/** The sum of one column over all rows. */
export const sumOf = (rows: readonly Row[], column: string): number =>
  rows.reduce((sum, row) => sum + Number(row[column]), 0)
