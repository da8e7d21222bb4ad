// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { writeAddress } from '../core/address.ts'
import { createAppliedCount, DeltaSender } from './_delta-sender.ts'
import type { DeltaBatch } from './delta-batch.ts'
import { DeltaWindow } from './delta-window.ts'
import { Facts } from './facts.ts'
import { UDP } from './record.ts'

function senderOf(t: TestContext): {
  sender: DeltaSender
  sent: DeltaBatch[]
  applied: ReturnType<typeof createAppliedCount>
  add(): void
} {
  const window = new DeltaWindow()
  const applied = createAppliedCount()
  const sent: DeltaBatch[] = []
  const sender = new DeltaSender(window, applied, (batch) => sent.push(batch))
  t.after(() => sender[Symbol.dispose]())
  const address = new Uint8Array(16)
  writeAddress('192.0.2.1', address, 0)
  const facts = new Facts()
  facts.read(new Uint8Array(0), 0, 0, UDP)
  return { sender, sent, applied, add: () => window.addEvent(new DataView(address.buffer), 0, 1, 0, facts) }
}

test('the first news is sent at once, what comes soon after it together and a little later', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { sender, sent, add } = senderOf(t)
  sender.sendIfDue()
  assert.equal(sent.length, 0, 'of nothing there is nothing to send')
  add()
  sender.sendIfDue()
  assert.equal(sent.length, 1)
  add()
  sender.sendIfDue()
  add()
  sender.sendIfDue()
  assert.equal(sent.length, 1)
  t.mock.timers.tick(20)
  assert.deepEqual(
    sent.map(({ counts }) => counts[0]),
    [1, 2],
  )
  t.mock.timers.tick(100)
  assert.equal(sent.length, 2)
})

test('what is held waits until it is released, or so long', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { sender, sent, add } = senderOf(t)
  for (const end of [() => sender.release(), () => t.mock.timers.tick(1000)]) {
    sent.length = 0
    sender.hold(1000)
    add()
    sender.sendIfDue()
    t.mock.timers.tick(100)
    assert.equal(sent.length, 0)
    end()
    assert.equal(sent.length, 1)
  }
})

test('there is room while the main thread applies what it is sent', (t) => {
  const { sender, applied, add } = senderOf(t)
  for (let i = 0; i < 64; i++) {
    assert(sender.hasRoom)
    add()
    sender.send()
  }
  assert(!sender.hasRoom)
  Atomics.add(applied, 0, 1)
  assert(sender.hasRoom)
})
