// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { deriveEvent } from './derive.ts'
import { Outbox, QUEUE_SIZE } from './outbox.ts'
import { readRecord, recordSizeAt, type StoredObservation } from './record.ts'

function read(batches: readonly Uint8Array[]): StoredObservation[] {
  const observations: StoredObservation[] = []
  for (const batch of batches) {
    for (let at = 0; at < batch.length; at += recordSizeAt(batch, at)) {
      const record = readRecord(batch, at)
      assert(record.type === 'event')
      observations.push(record.observation)
    }
  }
  return observations
}

test('observations leave in order, however they fall into batches', () => {
  const batches: Uint8Array[] = []
  const outbox = new Outbox((bytes) => batches.push(bytes))
  const sizes = Array.from({ length: 200 }, (_, i) => (i * 7919) % 65_000)
  for (const size of sizes) outbox.add(observation({ bytes: new Uint8Array(size) }))
  outbox.send()
  assert.deepEqual(
    read(batches).map(({ bytes }) => bytes.length),
    sizes,
  )
  assert(batches.length > 1)
  assert.equal(outbox.acceptedCount, 200)
})

test('when the disk falls behind, messages are shortened first and events lost last, all of it counted', () => {
  const batches: Uint8Array[] = []
  const outbox = new Outbox((bytes) => batches.push(bytes))
  const bytes = sipRequest({ body: 'x'.repeat(60_000) })
  let sent = 0
  while (outbox.waitingSize < QUEUE_SIZE.shed) {
    outbox.add(observation({ bytes }))
    sent++
  }
  outbox.add(observation({ bytes }))
  outbox.send()
  const last = read(batches.slice(-1)).at(-1)
  assert(last?.rawShed && last.bytes.length < 1000 && last.size === bytes.length)
  assert.equal(deriveEvent(1, last).e164, '+442081234567')
  assert.equal(deriveEvent(1, last).userAgent, 'friendly-scanner')
  while (outbox.waitingSize < QUEUE_SIZE.max) outbox.add(observation({ bytes: new Uint8Array(64) }))
  const { acceptedCount } = outbox
  outbox.add(observation())
  outbox.add(observation())
  assert.deepEqual([outbox.droppedCount, outbox.acceptedCount], [2, acceptedCount])
  outbox.settle(outbox.waitingSize)
  outbox.add(observation())
  outbox.send()
  assert.equal(outbox.acceptedCount, acceptedCount + 1)
  assert(sent > 0)
})
