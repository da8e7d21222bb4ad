// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecentMap } from './recent-map.ts'

test('a key used within the last half of the entries is there, and the bound holds', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40)), (keys) => {
      const map = new RecentMap<number>(10)
      for (const [index, key] of keys.entries()) {
        map.set(String(key), index)
        assert(map.count <= 10)
        const recent = [...new Set(keys.slice(0, index + 1).reverse())].slice(0, 5)
        for (const one of recent.reverse()) {
          if (map.get(String(one)) !== undefined) assert.equal(map.get(String(one)), keys.lastIndexOf(one, index))
        }
        assert.equal(map.get(String(key)), index)
      }
    }),
  )
})

test('get() keeps an entry alive among any number of new ones', () => {
  const map = new RecentMap<string>(10)
  map.set('kept', 'here')
  for (let i = 0; i < 1_000; i++) {
    map.set(String(i), 'passing')
    if (i % 4 === 0) assert.equal(map.get('kept'), 'here')
  }
  assert.equal(map.get('0'), undefined)
})
