// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecentMap } from './recent-map.ts'

test('RecentMap keeps what is asked for and forgets the rest', () => {
  const cache = new RecentMap<string, number>(4)
  cache.set('wanted', 0)
  for (let i = 0; i < 100; i++) {
    cache.set(`other ${i}`, i)
    assert.equal(cache.get('wanted'), 0)
  }
  assert.equal(cache.get('other 0'), undefined)
  assert.equal(cache.get('other 99'), 99)
})

test('RecentMap replaces a value', () => {
  const cache = new RecentMap<string, number>(4)
  cache.set('a', 1)
  cache.set('a', 2)
  assert.equal(cache.get('a'), 2)
})

test('RecentMap answers with the last value set, or not at all, and holds the last ones for certain', () => {
  const key = fc.nat(9)
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.boolean())), (steps) => {
      const cache = new RecentMap<number, number>(8)
      const last = new Map<number, number>()
      const recent: number[] = []
      for (const [index, [key, isSet]] of steps.entries()) {
        const found = cache.get(key)
        if (recent.slice(-4).includes(key)) assert.equal(found, last.get(key))
        else assert(found === undefined || found === last.get(key))
        if (isSet) cache.set(key, index)
        if (isSet) last.set(key, index)
        if (isSet || found !== undefined) recent.splice(0, recent.length, ...recent.filter((one) => one !== key), key)
      }
    }),
  )
})
