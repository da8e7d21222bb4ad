// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { IndicatorRows } from './_indicator-rows.ts'
import { type Delta, validationRank } from './delta.ts'
import { HOUR_MS, hourOf } from './retention.ts'

/** What is known in memory of an indicator or a form. */
type Known = { readonly count: number; readonly lastAt: number }

/**
 * How many events stay when `lost` goes. The index holds `left` beyond that, and lacks the newest events: so it is no
 * less than that, and more when memory knew of more. 0 also when all that memory knew of ended with the hour.
 */
export function countLeft(lost: Delta, left: Delta | null, known: Known): number {
  const hourEnd = (hourOf(lost.lastAt) + 1) * HOUR_MS
  if (left === null && known.lastAt < hourEnd) return 0
  return Math.max(left?.count ?? 0, known.count - lost.count)
}

/**
 * Puts in a row what stays of it. Of events that the index lacks nobody can tell tags, validation and first time from
 * those of the lost ones, so where there are such these stay.
 */
export function putLeft(rows: IndicatorRows, slot: number, count: number, lost: Delta, left: Delta | null): void {
  const lacksNone = left?.count === count
  const rank = left === null ? 0 : validationRank(left.validation)
  rows.replace(slot, {
    count,
    repeatCount: Math.max(left?.repeatCount ?? 0, rows.repeatCount(slot) - lost.repeatCount),
    firstAt: lacksNone ? left.firstAt : rows.firstAt(slot), // so that a count which the index lacks stays known as such
    validation: lacksNone ? rank : Math.max(rank, rows.validation(slot)),
    tagMask: lacksNone ? left.tagMask : (left?.tagMask ?? 0) | rows.tagMask(slot),
  })
}
