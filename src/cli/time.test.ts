// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAgo, formatDuration, formatHour, formatTime, formatUtc } from './time.ts'

const NOW = Date.UTC(2026, 10, 23, 18, 0, 0)

test('formatDuration() takes the largest unit that fits', () => {
  const durations = [0, 999, 1000, 59_999, 60_000, 3_600_000, 86_399_999, 86_400_000, 7 * 86_400_000]
  assert.deepEqual(durations.map(formatDuration), [
    '0 s',
    '0 s',
    '1 s',
    '59 s',
    '1 min',
    '1 h',
    '23 h',
    '1 day',
    '7 days',
  ])
})

test('formatAgo() knows before, now and after', () => {
  assert.equal(formatAgo(NOW - 3000, NOW), '3 s ago')
  assert.equal(formatAgo(NOW - 999, NOW), 'now')
  assert.equal(formatAgo(NOW + 120_000, NOW), 'in 2 min')
})

test('formatTime() shows both, and gives back what is no time', () => {
  assert.equal(formatUtc(NOW), '2026-11-23 18:00:00 UTC')
  assert.equal(formatTime('2026-11-23T17:00:00.000Z', NOW), '1 h ago (2026-11-23 17:00:00 UTC)')
  assert.equal(formatTime(null, NOW), '-')
  assert.equal(formatTime('soon', NOW), 'soon')
})

test('formatHour() claims no more than the hour', () => {
  assert.equal(formatHour('2026-11-23T17:00:00.000Z'), 'the hour of 2026-11-23 17:00 UTC')
  assert.equal(formatHour(null), '-')
  assert.equal(formatHour('soon'), 'soon')
})
