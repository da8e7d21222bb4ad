// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Allowance, StreamInput } from './input.ts'
import { StreamTurns, type Worker } from './turns.ts'

const LIMITS = { sourceTurn: { messageCount: 4, size: 1_000 }, totalTurn: { messageCount: 10, size: 5_000 } }

/** A worker with so many messages; `done` gets its name for each. */
function worker(name: string, sourceKey: string, messageCount: number, done: string[]): Worker {
  let left = messageCount
  return {
    sourceKey,
    work(allowance) {
      for (; left > 0 && allowance.messageCount > 0; left--, allowance.messageCount--) done.push(name)
      return left === 0
    },
  }
}

test('StreamTurns gives each source the same in a turn, however many connections it has', async () => {
  const done: string[] = []
  const turns = new StreamTurns({ limits: LIMITS, isBusy: () => false })
  for (let i = 0; i < 20; i++) turns.add(worker(`flood ${i}`, 'flood', 100, done))
  turns.add(worker('honest', 'honest', 3, done))
  await nextTurn()
  assert.equal(done.filter((name) => name === 'honest').length, 3)
  assert.equal(done.length, 4 + 3)
  await nextTurn()
  await nextTurn()
  assert.equal(done.length, 4 + 3 + 4 + 4)
  assert.equal(new Set(done).size, 1 + 3) // another connection of the flood in each turn
})

test('StreamTurns bounds what all sources together do in a turn, and serves those first who waited', async () => {
  const done: string[] = []
  const turns = new StreamTurns({ limits: LIMITS, isBusy: () => false })
  for (let i = 0; i < 6; i++) turns.add(worker(`${i}`, `source ${i}`, 8, done))
  await nextTurn()
  assert.equal(done.join(''), '000011112222') // the last one ended above the bound of 10
  await nextTurn()
  assert.equal(done.slice(12).join(''), '333344445555')
  for (let i = 0; i < 3; i++) await nextTurn()
  assert.equal(done.length, 48)
  assert.equal(turns.turnCount, 4)
})

test('StreamTurns waits while events are not kept as fast as they come', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const done: string[] = []
  let isBusy = true
  const turns = new StreamTurns({ limits: LIMITS, isBusy: () => isBusy })
  turns.add(worker('a', 'a', 2, done))
  await nextTurn()
  t.mock.timers.tick(10)
  await nextTurn()
  assert.deepEqual(done, [])
  isBusy = false
  t.mock.timers.tick(10)
  assert.deepEqual(done, ['a', 'a'])
})

test('StreamInput frames no more than the allowance has room for', () => {
  const input = new StreamInput()
  input.give(Buffer.alloc(65_536, '\r\n\r\n'))
  let pingCount = 0
  for (let turn = 1; input.hasWork; turn++) {
    const allowance: Allowance = { messageCount: 16, size: 8_192 }
    while (input.next(allowance) !== null) pingCount++
    assert(pingCount <= 16 * turn)
    assert(allowance.size > -4_096)
  }
  assert.equal(pingCount, 16_384)
})
