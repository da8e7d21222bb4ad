// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMessage, type SipMessage } from './message.ts'
import { echoOf, type ResponseInit, serializeResponse } from './response.ts'

const SOURCE = { received: '198.51.100.7', receivedPort: 40_000 }

function request(lines: Record<string, string | string[]> = {}): SipMessage {
  const headers = {
    Via: 'SIP/2.0/UDP 192.168.1.2:5071;branch=z9hG4bK1;rport',
    From: '"sipvicious"<sip:100@1.1.1.1>;tag=616263',
    To: '"sipvicious"<sip:100@1.1.1.1>',
    'Call-ID': 'call@x',
    CSeq: '1  OPTIONS',
    ...lines,
  }
  const text = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  )
  return parseMessage(Buffer.from(`OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n${text.join('')}\r\n`, 'latin1'))
}

function respond(to: SipMessage, init: Partial<ResponseInit> = {}): string | null {
  const bytes = serializeResponse(to, { status: 200, toTag: 'mine', ...SOURCE, ...init })
  return bytes && Buffer.from(bytes).toString('latin1')
}

const lines = (text: string | null) => text?.split('\r\n') ?? []
const line = (text: string | null, name: string) => lines(text).find((one) => one.startsWith(`${name}:`))

test('serializeResponse() writes what RFC 3261 §8.2.6 asks, in full', () => {
  const body = Buffer.from('v=0\r\n')
  const text = respond(request(), {
    headers: [
      ['Server', 'x y'],
      ['Content-Type', 'application/sdp'],
    ],
    body,
  })
  assert.deepEqual(lines(text), [
    'SIP/2.0 200 OK',
    'Via: SIP/2.0/UDP 192.168.1.2:5071;branch=z9hG4bK1;received=198.51.100.7;rport=40000',
    'From: "sipvicious"<sip:100@1.1.1.1>;tag=616263',
    'To: "sipvicious"<sip:100@1.1.1.1>;tag=mine',
    'Call-ID: call@x',
    'CSeq: 1  OPTIONS',
    'Server: x y',
    'Content-Type: application/sdp',
    'Content-Length: 5',
    '',
    'v=0',
    '',
  ])
})

test('serializeResponse() in compact form has one-letter names and no optional spaces', () => {
  const text = respond(request(), {
    status: 401,
    spelling: 'compact',
    headers: [
      ['WWW-Authenticate', 'Digest x'],
      ['Supported', 'y'],
    ],
  })
  assert.deepEqual(lines(text), [
    'SIP/2.0 401 Unauthorized',
    'v:SIP/2.0/UDP 192.168.1.2:5071;branch=z9hG4bK1;received=198.51.100.7;rport=40000',
    'f:"sipvicious"<sip:100@1.1.1.1>;tag=616263',
    't:"sipvicious"<sip:100@1.1.1.1>;tag=mine',
    'i:call@x',
    'CSeq:1  OPTIONS',
    'WWW-Authenticate:Digest x',
    'k:y',
    'l:0',
    '',
    '',
  ])
})

test('serializeResponse() in short form keeps the spaces, and the name that scanners look for', () => {
  const text = respond(request(), { status: 200, spelling: 'short', headers: [['Contact', '<sip:a>']] })
  assert.deepEqual(
    lines(text).map((text) => text.slice(0, text.indexOf(' ') + 1)),
    ['SIP/2.0 ', 'v: ', 'f: ', 't: ', 'Call-ID: ', 'CSeq: ', 'm: ', 'l: ', '', ''],
  )
})

test('Echo.sizeOf() is the size of what serialize() returns, in each spelling', () => {
  const echo = echoOf(request(), { received: '198.51.100.7', receivedPort: 40000 })
  assert(echo !== null)
  for (const spelling of ['full', 'short', 'compact'] as const) {
    for (const body of [undefined, Buffer.from('v=0\r\n'.repeat(30))]) {
      const init = { status: 200, toTag: 'a', recordRoute: true, spelling, headers: [['Contact', '<sip:a>']] as const }
      const whole = body === undefined ? init : { ...init, body }
      assert.equal(echo.sizeOf(whole), echo.serialize(whole).length)
    }
  }
})

test('serializeResponse() says received only when the host differs or rport was asked for', () => {
  const via = (value: string) => line(respond(request({ Via: value })), 'Via')
  assert.equal(via('SIP/2.0/UDP 198.51.100.7:1;branch=b'), 'Via: SIP/2.0/UDP 198.51.100.7:1;branch=b')
  assert.equal(via('SIP/2.0/UDP 198.51.100.7;rport'), 'Via: SIP/2.0/UDP 198.51.100.7;received=198.51.100.7;rport=40000')
  assert.equal(via('SIP/2.0/UDP host'), 'Via: SIP/2.0/UDP host;received=198.51.100.7')
  assert.equal(via('SIP/2.0/UDP host;rport=9;x'), 'Via: SIP/2.0/UDP host;x;received=198.51.100.7;rport=40000')
  assert.equal(via('SIP/2.0/UDP 198.51.100.7;received=8.8.8.8'), 'Via: SIP/2.0/UDP 198.51.100.7')
  assert.equal(via('SIP/2.0/UDP a;rporty;xrport'), 'Via: SIP/2.0/UDP a;rporty;xrport;received=198.51.100.7')
  assert.equal(via('no via'), 'Via: no via')
})

test('serializeResponse() copies all Via in order, from lists and from lines', () => {
  const text = respond(request({ Via: ['SIP/2.0/UDP a, SIP/2.0/UDP b;rport', 'SIP/2.0/TCP c'] }))
  assert.deepEqual(
    lines(text).filter((one) => one.startsWith('Via')),
    ['Via: SIP/2.0/UDP a;received=198.51.100.7, SIP/2.0/UDP b;rport', 'Via: SIP/2.0/TCP c'],
  )
})

test('serializeResponse() puts its tag into To unless there is one, and never into a 100', () => {
  const to = (value: string, status = 200) => line(respond(request({ To: value }), { status }), 'To')
  assert.equal(to('<sip:a@b>;tag=theirs'), 'To: <sip:a@b>;tag=theirs')
  assert.equal(to('<sip:a@b>;x=1;TAG=theirs'), 'To: <sip:a@b>;x=1;TAG=theirs')
  assert.equal(to('sip:a@b;tag=theirs'), 'To: sip:a@b;tag=theirs')
  assert.equal(to('<sip:a@b;tag=uri>'), 'To: <sip:a@b;tag=uri>;tag=mine')
  assert.equal(to('"a;tag=b" <sip:a@b>'), 'To: "a;tag=b" <sip:a@b>;tag=mine')
  assert.equal(to('"broken <sip:a@b>'), 'To: "broken <sip:a@b>;tag=mine')
  assert.equal(to('"broken <sip:a@b>;tag=x'), 'To: "broken <sip:a@b>;tag=x')
  assert.equal(to('<sip:a@b>', 100), 'To: <sip:a@b>')
})

test('serializeResponse() without a tag writes none', () => {
  const bytes = serializeResponse(request(), { status: 200, ...SOURCE })
  assert.equal(line(Buffer.from(bytes!).toString(), 'To'), 'To: "sipvicious"<sip:100@1.1.1.1>')
})

test('serializeResponse() copies Record-Route when asked to', () => {
  const message = request({ 'Record-Route': ['<sip:a;lr>, <sip:b;lr>', '<sip:c;lr>'] })
  assert.equal(line(respond(message), 'Record-Route'), undefined)
  assert.deepEqual(
    lines(respond(message, { recordRoute: true })).filter((one) => one.startsWith('Record-Route')),
    ['Record-Route: <sip:a;lr>, <sip:b;lr>', 'Record-Route: <sip:c;lr>'],
  )
})

test('serializeResponse() lets nothing of the request or of ours end a line', () => {
  const message = request({
    Via: 'SIP/2.0/UDP a;branch="\rX: 1\0"',
    From: '<sip:a@b>\r\n\t;tag=1\r2\0',
    To: '<sip:a@b>\r\n ',
    'Call-ID': 'a\rContact: b',
  })
  const text = respond(message, { reason: 'OK\r\nX: 2', toTag: 'a\r\nX: 3', headers: [['Y\n', 'c\r\nX: 4\0']] })
  assert.deepEqual(lines(text), [
    'SIP/2.0 200 OK  X: 2',
    'Via: SIP/2.0/UDP a;branch=" X: 1 ";received=198.51.100.7',
    'From: <sip:a@b> ;tag=1 2 ',
    'To: <sip:a@b>;tag=a  X: 3',
    'Call-ID: a Contact: b',
    'CSeq: 1  OPTIONS',
    'Y : c  X: 4 ',
    'Content-Length: 0',
    '',
    '',
  ])
})

test('serializeResponse() has no answer without all five headers, or to anything but a request', () => {
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    assert.equal(respond(request({ [name]: [] })), null, `no ${name}`)
    assert.equal(respond(request({ [name]: '' })), null, `empty ${name}`)
  }
  assert.equal(respond(parseMessage(Buffer.from('SIP/2.0 200 OK\r\n\r\n'))), null)
  assert.equal(respond(parseMessage(Buffer.from('GET / HTTP/1.1\r\n\r\n'))), null)
})

test('serializeResponse() keeps bytes that are not ASCII', () => {
  const text = respond(request({ From: '"\xd1\x80\x80" <sip:a@b>;tag=\xff' }))
  assert.equal(line(text, 'From'), 'From: "\xd1\x80\x80" <sip:a@b>;tag=\xff')
})

test('serializeResponse() grows its buffer and gives each response its own bytes', () => {
  const first = serializeResponse(request(), { status: 200, ...SOURCE, body: Buffer.alloc(30_000, 'x') })
  const copy = Buffer.from(first!)
  const second = respond(request({ 'Call-ID': 'y'.repeat(5_000) }), { status: 999 })
  assert(copy.equals(first!))
  assert(second?.startsWith('SIP/2.0 999 Unknown\r\n'))
})
