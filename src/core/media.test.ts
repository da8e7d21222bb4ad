// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type MediaSummary, parseMedia } from './media.ts'

const summaries: fc.Arbitrary<MediaSummary> = fc.record(
  {
    callId: fc.string({ unit: 'binary' }),
    codec: fc.option(fc.string()),
    payloadType: fc.option(fc.nat(127)),
    packetCount: fc.maxSafeNat(),
    byteCount: fc.maxSafeNat(),
    lostCount: fc.maxSafeNat(),
    foreignCount: fc.maxSafeNat(),
    dtmf: fc.string(),
    durationMs: fc.maxSafeNat(),
    ssrcs: fc.array(fc.stringMatching(/^[0-9a-f]{8}$/)),
  },
  { noNullPrototype: true },
)

const bytesOf = (summary: MediaSummary): Uint8Array => Buffer.from(JSON.stringify(summary))

test('a summary comes back as it went in', () => {
  fc.assert(fc.property(summaries, (summary) => assert.deepEqual(parseMedia(bytesOf(summary)), summary)))
})

test('parseMedia() of what is cut, or lacks something, or is no summary, is null', () => {
  const [summary] = fc.sample(summaries, 1)
  const bytes = bytesOf(summary!)
  for (let size = 0; size < bytes.length; size++) assert.equal(parseMedia(bytes.subarray(0, size)), null)
  for (const name of Object.keys(summary!)) {
    const text = JSON.stringify({ ...summary, [name]: undefined })
    assert.equal(parseMedia(Buffer.from(text)), null, name)
  }
  for (const text of ['null', '1', '[]', '{}']) assert.equal(parseMedia(Buffer.from(text)), null)
})

test('parseMedia() takes any bytes', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseMedia(bytes)))
})
