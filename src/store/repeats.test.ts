// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { Repeats } from './repeats.ts'

const START = 1_790_000_000_000
const PERIOD_MS = 32_000

/** Takes a datagram with that Call-ID at that time after the start; whether it was known. */
function takes(repeats: Repeats, callId: number, afterMs: number): boolean {
  const seen = observation({ bytes: sipRequest({ callId: String(callId) }), at: START + afterMs })
  const bytes = new Uint8Array(eventRecordSize(seen))
  writeEventRecord(seen, bytes, 0)
  const isKnown = repeats.find(new DataView(bytes.buffer), 0)
  if (!isKnown) repeats.remember(callId, seen.at)
  return isKnown
}

test('a retransmission is known for 32 seconds at least, and for 64 at most', () => {
  const repeats = new Repeats()
  assert.equal(takes(repeats, 1, 0), false)
  assert.equal(takes(repeats, 1, PERIOD_MS - 1), true)
  assert.equal(takes(repeats, 2, PERIOD_MS), false)
  assert.equal(takes(repeats, 1, 2 * PERIOD_MS - 1), true)
  assert.equal(takes(repeats, 3, 2 * PERIOD_MS), false)
  assert.equal(takes(repeats, 1, 2 * PERIOD_MS), false)
})

test('times a little out of order forget nothing', () => {
  const repeats = new Repeats()
  assert.equal(takes(repeats, 1, 0), false)
  assert.equal(takes(repeats, 2, PERIOD_MS), false)
  for (let n = 3; n < 20; n++) assert.equal(takes(repeats, n, PERIOD_MS - n), false)
  for (let n = 1; n < 20; n++) assert.equal(takes(repeats, n, PERIOD_MS), true, String(n))
})

test('after a clock was set back, what came before is forgotten in its turn', () => {
  const repeats = new Repeats()
  assert.equal(takes(repeats, 1, 0), false)
  assert.equal(takes(repeats, 2, -3_600_000), false)
  assert.equal(takes(repeats, 2, -3_600_000), true)
  assert.equal(takes(repeats, 3, -3_600_000 + PERIOD_MS), false)
  assert.equal(takes(repeats, 1, -3_600_000 + PERIOD_MS), false)
})
