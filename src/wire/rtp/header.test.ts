// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rtpPacket } from '../../../test/support/rtp.ts'
import { parseRtpHeader } from './header.ts'
import { staticRtpmap } from './payload-types.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Each as its bytes; a packet's payload is told by its bounds. */
const PACKETS: readonly [what: string, bytes: string, payload: readonly [start: number, end: number] | null][] = [
  ['a packet of nothing but its header', '80 00 0001 00000000 deadbeef', [12, 12]],
  ['marker, payload type 101', '80 e5 ffff ffffffff 00000000 05 8a 03c0', [12, 16]],
  ['two contributing sources', '82 08 0001 00000000 deadbeef 00000001 00000002 d5d5', [20, 22]],
  ['an extension of one word', '90 08 0001 00000000 deadbeef bede 0001 10aa0000 d5', [20, 21]],
  ['an extension of no word', '90 08 0001 00000000 deadbeef bede 0000 d5', [16, 17]],
  ['padding of 3 bytes', 'a0 08 0001 00000000 deadbeef d5d5 000003', [12, 14]],
  ['padding and nothing else', 'a0 08 0001 00000000 deadbeef 00000004', [12, 12]],
  ['padding of all and more', 'a0 08 0001 00000000 deadbeef 00000005', null],
  ['padding of 0 bytes', 'a0 08 0001 00000000 deadbeef 00000000', null],
  ['an extension beyond the end', '90 08 0001 00000000 deadbeef bede 0002 10aa0000', null],
  ['an extension that is not there', '90 08 0001 00000000 deadbeef be', null],
  ['contributing sources beyond the end', '83 08 0001 00000000 deadbeef 00000001 00000002', null],
  ['a byte less than a header', '80 00 0001 00000000 deadbe', null],
  ['version 1', '40 00 0001 00000000 deadbeef', null],
  ['version 0: STUN', '0001 0000 2112a442 000000000000000000000000', null],
  ['an RTCP sender report', '80 c8 0006 deadbeef 0000000000000000 00000000 00000000 00000000', null],
  ['an RTCP bye', '81 cb 0001 deadbeef 00000000', null],
  ['nothing', '', null],
]

for (const [what, bytes, payload] of PACKETS) {
  test(`parseRtpHeader() of ${what}`, () => {
    const header = parseRtpHeader(hex(bytes))
    assert.deepEqual(header && [header.payloadStart, header.payloadEnd], payload)
  })
}

test('parseRtpHeader() reads the fields', () => {
  assert.deepEqual(parseRtpHeader(hex('80 e5 fffe 80000001 deadbeef 058a03c0')), {
    marker: true,
    payloadType: 101,
    sequence: 0xfffe,
    timestamp: 0x80000001,
    ssrc: 0xdeadbeef,
    payloadStart: 12,
    payloadEnd: 16,
  })
})

test('parseRtpHeader() reads what was written', () => {
  const init = fc.record({
    payloadType: fc.integer({ min: 0, max: 63 }),
    sequence: fc.nat(0xffff),
    timestamp: fc.nat(0xffffffff),
    ssrc: fc.nat(0xffffffff),
    marker: fc.boolean(),
    payload: fc.uint8Array({ maxLength: 20 }),
  })
  fc.assert(
    fc.property(init, (given) => {
      const { payload, ...fields } = given
      const bounds = { payloadStart: 12, payloadEnd: 12 + payload.length }
      assert.deepEqual(parseRtpHeader(rtpPacket(given)), { ...fields, ...bounds })
    }),
  )
})

test('parseRtpHeader() takes any bytes, and finds a payload within them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, looksRight) => {
      if (looksRight && bytes.length > 0) bytes[0] = (bytes[0]! & 0x3f) | 0x80
      const header = parseRtpHeader(bytes)
      if (header === null) return
      assert(header.payloadStart >= 12 && header.payloadStart <= header.payloadEnd)
      assert(header.payloadEnd <= bytes.length)
    }),
    { numRuns: 5000 },
  )
})

test('staticRtpmap() names the types of RFC 3551, and no others', () => {
  assert.equal(staticRtpmap(0), 'PCMU/8000')
  assert.equal(staticRtpmap(18), 'G729/8000')
  for (const dynamic of [1, 2, 19, 72, 96, 101, 127, 128, -1]) assert.equal(staticRtpmap(dynamic), null)
})
