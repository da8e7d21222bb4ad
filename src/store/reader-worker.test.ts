// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { openStore } from './store.ts'

test('a page of events ends early rather than grow over 4 MiB of raw messages, and the next goes on', async (t) => {
  const deps = { onFatal: (error: Error) => assert.fail(error) }
  await using store = await openStore({ dir: tempDir(t), quotaSize: 100 * 1_048_576 }, deps)
  for (let i = 0; i < 100; i++) {
    const bytes = sipRequest({ callId: `large-${i}`, body: 'x'.repeat(60_000) })
    store.append(observation({ at: Date.now(), bytes, source: { ip: `198.51.100.${i}`, port: 5060 } }))
  }
  await store.flush({ indexed: true })
  const first = await store.events({ limit: 1000 })
  const size = first.items.reduce((sum, { event }) => sum + event.raw.length, 0)
  assert.ok(size > 4_000_000 && size <= 4 * 1_048_576, String(size))
  const second = await store.events({ limit: 1000, before: first.next! })
  assert.equal(second.next, null)
  assert.equal(new Set([...first.items, ...second.items].map(({ event }) => event.id)).size, 100)
})

test('a call is found as soon as it is durable, with its retransmissions, and a store that closes ends the search', async (t) => {
  const deps = { onFatal: (error: Error) => assert.fail(error) }
  await using store = await openStore({ dir: tempDir(t), quotaSize: 100 * 1_048_576 }, deps)
  const at = Date.now()
  for (const method of ['INVITE', 'INVITE', 'BYE']) {
    store.append(observation({ at, bytes: sipRequest({ callId: 'wanted', method }) }))
    store.append(observation({ at, bytes: sipRequest({ callId: 'other', method }) }))
  }
  await store.flush()
  const { items, next } = await store.call({ callId: 'wanted', since: 0 })
  assert.deepEqual(
    items.map(({ event, repeatCount }) => [event.method, repeatCount]),
    [
      ['INVITE', 1],
      ['BYE', 0],
    ],
  )
  assert.equal(next, null)
  assert.deepEqual((await store.call({ callId: 'wanted', since: at + 60_000 })).items, [])
  const asked = store.call({ callId: 'wanted', since: 0 })
  await store[Symbol.asyncDispose]()
  assert.equal((await asked).items.length, 2) // it was quick enough; call-search.test.ts has one that is not
})
