// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const ordered = sorted(values)
  const middle = ordered.length >> 1
  return ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2
}

/** The smallest value that at least that part of the values does not exceed (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) return Number.NaN
  return sorted(values)[Math.max(0, Math.ceil(part * values.length) - 1)]!
}

/** How far the values lie apart, as a part of their median: what a reader may believe of it. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}
