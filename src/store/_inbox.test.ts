// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Inbox } from './_inbox.ts'

/** Takes so long by the clock that the inbox reads. */
function spend(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('messages are handled in their order, at once while that takes little, and in later turns when it takes long', async () => {
  const handled: number[] = []
  const inbox = new Inbox<number>((number) => {
    handled.push(number)
    spend(5)
  })
  const all = Array.from({ length: 20 }, (_, i) => i)
  for (const number of all) inbox.push(number)
  assert(handled.length >= 1 && handled.length <= 3, String(handled))
  while (handled.length < all.length) {
    const before = handled.length
    await nextTurn()
    assert(handled.length - before <= 3)
  }
  assert.deepEqual(handled, all)
})

test('drain() handles all that waits', () => {
  const handled: number[] = []
  const inbox = new Inbox<number>((number) => {
    handled.push(number)
    spend(5)
  })
  for (let number = 0; number < 6; number++) inbox.push(number)
  inbox.drain()
  assert.deepEqual(handled, [0, 1, 2, 3, 4, 5])
})
