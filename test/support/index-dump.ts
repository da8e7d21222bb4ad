// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DayReader } from '../../src/store/_day-reader.ts'
import type { EventRow } from '../../src/store/_event-row.ts'
import { listDays } from '../../src/store/day-files.ts'
import { DayIndex, sumDeltas } from '../../src/store/day-index.ts'
import type { Delta } from '../../src/store/delta.ts'
import { hourOf } from '../../src/store/retention.ts'

export type HourRow = Delta & { readonly hour: number }

/** All that an index holds, in an order of its own, so that two can be compared however their files were written. */
export function dumpIndex(dir: string): { events: EventRow[]; hours: HourRow[] } {
  const events: EventRow[] = []
  const hours: HourRow[] = []
  for (const day of listDays(dir)) {
    using index = new DayIndex(dir, day)
    using reader = DayReader.open(dir, day)
    events.push(...(reader?.all() ?? []))
    hours.push(...hoursOf(index))
  }
  return { events, hours }
}

function hoursOf(index: DayIndex): HourRow[] {
  const sums = new Map<string, HourRow>()
  for (const part of index.hours(0)) {
    for (const delta of part) {
      const hour = hourOf(delta.lastAt)
      const key = JSON.stringify([hour, delta.kind, delta.value, delta.form])
      const known = sums.get(key)
      sums.set(key, { ...(known === undefined ? delta : sumDeltas(known, delta)), hour })
    }
  }
  return [...sums.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

/** The sum of one column over all rows. */
export const sumOf = <Column extends string>(
  rows: readonly Readonly<Record<Column, number>>[],
  column: Column,
): number => rows.reduce((sum, row) => sum + row[column], 0)
