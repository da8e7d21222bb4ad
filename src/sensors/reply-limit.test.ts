// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limitKeys, ReplyLimiter, readKeys } from './reply-limit.ts'

const DEFAULTS = { source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: false }
const NOW = 1_790_000_000_000

/** How many of so many replies are let through. */
function taken(limiter: ReplyLimiter, count: number, address: (i: number) => string, now = NOW, validated = false) {
  let passed = 0
  for (let i = 0; i < count; i++) if (limiter.take(address(i), 1, now, validated)) passed++
  return passed
}

test('a source gets a burst of 200 and then 50 a second', () => {
  const limiter = new ReplyLimiter(DEFAULTS)
  const one = () => '198.51.100.7'
  assert.equal(taken(limiter, 1_000, one), 200)
  assert.equal(taken(limiter, 1_000, one, NOW + 1_000), 50)
  assert.equal(taken(limiter, 1_000, one, NOW + 3_600_000), 200)
})

test('a /24 gets 500 a second, whatever the number of sources in it', () => {
  assert.equal(
    taken(new ReplyLimiter(DEFAULTS), 2_000, (i) => `198.51.100.${i % 250}`),
    500,
  )
})

test('all together get 20,000 a second', () => {
  assert.equal(
    taken(new ReplyLimiter(DEFAULTS), 30_000, (i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`),
    20_000,
  )
})

test('validated sources get ten times as much, from buckets of their own', () => {
  const limiter = new ReplyLimiter(DEFAULTS)
  const one = () => '198.51.100.7'
  assert.equal(taken(limiter, 1_000, one), 200)
  assert.equal(taken(limiter, 5_000, one, NOW, true), 2_000)
})

test('a /64 is one source and a /48 one prefix', () => {
  const keysOf = (address: string) => {
    readKeys(address)
    return { ...limitKeys }
  }
  assert.deepEqual(keysOf('2001:db8:1:2::1').source, keysOf('2001:db8:1:2:ffff::9').source)
  assert.notDeepEqual(keysOf('2001:db8:1:2::1').source, keysOf('2001:db8:1:3::1').source)
  assert.deepEqual(keysOf('2001:db8:1:2::1').prefix, keysOf('2001:db8:1:ffff::1').prefix)
  assert.notDeepEqual(keysOf('2001:db8:1::1').prefix, keysOf('2001:db8:2::1').prefix)
  assert.deepEqual(keysOf('255.255.255.254'), { source: 0xfffffffe, prefix: 0xffffff })
})

test('what is given back can be taken again, and never more than that', () => {
  const limiter = new ReplyLimiter({ ...DEFAULTS, source: { rate: 1, burst: 2 } })
  const one = '198.51.100.7'
  assert(limiter.take(one, 2, NOW, false))
  assert(!limiter.take(one, 1, NOW, false))
  limiter.giveBack(one, 1, NOW, false)
  assert(limiter.take(one, 1, NOW, false))
  assert(!limiter.take(one, 1, NOW, false))
})

test('several replies are taken together or not at all', () => {
  const limiter = new ReplyLimiter({ ...DEFAULTS, source: { rate: 1, burst: 4 } })
  assert(limiter.take('198.51.100.7', 3, NOW, false))
  assert(!limiter.take('198.51.100.7', 3, NOW, false))
  assert(limiter.take('198.51.100.7', 1, NOW, false))
})

test('the tables are bounded, however many sources come', () => {
  const limiter = new ReplyLimiter(DEFAULTS)
  taken(limiter, 200_000, (i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  assert(limiter.tableSize <= 65_536 + 16_384)
})

test('a source that keeps coming is not forgotten for others', () => {
  const limiter = new ReplyLimiter({ ...DEFAULTS, total: { rate: 1e9 }, source: { rate: 1, burst: 2 } })
  limiter.take('192.0.2.1', 2, NOW, false)
  for (let i = 0; i < 30_000; i++) limiter.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1, NOW, false)
  assert(!limiter.take('192.0.2.1', 1, NOW, false)) // asked for again, so kept
  for (let i = 30_000; i < 60_000; i++) limiter.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1, NOW, false)
  assert(!limiter.take('192.0.2.1', 1, NOW, false))
})

test('a clock that jumps back neither gives tokens nor takes them', () => {
  const limiter = new ReplyLimiter(DEFAULTS)
  assert.equal(
    taken(limiter, 200, () => '198.51.100.7'),
    200,
  )
  assert.equal(
    taken(limiter, 100, () => '198.51.100.7', NOW - 3_600_000),
    0,
  )
})

test('off means no limit', () => {
  assert.equal(
    taken(new ReplyLimiter({ ...DEFAULTS, off: true }), 10_000, () => '198.51.100.7'),
    10_000,
  )
})

test('never more than burst + rate × time, however it is asked', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500), { maxLength: 300 }), (gaps) => {
      const limiter = new ReplyLimiter(DEFAULTS)
      let now = NOW
      let passed = 0
      for (const gap of gaps) {
        now += gap
        passed += taken(limiter, 20, () => '198.51.100.7', now)
      }
      return passed <= 200 + (50 * (now - NOW)) / 1000 + 1
    }),
    { numRuns: 50 },
  )
})
