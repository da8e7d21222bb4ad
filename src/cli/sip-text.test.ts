// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mediaLines, offersCredentials, statusOf } from './sip-text.ts'

test('offersCredentials() looks at the headers alone', () => {
  const start = 'REGISTER sip:a SIP/2.0\r\nVia: x\r\n'
  assert.equal(offersCredentials(`${start}Authorization: Digest\r\n\r\n`), true)
  assert.equal(offersCredentials(`\r\n\r\n${start}proxy-authorization : x\n\n`), true)
  assert.equal(offersCredentials(`${start}WWW-Authorization: x\r\n\r\nAuthorization: x`), false)
  assert.equal(offersCredentials(''), false)
})

test('statusOf() reads a status line, and no other', () => {
  assert.equal(statusOf('SIP/2.0 404 Not Found\r\n'), '404')
  assert.equal(statusOf('\r\nsip/2.0 200\r\n'), '200')
  for (const text of ['SIP/2.0 20\r\n', 'INVITE sip:a SIP/2.0\r\n', '']) assert.equal(statusOf(text), null)
})

test('mediaLines() gives each medium the address that it is for', () => {
  const body = 'v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n'
  assert.deepEqual(mediaLines(`INVITE sip:a SIP/2.0\r\nm: <sip:a>\r\n\r\n${body}`), [
    'm=audio 1 RTP/AVP 0 c=IN IP4 192.0.2.1',
    'm=video 2 RTP/AVP 31 c=IN IP6 2001:db8::1',
  ])
  assert.deepEqual(mediaLines('INVITE sip:a SIP/2.0\nX: y\n\nm=audio 1 RTP/AVP 0\n'), ['m=audio 1 RTP/AVP 0'])
  assert.deepEqual(mediaLines('INVITE sip:a SIP/2.0\r\nm=audio 1 RTP/AVP 0\r\n'), [])
})
