// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digitPackets, rtpPacket } from '../../../test/support/rtp.ts'
import { mediaObservation } from './media-observation.ts'
import { MediaTally } from './media-tally.ts'

const RTPMAPS = new Map([
  ['101', 'telephone-event/8000'],
  ['96', 'opus/48000/2'],
])

function tallied(packets: readonly Uint8Array[], isRead: (i: number) => boolean = () => true): MediaTally {
  const tally = new MediaTally(RTPMAPS)
  for (const [i, bytes] of packets.entries()) tally.packet(bytes, 6000, 100 + 20 * i, isRead(i))
  return tally
}

const speech = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => rtpPacket({ sequence: from + i, timestamp: 160 * i }))

test('MediaTally of nothing', () => {
  assert.deepEqual(tallied([]).summary(), {
    codec: null,
    payloadType: null,
    packetCount: 0,
    byteCount: 0,
    lostCount: 0,
    foreignCount: 0,
    dtmf: '',
    durationMs: 0,
    ssrcs: [],
    sourcePort: null,
  })
})

test('MediaTally of a call with digits, a loss and strangers', () => {
  const digits = ['4', '#'].flatMap((digit, i) => digitPackets(digit, { sequence: 10 + 6 * i, timestamp: 1600 * i }))
  const tally = tallied([...speech(9), ...digits])
  tally.foreign()
  tally.foreign()
  assert.deepEqual(tally.summary(), {
    codec: 'PCMU',
    payloadType: 0,
    packetCount: 21,
    byteCount: 9 * 172 + 12 * 16,
    lostCount: 1,
    foreignCount: 2,
    dtmf: '4#',
    durationMs: 400,
    ssrcs: ['1234abcd'],
    sourcePort: 6000,
  })
})

test('MediaTally names what the session description names, and else what RFC 3551 does', () => {
  const types: [number, string | null][] = [
    [96, 'opus'],
    [8, 'PCMA'],
    [97, null],
  ]
  for (const [payloadType, codec] of types) {
    const { codec: found, payloadType: type } = tallied([rtpPacket({ payloadType })]).summary()
    assert.deepEqual([found, type], [codec, payloadType])
  }
  const digitsAlone = tallied(digitPackets('1', { sequence: 0, timestamp: 0 })).summary()
  assert.deepEqual([digitsAlone.codec, digitsAlone.payloadType, digitsAlone.dtmf], [null, null, '1'])
})

test('MediaTally knows four senders, and counts the packets of all', () => {
  const packets = [1, 2, 3, 4, 5, 6].map((ssrc) => rtpPacket({ ssrc }))
  const { ssrcs, packetCount } = tallied(packets).summary()
  assert.deepEqual(ssrcs, ['00000001', '00000002', '00000003', '00000004'])
  assert.equal(packetCount, 6)
})

test('MediaTally takes what was only counted for no loss', () => {
  const { packetCount, lostCount } = tallied(speech(100), (i) => i < 20 || i > 60).summary()
  assert.deepEqual([packetCount, lostCount], [100, 0])
})

test('MediaTally takes any datagrams, and its observation stays small', () => {
  const packets = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(0xffff).map((i) => rtpPacket({ sequence: i, ssrc: i })),
    ),
  )
  fc.assert(
    fc.property(packets, (all) => {
      const summary = tallied(all).summary()
      assert.equal(summary.packetCount, all.length)
      assert(summary.lostCount >= 0 && summary.ssrcs.length <= 4 && summary.dtmf.length <= 64)
      const call = { callId: 'c', at: 0, sourceIp: '198.51.100.7', local: { ip: '192.0.2.1', port: 10_000 } }
      assert(mediaObservation(call, summary).size < 400)
    }),
  )
})

test('mediaObservation() tells the call, in JSON, as from the port that the media came from', () => {
  const summary = tallied(speech(3)).summary()
  const call = { callId: 'é"1', at: 5, sourceIp: '198.51.100.7', local: { ip: '192.0.2.1', port: 10_000 } }
  const { bytes, size, ...rest } = mediaObservation(call, summary)
  const { sourcePort, ...told } = summary
  assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), { callId: call.callId, ...told })
  assert.equal(size, bytes.length)
  assert.deepEqual(rest, {
    at: 5,
    transport: 'rtp',
    source: { ip: '198.51.100.7', port: 6000 },
    destination: { ip: '192.0.2.1', port: 10_000 },
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [],
    sentSize: 0,
  })
  assert.equal(mediaObservation(call, tallied([]).summary()).source.port, 0)
})
