// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ASTERISK_CHAN_SIP as persona } from '../../../test/support/personas.ts'
import { describeSession } from './sdp.ts'

const init = { persona, address: '203.0.113.5', port: 10_042, session: 123_456_789 }
const describe = (offer: string, address = init.address) => {
  const { full, short } = describeSession(Buffer.from(offer, 'latin1'), { ...init, address })
  return { full: Buffer.from(full).toString('latin1'), short: Buffer.from(short).toString('latin1') }
}
const mediaLines = (sdp: string) => sdp.split('\r\n').filter((line) => line.startsWith('m='))

test('an offer gets the codecs of both, and our own address', () => {
  const { full, short } = describe('v=0\r\nm=audio 6000 RTP/AVP 18 8 0 101\r\n')
  assert.match(full, /^v=0\r\no=root 123456789 123456789 IN IP4 203\.0\.113\.5\r\ns=Asterisk PBX/)
  assert.match(full, /\r\nc=IN IP4 203\.0\.113\.5\r\n/)
  assert.match(full, /\r\nm=audio \d{5} RTP\/AVP 8 0 101\r\n/)
  assert.match(full, /\r\na=rtpmap:8 PCMA\/8000\r\n/)
  assert.match(short, /\r\nm=audio \d{5} RTP\/AVP 8\r\n$/)
  assert(short.length < full.length)
})

test('a codec that we do not have is taken all the same', () => {
  assert.match(describe('m=audio 6000 RTP/AVP 18 4\r\n').full, /\r\nm=audio \d{5} RTP\/AVP 18\r\n/)
})

test('each m= line is answered; only the first audio one is open. RFC 3264 §6', () => {
  const { full } = describe(
    'm=video 6002 RTP/AVP 31\nm=audio 6000 RTP/AVP 0\nm=audio 6004 RTP/AVP 8\nm=image 5 udptl t38',
  )
  const ports = mediaLines(full).map((line) => Number(line.split(' ')[1]))
  assert.equal(ports.length, 4)
  assert.deepEqual(
    ports.map((port) => port > 0),
    [false, true, false, false],
  )
})

test('without an offer it is an offer of our own', () => {
  assert.match(describe('').full, /\r\nm=audio \d{5} RTP\/AVP 0 8 101\r\n/)
})

test('IPv6 is IP6', () => {
  assert.match(describe('', '2001:db8::5').full, /\r\nc=IN IP6 2001:db8::5\r\n/)
})

test('media is asked for on the port that was given', () => {
  for (const text of Object.values(describe('m=audio 6000 RTP/AVP 0\r\n'))) assert.match(text, /\r\nm=audio 10042 RTP/)
})

test('no offer can make it throw, or write lines of its own', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom('m=audio 1 RTP/AVP 0', 'm=x 1 y z', 'm=audio 99999/9 a/b 0 1 2'))
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\r\n', '\n', '\r'), (lines, end) => {
      const { full } = describe(lines.join(end))
      for (const one of full.split('\r\n').slice(0, -1)) assert.match(one, /^[vosctma]=[\x20-\x7e]*$/)
      assert(mediaLines(full).length <= 16)
      assert(full.length <= 40_000)
    }),
  )
})

test('describeSession() refuses what was offered with port 0, and mirrors the direction. RFC 3264 §6, §6.1', () => {
  const answer = (offer: string) => {
    const { full, short } = describeSession(Buffer.from(offer.replaceAll('\n', '\r\n')), init)
    return { full: full.toString(), short: short.toString() }
  }
  const refused = answer('v=0\nm=audio 0 RTP/AVP 0\nm=audio 4000 RTP/AVP 8\n').full
  assert.match(refused, /m=audio 0 RTP\/AVP 0\r\nm=audio [1-9]\d* RTP\/AVP 8\r\n/)
  assert.doesNotMatch(answer('v=0\nm=audio 0 RTP/AVP 0\n').full, /a=sendrecv|m=audio [1-9]/)
  const pairs = { sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' }
  for (const [theirs, ours] of Object.entries(pairs)) {
    for (const offer of [`v=0\na=${theirs}\nm=audio 4000 RTP/AVP 0\n`, `v=0\nm=audio 4000 RTP/AVP 0\na=${theirs}\n`]) {
      const { full, short } = answer(offer)
      for (const text of [full, short]) assert(text.endsWith(`a=${ours}\r\n`), text)
    }
  }
  assert.match(answer('v=0\na=sendonly\nm=audio 4000 RTP/AVP 0\na=sendrecv\n').full, /a=sendrecv/)
})
