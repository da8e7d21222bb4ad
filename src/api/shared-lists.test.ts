// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fakeApiDeps } from '../../test/support/fake-api.ts'
import { FAKE_AT } from '../../test/support/fake-store.ts'
import type { Indicator } from '../core/indicator.ts'
import { LIST_LIMITS, SharedLists } from './_shared-lists.ts'
import { listenApi } from './api.ts'

const PIECE = 'x'.repeat(999)

/** A text of so many numbered pieces of 1,000 bytes, and how many of them were made. */
function counted(pieceCount: number) {
  const made = { count: 0 }
  const make = function* (): Generator<string> {
    yield ''
    while (made.count < pieceCount) yield `${made.count++ % 10}${PIECE}`
  }
  return { made, make }
}

async function whole(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString()
}

async function take(stream: Readable, pieceCount: number): Promise<void> {
  for (let i = 0; i < pieceCount; i++) {
    while (stream.read() === null) await once(stream, 'readable')
  }
}

const never = (): Iterator<string> => assert.fail('made a second time')

test('who asks while a list is open gets it whole, made once', async () => {
  const lists = new SharedLists()
  const { made, make } = counted(20)
  const first = lists.read('list', make)
  await take(first, 7)
  const second = whole(lists.read('list', never))
  const rest = await whole(first)
  const third = await whole(lists.read('list', never))
  assert.equal(made.count, 20)
  assert.equal(third, Array.from({ length: 20 }, (_, i) => `${i % 10}${PIECE}`).join(''))
  assert.equal(await second, third)
  assert.equal(rest, third.slice(7 * 1000))
})

test('lists of other names are others', async () => {
  const lists = new SharedLists()
  const [one, two] = await Promise.all([
    whole(lists.read('one', counted(1).make)),
    whole(lists.read('two', counted(2).make)),
  ])
  assert.deepEqual([one.length, two.length], [1000, 2000])
})

test('after its life a list is made anew, and goes when nobody reads it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lists = new SharedLists()
  const { make } = counted(20)
  const slow = lists.read('list', make)
  await take(slow, 2)
  await whole(lists.read('list', never))
  assert.equal(lists.heldSize, 20_000)
  t.mock.timers.tick(LIST_LIMITS.lifeMs)
  assert.ok(lists.heldSize < 20_000 && lists.heldSize >= 17_000, 'what all have read is let go')
  const again = counted(3)
  await whole(lists.read('list', again.make))
  assert.equal(again.made.count, 3)
  assert.equal(lists.count, 2)
  await whole(slow)
  await turn()
  assert.deepEqual([lists.count, lists.heldSize], [1, 3000])
  t.mock.timers.tick(LIST_LIMITS.lifeMs)
  assert.deepEqual([lists.count, lists.heldSize], [0, 0])
})

test('who goes away in the middle holds nothing any more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lists = new SharedLists()
  const gone = lists.read('list', counted(20).make)
  await take(gone, 2)
  await whole(lists.read('list', never))
  t.mock.timers.tick(LIST_LIMITS.lifeMs)
  assert.ok(lists.heldSize >= 17_000)
  gone.destroy()
  assert.deepEqual([lists.count, lists.heldSize], [0, 0])
})

test('a reader that takes nothing does not hold up another', async () => {
  const lists = new SharedLists()
  const { make } = counted(50)
  const still = lists.read('list', make)
  const other = await whole(lists.read('list', never))
  assert.equal(other.length, 50_000)
  assert.equal((await whole(still)).length, 50_000)
})

test('what is held is bounded: the slowest reader of the oldest list is ended, the others go on', async () => {
  const heldMax = 25_000
  const lists = new SharedLists({ heldMax })
  const still = lists.read('list', counted(200).make)
  const ended = once(still, 'error')
  await take(still, 1)
  const quick = lists.read('list', never)
  let length = 0
  for await (const piece of quick) {
    length += piece.length
    assert.ok(lists.heldSize <= heldMax)
  }
  assert.equal(length, 200_000)
  const [error] = await ended
  assert.equal(error.code, 'BUSY')
  const next = counted(1)
  await whole(lists.read('list', next.make))
  assert.equal(next.made.count, 1, 'a list that does not fit is not kept for others')
})

test('so many lists are in use, whoever reads the oldest is ended for the next', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lists = new SharedLists()
  const streams: Readable[] = []
  const ended: number[] = []
  for (let i = 0; i < LIST_LIMITS.count + 2; i++) {
    const stream = lists.read('list', counted(9).make).on('error', () => ended.push(i))
    streams.push(stream)
    await take(stream, 1)
    t.mock.timers.tick(LIST_LIMITS.lifeMs)
  }
  await turn()
  assert.deepEqual(ended, [0, 1])
  assert.equal(lists.count, LIST_LIMITS.count)
  for (const stream of streams.slice(2)) assert.equal((await whole(stream)).length, 8000)
  assert.equal(lists.count, 0)
})

test('a list that is read by one alone needs no room', async () => {
  const lists = new SharedLists({ heldMax: 3000 })
  assert.equal((await whole(lists.read('list', counted(100).make))).length, 100_000)
  assert.deepEqual([lists.count, lists.heldSize], [0, 0])
})

test('one piece is made in a turn of the event loop, however many ask', async () => {
  const lists = new SharedLists()
  const takenCount = { a: 0, b: 0, c: 0 }
  for (const name of ['a', 'b', 'c'] as const) {
    lists.read(name, counted(10).make).on('data', () => {
      takenCount[name]++
    })
  }
  let before = 0
  for (let i = 0; before < 30; i++) {
    assert.ok(i < 1000)
    await turn()
    const now = takenCount.a + takenCount.b + takenCount.c
    assert.ok(now - before <= 1)
    assert.ok(Math.max(...Object.values(takenCount)) - Math.min(...Object.values(takenCount)) <= 1)
    before = now
  }
})

test('an error in the making ends the readers', async () => {
  const lists = new SharedLists()
  const broken = function* (): Generator<string> {
    yield 'x'
    throw new Error('broken')
  }
  await assert.rejects(whole(lists.read('list', broken)), /broken/)
})

/** Asks for a path and reads nothing of the answer. */
async function silent(url: string, path: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(socket, 'readable')
  return socket
}

test('over HTTP: clients share a list, one that stands still holds up nobody, and lookups go on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const deps = fakeApiDeps()
  const many: Indicator[] = Array.from({ length: 100_000 }, (_, i) => ({
    ...deps.store.putIndicator({ kind: 'ip-address', value: '192.0.2.1', lastSeenAt: FAKE_AT - i }),
    value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
  }))
  let madeCount = 0
  const all = (): Iterable<Indicator> => {
    madeCount++
    return many
  }
  const indicators = { ...deps.store.indicators, all, count: () => many.length }
  await using api = await listenApi(
    { host: '127.0.0.1', port: 0, allowedHosts: [] },
    { ...deps, store: { ...deps.store, indicators } },
  )
  const still = await silent(api.url, '/ip-addresses')
  const texts = await Promise.all(
    Array.from({ length: 4 }, async () => (await fetch(`${api.url}/ip-addresses`)).text()),
  )
  assert.equal((await fetch(`${api.url}/v1/ip-addresses/192.0.2.1`)).status, 200)
  assert.equal(madeCount, 1)
  for (const text of texts) assert.equal(text, texts[0])
  const list = JSON.parse(texts[0]!)
  assert.deepEqual(
    list.ip_addresses.map((row: { ip_address: string }) => row.ip_address),
    many.map(({ value }) => value),
  )
  still.destroy()
})
