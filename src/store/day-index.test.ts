// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dumpIndex } from '../../test/support/index-dump.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
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

test('a day that is opened again in a flood goes on as if it never was closed', (t) => {
  const at = observation().at
  const facts = new ObservedFacts()
  const dirs = [tempDir(t), tempDir(t)]
  for (const [i, dir] of dirs.entries()) {
    const seen = (id: number, ip: string, userAgent: string) =>
      facts.read(id, {
        ...observation({ at, source: { ip, port: 5060 }, bytes: sipRequest({ userAgent, method: 'OPTIONS' }) }),
        rawShed: false,
      })
    let index = new DayIndex(dir, dayOf(at))
    let id = 0
    const apply = (ips: readonly string[], userAgent = () => `agent ${id}`): void =>
      index.apply(ips.map((ip) => ({ type: 'event' as const, id: ++id, event: seen(id, ip, userAgent()) })))
    const busy = '198.51.100.7'
    apply(Array(60).fill(busy)) // as many rows as a source gets in a minute
    // So many others that those rows are only counted, and no more found.
    for (let part = 0; part < 70; part++)
      apply(Array.from({ length: 1000 }, (_, n) => `10.${part}.${n >> 8}.${n & 255}`))
    if (i === 1) {
      index[Symbol.dispose]()
      index = new DayIndex(dir, dayOf(at))
    }
    apply([busy, busy, '198.51.100.8'])
    index[Symbol.dispose]()
  }
  const [unbroken, reopened] = dirs.map((dir) => dumpIndex(dir))
  assert.deepEqual(reopened?.events.length, unbroken?.events.length)
  assert.deepEqual(reopened?.events.slice(-3), unbroken?.events.slice(-3))
  assert.equal(unbroken?.events.length, 60 + 70_000 + 2) // one row for all that is beyond the 60
})
