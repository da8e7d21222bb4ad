// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fakeApiDeps, KEYED } from '../../test/support/fake-api.ts'
import { openSse } from '../../test/support/sse-client.ts'
import { listenApi } from './api.ts'
import { EventStreams, STREAM_LIMITS, type StreamLimits, type StreamOptions } from './stream.ts'

const CONFIG = { host: '127.0.0.1', port: 0, allowedHosts: [] }

async function listening() {
  const deps = fakeApiDeps()
  const api = await listenApi(CONFIG, deps)
  return { ...api, store: deps.store, stream: `${api.url}/v1/events/stream` }
}

function streams(limits: Partial<StreamLimits> = {}, now = () => 0) {
  const { store } = fakeApiDeps()
  return { store, hub: new EventStreams({ store, now }, { ...STREAM_LIMITS, ...limits }) }
}
const ALL: StreamOptions = { after: undefined, matches: () => true, whole: false }

/** Reads text until it holds the words. */
async function readUntil(readable: Readable, words: string): Promise<string> {
  let text = ''
  while (!text.includes(words)) {
    const chunk: Buffer | null = readable.read()
    if (chunk === null) await once(readable, 'readable')
    else text += chunk.toString()
  }
  return text
}

test('an event comes as its id, its kind and its JSON', async () => {
  await using api = await listening()
  await using client = await openSse(api.stream)
  const { headers, statusCode } = client.response
  assert.equal(statusCode, 200)
  assert.match(String(headers['content-type']), /^text\/event-stream/)
  assert.equal(headers['x-accel-buffering'], 'no')
  assert.equal(headers['cache-control'], 'no-store')
  assert.deepEqual(await client.nextFrame(), { retry: '3000', id: '0' })
  api.store.push({ userAgent: 'a\r\nb' })
  const frame = await client.nextFrame()
  assert.deepEqual(Object.keys(frame!), ['id', 'event', 'data'])
  assert.equal(frame?.id, '10')
  assert.equal(frame?.event, 'event')
  const json = JSON.parse(frame!.data!)
  assert.equal(json.id, '10')
  assert.equal(json.userAgent, 'a\r\nb')
})

test('whoever comes back misses and doubles nothing', async () => {
  await using api = await listening()
  for (let i = 0; i < 500; i++) api.store.push({})
  await using asked = await openSse(`${api.stream}?after=4000`)
  await using resumed = await openSse(`${api.stream}?after=10`, { 'last-event-id': '4000' })
  for (const client of [asked, resumed]) {
    for (let id = 4010; id <= 5000; id += 10) assert.equal((await client.next('event'))?.id, String(id))
  }
  api.store.push({})
  for (const client of [asked, resumed]) assert.equal((await client.next('event'))?.id, '5010')
})

test('a Last-Event-ID that is none is refused', async () => {
  await using api = await listening()
  await using client = await openSse(api.stream, { 'last-event-id': 'x' })
  assert.equal(client.response.statusCode, 400)
})

test('filters let through what they name', async () => {
  await using api = await listening()
  const filters = [
    'ip=192.0.2.9',
    'number=%2B442081234567',
    'number=442081234567',
    'method=OPTIONS',
    'tag=options-scan',
  ]
  const clients = await Promise.all(filters.map((filter) => openSse(`${api.stream}?${filter}`)))
  const other = { calledNumbers: [], calledNumber: null, e164: null, method: 'REGISTER', tags: [] } as const
  api.store.push(other)
  api.store.push({ ...other, source: { ip: '192.0.2.9', port: 1 } })
  api.store.push({ ...other, e164: '+442081234567' })
  api.store.push({ ...other, method: 'OPTIONS' })
  api.store.push({ ...other, tags: ['options-scan'] })
  const ids = await Promise.all(clients.map(async (client) => (await client.next('event'))?.id))
  assert.deepEqual(ids, ['20', '30', '30', '40', '50'])
  for (const client of clients) await client[Symbol.asyncDispose]()
})

test('credentials need the key here too', async () => {
  await using api = await listening()
  await using stranger = await openSse(api.stream)
  await using administrator = await openSse(api.stream, KEYED)
  api.store.push({ raw: Buffer.from('REGISTER sip:a SIP/2.0\r\nAuthorization: SECRET\r\n\r\n') })
  assert.ok(!(await stranger.next('event'))?.data?.includes('SECRET'))
  assert.ok((await administrator.next('event'))?.data?.includes('SECRET'))
})

test('one client too many is refused, and its place is free when another went', async () => {
  const { hub, store } = streams({ clientCount: 2 })
  const [first] = [hub.open(ALL), hub.open(ALL)]
  assert.throws(() => hub.open(ALL), { code: 'TOO_MANY_STREAMS' })
  first.destroy()
  await once(first, 'close')
  hub.open(ALL)
  assert.equal(hub.clientCount, 2)
  assert.equal(store.listenerCount, 1)
  hub.close()
})

test('a client that hangs up leaves its place', async () => {
  await using api = await listening()
  const client = await openSse(api.stream)
  await client.nextFrame()
  assert.equal(api.store.listenerCount, 1)
  await client[Symbol.asyncDispose]()
  for (let i = 0; i < 100 && api.store.listenerCount > 0; i++) await fetch(`${api.url}/v1/ready`) // until it hears of it
  assert.equal(api.store.listenerCount, 0)
})

test('the last client takes the subscription with it', async () => {
  const { hub, store } = streams()
  const readable = hub.open(ALL)
  assert.equal(store.listenerCount, 1)
  readable.destroy()
  await once(readable, 'close')
  assert.equal(store.listenerCount, 0)
})

test('a client too far behind is told and goes on from now', async () => {
  const { hub, store } = streams({ behindCount: 100 })
  for (let i = 0; i < 101; i++) store.push({})
  const late = hub.open({ ...ALL, after: 0 })
  const text = await readUntil(late, 'event: skipped')
  assert.match(text, /^retry: 3000\nid: 0\n\nid: 1010\nevent: skipped\ndata: \{"after":"0","position":"1010"/)
  store.push({})
  assert.match(await readUntil(late, 'event: event'), /^id: 1020\n/)
  const punctual = hub.open({ ...ALL, after: 20 })
  assert.match(await readUntil(punctual, 'event: event'), /^retry: 3000\nid: 20\n\nid: 30\nevent: event\n/)
  hub.close()
})

test('an id from another journal is told too', async () => {
  const { hub, store } = streams()
  store.push({})
  const readable = hub.open({ ...ALL, after: 999 })
  assert.match(await readUntil(readable, 'event: skipped'), /"after":"999","position":"10"/)
  hub.close()
})

test('a client that reads slowly holds a batch, not the flood, and is moved on', async () => {
  const { hub, store } = streams({ behindCount: 1000 })
  let readCount = 0
  const read = store.read
  store.read = async (after, limit) => {
    const batch = await read(after, limit)
    readCount += batch.events.length
    return batch
  }
  const readable = hub.open(ALL)
  await readUntil(readable, 'retry')
  const raw = Buffer.alloc(10_000, 'x')
  for (let i = 0; i < 5000; i++) store.push({ raw })
  for (let i = 0; i < 200; i++) await setImmediate()
  assert.ok(readCount <= STREAM_LIMITS.readCount, `${readCount} events were read for a client that takes none`)
  const text = await readUntil(readable, 'event: skipped')
  assert.match(text, /"position":"50000"/)
  hub.close()
})

test('a heartbeat tells where the client stands, though its filter let nothing through', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { hub, store } = streams()
  const readable = hub.open({ ...ALL, matches: () => false })
  await readUntil(readable, 'retry')
  store.push({})
  await setImmediate()
  t.mock.timers.tick(STREAM_LIMITS.heartbeatMs)
  assert.equal(await readUntil(readable, 'alive'), 'id: 10\n: alive\n\n')
  hub.close()
})

test('a client that takes nothing for a minute is let go', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let now = 0
  const { hub, store } = streams({}, () => now)
  const readable = hub.open(ALL)
  await readUntil(readable, 'retry')
  for (let i = 0; i < 20; i++) store.push({ raw: Buffer.alloc(10_000, 'x') })
  for (let i = 0; i < 20; i++) await setImmediate()
  t.mock.timers.tick(STREAM_LIMITS.heartbeatMs)
  assert.equal(hub.clientCount, 1)
  now = STREAM_LIMITS.blockedMs
  t.mock.timers.tick(STREAM_LIMITS.heartbeatMs)
  await once(readable, 'close')
  assert.equal(hub.clientCount, 0)
})

test('shutdown ends the streams cleanly and soon', async () => {
  const api = await listening()
  await using client = await openSse(api.stream)
  await client.nextFrame()
  const startedAt = performance.now()
  const ended = client.next('event')
  await api[Symbol.asyncDispose]()
  assert.equal(await ended, undefined)
  assert.equal(client.response.complete, true)
  assert.ok(performance.now() - startedAt < 1000)
})

test('an error of the store ends the stream, and the client may come back', async () => {
  const { hub, store } = streams()
  store.read = () => Promise.reject(new Error('no journal'))
  const readable = hub.open(ALL)
  readable.resume()
  await assert.rejects(once(readable, 'end'), /no journal/)
  assert.equal(hub.clientCount, 0)
})
