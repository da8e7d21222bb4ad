// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { calledNumbers } from './called-number.ts'
import { DEFECTS, looksLikeTls, parseMessage, type SipMessage, splitList } from './message.ts'

const vectors = readSipVectors()

for (const { name, bytes, expected } of vectors) {
  test(`parseMessage() reads ${name}`, () => {
    const message = parseMessage(bytes)
    assert.equal(message.kind, expected.kind)
    assert.equal(message.method, expected.method ?? null)
    assert.equal(message.requestUri, expected.requestUri ?? null)
    assert.equal(message.status, expected.status ?? null)
    assert.deepEqual(codes(message), expected.defects)
    assert.deepEqual(calledNumbers(message), expected.calledNumbers)
    assert.deepEqual(
      message.allHeaders().map((header) => [header.name, header.value]),
      expected.headers ?? [],
    )
    assert.equal(message.complete, expected.complete ?? false)
    assert.equal(message.body.length, expected.bodySize ?? 0)
  })

  test(`parseMessage() finds ${name} inside a larger buffer`, () => {
    const around = Buffer.concat([Buffer.from('Via: x\r\n:'), bytes, Buffer.from('\r\n\r\nabc: d\r\n\r\n')])
    const inside = parseMessage(around, 9, 9 + bytes.length)
    const alone = parseMessage(bytes)
    assert.deepEqual(inside.allHeaders(), alone.allHeaders())
    assert.deepEqual(
      inside.defects.map(({ code, at }) => [code, at - 9]),
      alone.defects.map(({ code, at }) => [code, at]),
    )
    assert.equal(inside.kind, alone.kind)
    assert.deepEqual(inside.body, alone.body)
  })

  test(`parseMessage() takes every prefix of ${name}`, () => {
    for (let size = 0; size <= bytes.length; size++) {
      const message = parseMessage(bytes, 0, size)
      exercise(message)
      assert.equal(message.bytes, bytes)
      assert.equal(message.end, size)
      assert(message.bodyStart <= size)
    }
  })
}

/** Asks for everything that can be asked for: none of it may throw. */
function exercise(message: SipMessage): void {
  message.allHeaders()
  message.headers('via')
  assert(message.header('x-nobody-sends-this') === undefined)
  void [message.method, message.requestUri, message.version, message.status, message.cseq, message.contentLength]
  for (const { code, severity, at } of message.defects) {
    assert.equal(severity, DEFECTS[code].severity)
    assert(at >= message.start && at <= message.end, `${code} at ${at}`)
  }
  assert(message.body.length <= message.end - message.start)
  calledNumbers(message)
}

function codes(message: SipMessage): string[] {
  return message.defects.map(({ code }) => code).sort()
}

const request = (lines: string, body = '') =>
  parseMessage(Buffer.from(`OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n${lines}\r\n${body}`, 'latin1'))
const COMPLETE =
  'Via: SIP/2.0/UDP 198.51.100.7\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n'

test('parseMessage() takes a Uint8Array that is no Buffer', () => {
  const plain = new Uint8Array(Buffer.from(`OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n${COMPLETE}\r\n`))
  const message = parseMessage(plain)
  assert.equal(message.header('call-id'), 'c')
  assert.deepEqual(message.defects, [])
})

test('header() finds a header by canonical name, compact name and in any case', () => {
  const message = request('V: SIP/2.0/UDP a\r\ncAlL-iD : x\r\nContact:\r\nX-Own: y\r\nvia: SIP/2.0/UDP b\r\n')
  assert.equal(message.header('via'), 'SIP/2.0/UDP a')
  assert.equal(message.header('v'), 'SIP/2.0/UDP a')
  assert.equal(message.header('Via'), 'SIP/2.0/UDP a')
  assert.deepEqual(message.headers('via'), ['SIP/2.0/UDP a', 'SIP/2.0/UDP b'])
  assert.equal(message.header('Call-ID'), 'x')
  assert.equal(message.header('i'), 'x')
  assert.equal(message.header('contact'), '')
  assert.equal(message.header('x-own'), 'y')
  assert.equal(message.header('X-OWN'), 'y')
  assert.equal(message.header('from'), undefined)
  assert.equal(message.header(''), undefined)
})

test('header() tells apart names that share length, first and last letter', () => {
  const message = request('Rantent-Lengtr: 1\r\nCabtent-Length: 2\r\nContent-Length: 3\r\nVxa: 4\r\n')
  assert.equal(message.header('content-length'), '3')
  assert.equal(message.header('via'), undefined)
  assert.equal(message.header('vxa'), '4')
})

test('header() unfolds, and keeps a stray CR and a NUL as they came', () => {
  const message = request('Subject: a \r\n\t b\n  c\r\n \r\nX: 1\r2\x003\r\n')
  assert.equal(message.header('subject'), 'a b c')
  assert.equal(message.header('x'), '1\r2\x003')
  assert(codes(message).includes('stray-cr'))
  assert(codes(message).includes('control-byte'))
})

test('parseMessage() skips line ends before the message', () => {
  const message = parseMessage(Buffer.from(`\r\n\r\n\nOPTIONS sip:a@b SIP/2.0\r\n${COMPLETE}\r\n`))
  assert.equal(message.method, 'OPTIONS')
  assert.equal(message.start, 0)
  assert.deepEqual(message.defects, [])
})

for (const [line, kind, defects] of [
  ['OPTIONS sip:a SIP/2.0', 'request', []],
  ['options sip:a sip/2.0', 'request', []],
  ['OPTIONS sip:a SIP/2.1', 'request', ['version-unsupported']],
  ['OPTIONS sip:a SIP/', 'request', ['version-unsupported']],
  ['OPTIONS sip:a', 'request', ['version-missing']],
  ['OPTIONS SIPS:a', 'request', ['version-missing']],
  ['OPTIONS SIP/2.0', 'request', ['uri-missing']],
  ['OPT[]NS sip:a SIP/2.0', 'request', ['method-syntax']],
  ['OPTIONS\tsip:a SIP/2.0', 'request', ['request-line-space']],
  ['OPTIONS sip:a  SIP/2.0', 'request', ['request-line-space']],
  ['OPTIONS mailto:a SIP/2.0', 'request', ['uri-scheme']],
  ['OPTIONS a SIP/2.0', 'request', ['uri-syntax']],
  ['OPTIONS sip:@b SIP/2.0', 'request', ['uri-syntax']],
  ['OPTIONS sip:a@b:65536 SIP/2.0', 'request', ['uri-syntax']],
  ['OPTIONS sip:a@b:x SIP/2.0', 'request', ['uri-syntax']],
  ['OPTIONS sip:a@ SIP/2.0', 'request', ['uri-syntax']],
  ['OPTIONS tel:+46 SIP/2.0', 'request', []],
  ['SIP/2.0 200 OK', 'response', []],
  ['SIP/2.0 200', 'response', []],
  ['sip/2.0 699 x', 'response', []],
  ['SIP/3.0 200 OK', 'response', ['version-unsupported']],
  ['SIP/2.0 099 OK', 'response', ['status-line-syntax']],
  ['SIP/2.0 700 OK', 'response', ['status-line-syntax']],
  ['SIP/2.0 20 OK', 'response', ['status-line-syntax']],
  ['SIP/2.0 2000 OK', 'response', ['status-line-syntax']],
  ['SIP/2.0 200OK', 'response', ['status-line-syntax']],
  ['SIP/2.0', 'response', ['status-line-syntax']],
] as const) {
  test(`parseMessage() of the start line "${line}"`, () => {
    const headers = kind === 'request' ? COMPLETE.replace('1 OPTIONS', `1 ${line.split(/\s/)[0]}`) : COMPLETE
    const message = parseMessage(Buffer.from(`${line}\r\n${headers}\r\n`))
    assert.equal(message.kind, kind)
    // Where the method is no token, CSeq cannot repeat it.
    assert.deepEqual(
      codes(message).filter((code) => code !== 'cseq-syntax'),
      defects,
    )
  })
}

for (const junk of [
  'GET / HTTP/1.1',
  'OPTIONS * RTSP/1.0',
  'OPTIONS sip:a HTTP/1.1',
  'OPTIONS',
  ' OPTIONS sip:a SIP/2.0',
  'hello world',
  'SSH-2.0-Go',
  '\x00OPTIONS sip:a SIP/2.0',
  'OPT\x80 sip:a SIP/2.0',
  'SIP/2.0: x',
  'a',
  'sip:a',
]) {
  test(`parseMessage() finds no SIP in ${JSON.stringify(junk)}`, () => {
    const message = parseMessage(Buffer.from(`${junk}\r\n${COMPLETE}\r\n`, 'latin1'))
    assert.equal(message.kind, 'non-sip')
    assert.deepEqual(codes(message), ['no-start-line'])
    assert.equal(message.complete, false)
    assert.equal(message.bodyStart, message.end)
    assert.deepEqual(message.allHeaders(), [])
    assert.equal(message.method, null)
    assert.equal(message.version, null)
  })
}

for (const [about, lines, defects] of [
  ['a repeated From', `${COMPLETE}f: <sip:a@b>\r\n`, ['header-repeated']],
  ['two Max-Forwards', `${COMPLETE}Max-Forwards: 7\r\n`, ['header-repeated']],
  ['Max-Forwards above 255', COMPLETE.replace('70', '256'), ['max-forwards-syntax']],
  ['Max-Forwards that is no number', COMPLETE.replace('70', 'x'), ['max-forwards-syntax']],
  ['no Max-Forwards', COMPLETE.replace('Max-Forwards: 70\r\n', ''), ['max-forwards-missing']],
  ['CSeq 2^31 − 1', COMPLETE.replace('1 OPTIONS', '2147483647 OPTIONS'), []],
  ['CSeq 2^31', COMPLETE.replace('1 OPTIONS', '2147483648 OPTIONS'), ['cseq-range']],
  ['CSeq without a method', COMPLETE.replace('1 OPTIONS', '1'), ['cseq-syntax']],
  ['CSeq without a number', COMPLETE.replace('1 OPTIONS', 'OPTIONS'), ['cseq-syntax']],
  ['a CSeq method in another case', COMPLETE.replace('1 OPTIONS', '1 options'), ['cseq-method']],
  ['an empty Via', COMPLETE.replace('SIP/2.0/UDP 198.51.100.7', ''), ['via-syntax']],
  ['a Via without sent-by', COMPLETE.replace(' 198.51.100.7', ''), ['via-syntax']],
  ['a From without URI', COMPLETE.replace('From: <sip:a@b>', 'From: nobody'), ['from-syntax']],
  ['a To that is never closed', COMPLETE.replace('To: <sip:a@b>', 'To: <sip:a@b'), ['to-syntax']],
  ['a Contact star', `${COMPLETE}Contact: *\r\n`, []],
  ['two Contacts in a line', `${COMPLETE}Contact: <sip:a@b>, "x, y" <sip:c@d;e=f>;q=1\r\n`, []],
  ['a broken second Contact', `${COMPLETE}Contact: <sip:a@b>, x y z\r\n`, ['contact-syntax']],
  ['an Expires of 2^32', `${COMPLETE}Expires: 4294967296\r\n`, ['expires-syntax']],
  ['two Content-Lengths that agree in a list', COMPLETE.replace('h: 0', 'h: 0, 0'), []],
  ['an empty Content-Length', COMPLETE.replace('h: 0', 'h:'), ['content-length-syntax']],
  ['a Content-Length with a sign', COMPLETE.replace('h: 0', 'h: +0'), ['content-length-syntax']],
  [
    'no headers',
    '',
    [
      'via-missing',
      'from-missing',
      'to-missing',
      'call-id-missing',
      'cseq-missing',
      'max-forwards-missing',
      'content-length-missing',
    ],
  ],
] as const) {
  test(`defects of a request with ${about}`, () => {
    assert.deepEqual(codes(request(lines)), [...defects].sort())
  })
}

test('body ends where Content-Length says, or with the datagram', () => {
  const text = (value: string) => COMPLETE.replace('Content-Length: 0\r\n', value)
  assert.equal(Buffer.from(request(text('Content-Length: 3\r\n'), 'abcdef').body).toString(), 'abc')
  assert.equal(Buffer.from(request(text(''), 'abcdef').body).toString(), 'abcdef')
  assert.equal(Buffer.from(request(text('Content-Length: 9\r\n'), 'abcdef').body).toString(), 'abcdef')
})

test('the bounds of RFC 3261-sized messages are defects, not exceptions', () => {
  const many = (count: number, line: string) => line.repeat(count)
  assert(!codes(request(COMPLETE + many(249, 'X: y\r\n'))).includes('too-many-headers'))
  const crowded = request(`${COMPLETE}${many(250, 'X: y\r\n')}Contact: <sip:late@b>\r\n folded\r\n`)
  assert(codes(crowded).includes('too-many-headers'))
  assert.equal(crowded.header('contact'), undefined)
  assert.equal(crowded.complete, true)
  assert(!codes(request(`${COMPLETE}X: ${'y'.repeat(8_000)}\r\n`)).includes('line-too-long'))
  assert(codes(request(`${COMPLETE}X: ${'y'.repeat(8_200)}\r\n`)).includes('line-too-long'))
  const large = request(COMPLETE + many(5, `X: ${'y'.repeat(8_000)}\r\n`))
  assert(codes(large).includes('headers-too-large'))
  assert.equal(large.complete, false)
  assert.equal(large.bodyStart, large.end)
  assert(!codes(request(COMPLETE + many(69, 'Via: SIP/2.0/UDP a\r\n'))).includes('too-many-vias'))
  assert(codes(request(COMPLETE + many(35, 'Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n'))).includes('too-many-vias'))
  assert(!codes(request(`${COMPLETE}Record-Route: ${many(64, '<sip:a>,')}\r\n`)).includes('too-many-routes'))
  assert(
    codes(request(`${COMPLETE}Route: <sip:a>\r\nRecord-Route: ${many(64, '<sip:a>,')}\r\n`)).includes(
      'too-many-routes',
    ),
  )
  assert(codes(request(COMPLETE, 'y'.repeat(65_536))).includes('message-too-large'))
})

test('a message keeps what it read when another one is read after it', () => {
  const first = request('Call-ID: first\r\nbroken\r\n')
  const second = request('Call-ID: second\r\n')
  assert.equal(first.header('call-id'), 'first')
  assert.equal(second.header('call-id'), 'second')
  assert(codes(first).includes('header-without-colon'))
  assert(!codes(second).includes('header-without-colon'))
})

test('splitList() splits at commas outside quotes and brackets', () => {
  assert.deepEqual(splitList('a, "b, \\"c" <x,y>;q=1 ,, d'), ['a', '"b, \\"c" <x,y>;q=1', 'd'])
  assert.deepEqual(splitList(''), [])
  assert.deepEqual(splitList(' , ,'), [])
  assert.deepEqual(splitList('a, "b, c'), ['a', '"b, c'])
  assert.deepEqual(splitList('<a, b'), ['<a, b'])
})

test('looksLikeTls() knows a ClientHello and no other record', () => {
  assert(looksLikeTls(Buffer.from('160301020001000001fc0303', 'hex')))
  assert(looksLikeTls(Buffer.from('160303', 'hex')))
  assert(!looksLikeTls(Buffer.from('1603', 'hex')))
  assert(!looksLikeTls(Buffer.from('160301020002', 'hex')), 'a ServerHello')
  assert(!looksLikeTls(Buffer.from('150301000202', 'hex')), 'an alert')
  assert(!looksLikeTls(Buffer.from('OPTIONS sip:a SIP/2.0')))
  assert(looksLikeTls(Buffer.from('802e0103010015000000100000', 'hex')), 'as SSL 2.0 has it')
  assert(!looksLikeTls(Buffer.from('802e0203010015000000100000', 'hex')))
})
