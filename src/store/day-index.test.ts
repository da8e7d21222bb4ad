// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { ObservedFacts } from './_observed-facts.ts'
import { DayIndex } from './day-index.ts'
import { dayOf } from './retention.ts'

test('a day is let go of once it took nothing in for ten minutes, and opens again when it does', (t) => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const first = observation()
  using index = new DayIndex(tempDir(t), dayOf(first.at))
  const take = (id: number): void =>
    index.apply([{ type: 'event', id, event: new ObservedFacts().read(id, { ...first, rawShed: false }) }])
  take(1)
  for (const [ms, isResting] of [
    [0, false],
    [599_999, false],
    [600_000, true],
  ] as const) {
    now = ms
    index.restIfIdle()
    assert.equal(index.isResting, isResting, `after ${ms} ms`)
  }
  take(2)
  index.restIfIdle()
  assert.equal(index.isResting, false)
  assert.deepEqual(
    [...index.hours(0)].flat().map(({ count }) => count),
    [2, 2, 2],
  )
})
