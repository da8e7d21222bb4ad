// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const UNITS = [
  { ms: 86_400_000, name: 'day' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1000, name: 's' },
] as const

/** "3 min", "2 days": the largest unit that fits, rounded down. */
export function formatDuration(ms: number): string {
  const unit = UNITS.find((candidate) => ms >= candidate.ms) ?? UNITS[3]
  const count = Math.max(0, Math.floor(ms / unit.ms))
  return `${count} ${unit.name}${unit.name === 'day' && count !== 1 ? 's' : ''}`
}

/** "3 min ago"; a clock that differs from ours can make it "in 3 min". */
export function formatAgo(at: number, now: number): string {
  const age = now - at
  if (Math.abs(age) < 1000) return 'now'
  return age > 0 ? `${formatDuration(age)} ago` : `in ${formatDuration(-age)}`
}

/** "2026-11-23 18:04:05 UTC". */
export function formatUtc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** "2026-11-23 18:04:05" where the terminal is. */
export function formatLocal(at: number): string {
  const date = new Date(at)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** "3 min ago (2026-11-23 18:04:05 UTC)" of an RFC 3339 text; other text is given back, since it comes from outside. */
export function formatTime(text: string | null | undefined, now: number): string {
  if (text === null || text === undefined) return '-'
  const at = Date.parse(text)
  return Number.isNaN(at) ? text : `${formatAgo(at, now)} (${formatUtc(at)})`
}

/** "the hour of 2026-11-23 18:00 UTC": of a time that is known to the hour. */
export function formatHour(text: string | null | undefined): string {
  if (text === null || text === undefined) return '-'
  const at = Date.parse(text)
  return Number.isNaN(at) ? text : `the hour of ${formatUtc(at).slice(0, 13)}:00 UTC`
}
