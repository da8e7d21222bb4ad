// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ServerEvent, serverEvents } from './server-events.ts'

const SILENCE_MS = 10_000
const STREAM = 'retry: 3000\nid: 7\n\n: alive\n\nid: 8\nevent: event\ndata: {"a":"é"}\n\ndata: one\ndata:two\n\nid: cut'
const EVENTS: readonly ServerEvent[] = [
  { name: 'message', data: '', id: '7', retryMs: 3000 },
  { name: 'message', data: '', id: null, retryMs: null },
  { name: 'event', data: '{"a":"é"}', id: '8', retryMs: null },
  { name: 'message', data: 'one\ntwo', id: null, retryMs: null },
]

async function read(chunks: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const body = ReadableStream.from<Uint8Array>(chunks)
  return await Array.fromAsync(serverEvents(body, SILENCE_MS))
}

test('serverEvents() gives every whole block', async () => {
  assert.deepEqual(await read([Buffer.from(STREAM)]), EVENTS)
  assert.deepEqual(await read([Buffer.from(STREAM.replaceAll('\n', '\r\n'))]), EVENTS)
})

test('serverEvents() does not care how the bytes are cut', async () => {
  const bytes = Buffer.from(STREAM)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
      assert.deepEqual(await read(chunks), EVENTS)
    }),
    { numRuns: 50 },
  )
})

test('serverEvents() does not wait for ever', async () => {
  const silent = new ReadableStream<Uint8Array>({})
  await assert.rejects(Array.fromAsync(serverEvents(silent, 10)), { message: 'nothing came for 0.01 seconds' })
})

test('serverEvents() does not take an event without an end', async () => {
  const endless = Array.from({ length: 70 }, () => Buffer.alloc(65_536, 'x'))
  await assert.rejects(read(endless), { message: 'the stream sent an event without an end' })
})
