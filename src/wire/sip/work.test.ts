// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedBytes } from '../../../test/support/counted-bytes.ts'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { asksForWebSocket } from '../http/request-head.ts'
import { askedUser, calledNumbers, otherNumbers } from './called-number.ts'
import { StreamFramer } from './framing.ts'
import { parseMessage, splitList } from './message.ts'
import { serializeResponse } from './response.ts'
import { parseNameAddr, parseUri } from './uri.ts'

/*
 * Hostile messages that would cost a careless parser the square of their size. Work is counted, not timed: each byte
 * may be looked at 8 times by all of reading, checking and answering together.
 */
const READS_PER_BYTE_MAX = 8
const FIXED_READS = 500 // for the shortest vectors

const SIZE = 64_000
const START = 'INVITE sip:100@a SIP/2.0\r\n'
const FIVE = 'Via: SIP/2.0/UDP a;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n'

const filled = (unit: string, before = START, after = '\r\n\r\n') =>
  before + unit.repeat(Math.ceil((SIZE - before.length - after.length) / unit.length)) + after

const HOSTILE: Record<string, string> = {
  'line ends': filled('\r\n', ''),
  LFs: filled('\n', ''),
  'one endless word': filled('A', ''),
  'one endless line': filled('A ', ''),
  'NULs after a start line': filled('\0'),
  'headers of one letter': filled('X:\r\n'),
  'lines without a colon': filled('X\r\n'),
  'lines of a colon': filled(':\r\n'),
  'empty Via lines': filled('v:\r\n'),
  'full Via lines': filled('Via: SIP/2.0/UDP a;rport\r\n', START + FIVE),
  'a Via list': filled('SIP/2.0/UDP a,', `${START + FIVE}v:`),
  'Via commas': filled(',', `${START + FIVE}v:`),
  'Content-Length lines': filled('l:0\r\n', START + FIVE),
  'a Content-Length list': filled('0,', `${START + FIVE}l:`),
  'Content-Length digits': filled('9', `${START + FIVE}l:`),
  'Contact lines': filled('m:<sip:a\r\n', START + FIVE),
  'a Contact list': filled('"<,', `${START + FIVE}m:`),
  'Contact quotes': filled('"', `${START + FIVE}m:`),
  'Contact brackets': filled('<', `${START + FIVE}m:`),
  'Contact backslashes': filled('\\', `${START + FIVE}m:"`),
  'Route lines': filled('Route: <sip:a>, <sip:b>\r\n', START + FIVE),
  'folds of spaces': filled('\r\n   ', `${START + FIVE}X: y`),
  'spaces in a fold': filled(' ', `${START + FIVE}X: y\r\n`, 'z\r\n\r\n'),
  'a To of spaces': filled(' ', `${START}To: a`, 'b\r\n\r\n'),
  'a To of semicolons': filled(';', `${START}To: <sip:a@b>`),
  'a To of tags': filled(';tag', `${START}To: <sip:a@b>`),
  'a To of quotes and tags': filled(';a="', `${START}To: <sip:a@b>`),
  'a folded To': filled('\r\n ;a=b', `${START}To: <sip:a@b>`),
  'a Request-URI of at signs': filled('@', 'INVITE sip:', ' SIP/2.0\r\n\r\n'),
  'a Request-URI of semicolons': filled(';', 'INVITE sip:a@b', ' SIP/2.0\r\n\r\n'),
  'a Request-URI of percent signs': filled('%', 'INVITE sip:', '@a SIP/2.0\r\n\r\n'),
  'a Request-URI of digits': filled('0', 'INVITE sip:', '@a SIP/2.0\r\n\r\n'),
  'a Request-URI of spaces': filled(' ', 'INVITE sip:a@b', ' SIP/2.0\r\n\r\n'),
  'a status line of digits': filled('1', 'SIP/2.0 ', ' OK\r\n\r\n'),
  'Diversion lines': filled('Diversion: <sip:1@a>\r\n', START + FIVE),
  'a Diversion list': filled('sip:1@a,', `${START + FIVE}Diversion:`),
  'Diversion quotes': filled('"<', `${START + FIVE}Diversion:`),
  'a P-Called-Party-ID of schemes': filled('<sip:', `${START + FIVE}P-Called-Party-ID:`),
  'a Refer-To of percent signs': filled('%31', `${START + FIVE}r:<sip:`, '@a>\r\n\r\n'),
  'a request for WebSockets': filled('Upgrade: webSocke\r\n', 'GET / HTTP/1.1\r\n'),
  'a large body': filled('l:0\r\n', `${START + FIVE}\r\n`),
}
const messages = [
  ...Object.entries(HOSTILE).map(([name, text]) => ({ name, bytes: Buffer.from(text, 'latin1') })),
  ...readSipVectors(),
]

for (const { name, bytes } of messages) {
  test(`reading, checking and answering ${name} looks at each byte ${READS_PER_BYTE_MAX} times at most`, () => {
    const { bytes: counted, readCount } = countedBytes(bytes)
    const message = parseMessage(counted)
    void message.defects
    calledNumbers(message)
    otherNumbers(message)
    askedUser(message)
    asksForWebSocket(counted)
    serializeResponse(message, {
      status: 400,
      toTag: 't',
      recordRoute: true,
      received: '192.0.2.9',
      receivedPort: 5060,
    })
    const limit = FIXED_READS + READS_PER_BYTE_MAX * bytes.length
    assert(readCount() <= limit, `${readCount()} reads of ${bytes.length} bytes`)
  })
}

test('StreamFramer moves each byte a bounded number of times, byte by byte and in any flood', () => {
  for (const { name, bytes } of messages) {
    const framer = new StreamFramer()
    for (let at = 0; at < bytes.length; at++) framer.push(bytes.subarray(at, at + 1))
    assert(framer.movedSize <= 4 * bytes.length, `${name}: moved ${framer.movedSize} of ${bytes.length} bytes`)
  }
})

test('the string parsers take a megabyte of the worst in one go', { timeout: 10_000 }, () => {
  for (const unit of [
    '"',
    '<',
    '>',
    ',',
    ';',
    ' ',
    '\\',
    '"\\',
    '@',
    ':',
    '=',
    ';a',
    ';a=',
    ';a="',
    '<sip:',
    '[',
    '%',
    'sip:',
    '\t;',
    ' a',
    '"<',
    '">',
  ]) {
    for (const before of ['', '"', '<', 'sip:', 'sip:a@b', '<sip:a@b>', '"a" <sip:a@b>']) {
      const text = before + unit.repeat(1_000_000 / unit.length)
      splitList(text)
      parseUri(text)
      parseNameAddr(text)
    }
  }
})
