// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { climb } from './ladder.ts'

/** Climbs where every rate up to `limit` holds; what was found, and the rates that were tried. */
async function climbTo(limit: number, options: { from: number; max: number; tries?: number }) {
  const tried: number[] = []
  const holds = async (rate: number): Promise<boolean> => {
    tried.push(rate)
    return rate <= limit
  }
  const mayGoOn = () => tried.length < (options.tries ?? 100)
  return { found: await climb({ ...options, holds, mayGoOn }), tried }
}

test('climb() comes within a few percent of what holds, from below and from above', async () => {
  for (const limit of [1000, 149_999, 412_345]) {
    for (const from of [100, 20_000, 800_000]) {
      const { found, tried } = await climbTo(limit, { from, max: 1_000_000 })
      assert(found <= limit && found >= limit / 1.07, `${limit} from ${from}: ${found} after ${tried.join(' ')}`)
    }
  }
})

test('climb() stops at the most that may be tried', async () => {
  const { found, tried } = await climbTo(5000, { from: 300, max: 1000 })
  assert.equal(found, 1000)
  assert.deepEqual(tried, [300, 600, 1000])
})

test('climb() finds 0 when nothing holds, and tells what it has when there is no more time', async () => {
  assert.equal((await climbTo(0, { from: 64, max: 1000 })).found, 0)
  assert.equal((await climbTo(900, { from: 100, max: 10_000, tries: 2 })).found, 200)
})
