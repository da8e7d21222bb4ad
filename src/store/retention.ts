// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** Nothing is kept longer. Only the user's own lists, keys and audit are exempt, and they do not lie here. */
export const RETENTION_MS = 7 * DAY_MS

/** The whole UTC hours since epoch. */
export const hourOf = (at: number): number => Math.floor(at / HOUR_MS)

/** The UTC day as YYYY-MM-DD. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** The start of a day that `dayOf` gave, ms since epoch. */
export const dayStart = (day: string): number => Date.parse(`${day}T00:00:00Z`)
