// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ASTERISK_CHAN_SIP } from '../../../test/support/personas.ts'
import { invite, message, type RequestInit, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { parseMessage } from '../../wire/sip/message.ts'
import type { Answer, Circumstances } from './answer.ts'
import type { Persona } from './persona.ts'
import { RecentInvites } from './recent-invites.ts'
import { Responder } from './responder.ts'
import { Tokens } from './token.ts'

const NOW = 1_790_000_000_000
const UDP: Circumstances = {
  stream: false,
  oversize: false,
  source: { ip: '198.51.100.7', port: 5060 },
  destination: { ip: '203.0.113.5', port: 5060 },
  now: NOW,
}
const TCP: Circumstances = { ...UDP, stream: true }

function setUp(persona: Persona = ASTERISK_CHAN_SIP) {
  const tokens = new Tokens(randomBytes, ASTERISK_CHAN_SIP.tokens)
  const responder = new Responder({ persona, tokens, recentInvites: new RecentInvites() })
  const decide = (bytes: Uint8Array, to = UDP) => responder.decide(parseMessage(bytes), to)
  const tag = tokens.tag(UDP.source, '96323384694482@198.51.100.7', NOW).long
  return { decide, tag, statuses: (bytes: Uint8Array, to = UDP) => decide(bytes, to).map(({ status }) => status) }
}

function header(answer: Answer | undefined, name: string): string | undefined {
  return answer?.headers.find((line) => line.name === name)?.value
}

const { decide, statuses, tag } = setUp()
const inDialog = `<sip:100@203.0.113.5>;tag=${tag}`
const elsewhere = '<sip:100@203.0.113.5>;tag=as0123456789abcdef'

const TABLE: readonly [what: string, init: RequestInit, status: number | null][] = [
  ['OPTIONS', {}, 200],
  ['REGISTER of an extension', { method: 'REGISTER', to: '<sip:100@203.0.113.5>' }, 401],
  ['REGISTER of another extension', { method: 'REGISTER', to: '"1005" <sip:1005@203.0.113.5>' }, 401],
  ['REGISTER of a user that nobody has', { method: 'REGISTER', to: '<sip:978177111@203.0.113.5>' }, 404],
  ['REGISTER without a user', { method: 'REGISTER', to: '<sip:203.0.113.5>' }, 404],
  ['ACK', { method: 'ACK' }, null],
  ['ACK in a dialog', { method: 'ACK', to: inDialog }, null],
  ['BYE in a dialog', { method: 'BYE', to: inDialog }, 200],
  ['BYE in a dialog of somebody else', { method: 'BYE', to: elsewhere }, 481],
  ['BYE without a tag', { method: 'BYE' }, 481],
  ['CANCEL of nothing', { method: 'CANCEL' }, 481],
  ['INVITE in a dialog', { method: 'INVITE', to: inDialog }, 200],
  ['INVITE in a dialog of somebody else', { method: 'INVITE', to: elsewhere }, 481],
  ['OPTIONS in a dialog of somebody else', { to: elsewhere }, 481],
  ['SUBSCRIBE', { method: 'SUBSCRIBE' }, 489],
  ['PUBLISH', { method: 'PUBLISH' }, 489],
  ['NOTIFY', { method: 'NOTIFY' }, 489],
  ['NOTIFY in a dialog of somebody else', { method: 'NOTIFY', to: elsewhere }, 481],
  ['MESSAGE', { method: 'MESSAGE' }, 202],
  ['REFER', { method: 'REFER' }, 603],
  ['INFO', { method: 'INFO' }, 481],
  ['INFO in a dialog', { method: 'INFO', to: inDialog }, 200],
  ['UPDATE', { method: 'UPDATE' }, 481],
  ['UPDATE in a dialog', { method: 'UPDATE', to: inDialog }, 200],
  ['PRACK', { method: 'PRACK' }, 481],
  ['an invented method', { method: 'FOOBAR' }, 501],
  ['a method in lower case, which is another one', { method: 'options' }, 501],
  ['Require of an extension that we lack', { headers: ['Require: 100rel'] }, 420],
  ['Require of one that we have', { headers: ['Require: timer, Replaces'] }, 200],
  ['CANCEL, whatever it requires', { method: 'CANCEL', callId: 'a', headers: ['Require: 100rel'] }, 481],
  ['another version', { version: 'SIP/7.0' }, 505],
  ['a scheme that we do not speak', { uri: 'soap.beep://192.0.2.103:3002' }, 416],
  ['sips', { uri: 'sips:100@203.0.113.5' }, 200],
  ['tel', { uri: 'tel:+442081234567' }, 200],
  ['no CSeq', { cseq: '' }, 400],
  ['a CSeq of another method', { cseq: '1 INVITE' }, 400],
  ['a CSeq that is none', { cseq: 'one' }, 400],
  ['no From', { from: '' }, 400],
  ['no Call-ID', { callId: '' }, null],
  ['Max-Forwards 0, as the final target', { headers: [] }, 200],
  ['two Content-Length that differ', { headers: ['Content-Length: 5'] }, 400],
  ['a header without a colon', { headers: ['rubbish'] }, 400],
]
for (const [what, init, status] of TABLE) {
  test(`decide() answers ${what}: ${status ?? 'nothing'}`, () => {
    assert.deepEqual(statuses(request(init)), status === null ? [] : [status])
  })
}

test('decide() never answers a response, nor what is not SIP', () => {
  const response = Buffer.from(request())
    .toString()
    .replace(/^[^\r]*/, 'SIP/2.0 200 OK')
  for (const bytes of [
    response,
    'SIP/2.0 100 Trying\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '',
    '\0',
    '\r\n\r\n',
  ]) {
    assert.deepEqual(statuses(Buffer.from(bytes)), [])
  }
})

test('decide() answers each scanner', () => {
  const found = Object.entries(SCANNERS).map(([name, bytes]) => [name, statuses(bytes)])
  assert.deepEqual(Object.fromEntries(found), {
    'svmap OPTIONS': [200],
    'svwar REGISTER': [401],
    'svcrack REGISTER': [401],
    'sipsak OPTIONS': [200],
    'a toll fraud INVITE': [200],
    'an INVITE in compact form': [200],
  })
})

test('an INVITE rings over TCP first, and a second one in the dialog does not', () => {
  assert.deepEqual(statuses(invite(), TCP), [100, 180, 200])
  assert.deepEqual(statuses(invite({ to: inDialog }), TCP), [200])
  const [trying, ringing, ok] = decide(invite(), TCP)
  assert.equal(trying?.tag, null)
  assert.equal(header(trying, 'Contact'), undefined)
  assert.equal(header(ringing, 'Contact'), '<sip:900442081234567@203.0.113.5:5060;transport=TCP>')
  assert.equal(header(ok, 'Content-Type'), 'application/sdp')
  assert.deepEqual(
    [trying, ringing, ok].map((answer) => answer?.recordRoute),
    [false, true, true],
  )
})

test('the addresses in a 200 to an INVITE are our own, whatever the request names', () => {
  const evil = invite({
    uri: 'sip:victim%40192.0.2.66@192.0.2.66:7',
    headers: ['Route: <sip:192.0.2.66;lr>', 'Contact: <sip:x@192.0.2.66>'],
    body: 'v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\nc=IN IP4 192.0.2.66\r\nm=audio 9 RTP/AVP 0\r\n',
  })
  const [ok] = decide(evil)
  assert.equal(header(ok, 'Contact'), '<sip:203.0.113.5:5060>')
  assert.match(Buffer.from(ok?.body ?? '').toString(), /c=IN IP4 203\.0\.113\.5/)
  assert.doesNotMatch(JSON.stringify(ok?.headers) + Buffer.from(ok?.body ?? ''), /192\.0\.2\.66/)
})

test('an INVITE with a body that is not SDP gets 415 and what we take', () => {
  const [answer] = decide(request({ method: 'INVITE', headers: ['Content-Type: text/plain'], body: 'hello' }))
  assert.equal(answer?.status, 415)
  assert.equal(header(answer, 'Accept'), 'application/sdp')
  const withParameter = request({ method: 'INVITE', headers: ['Content-Type: Application/SDP;x=1'], body: 'v=0\r\n' })
  assert.deepEqual(statuses(withParameter), [200])
})

test('a REGISTER is challenged as svcrack understands it, and again with any credentials', () => {
  const [answer] = decide(request({ method: 'REGISTER' }))
  const challenge = /^Digest algorithm=MD5, realm="asterisk", nonce="[0-9a-f]{16}"$/
  assert.match(header(answer, 'WWW-Authenticate') ?? '', challenge)
  const authorization = `Authorization: Digest username="100",realm="asterisk",nonce="x",uri="sip:x",response="${'0'.repeat(32)}"`
  assert.deepEqual(statuses(request({ method: 'REGISTER', headers: [authorization] })), [401])
})

test('420 names the extensions that we lack, from all Require headers', () => {
  const [answer] = decide(request({ headers: ['Require: timer, nothingSupportsThis', 'Require: 100rel'] }))
  assert.equal(header(answer, 'Unsupported'), 'nothingSupportsThis, 100rel')
})

test('OPTIONS says what the device can do, with a Contact over TCP only', () => {
  const [udp] = decide(request())
  const [tcp] = decide(request(), TCP)
  assert.equal(header(udp, 'Server'), 'Asterisk PBX 16.28.0')
  assert.match(header(udp, 'Allow') ?? '', /^INVITE, ACK, /)
  assert.equal(header(udp, 'Supported'), 'replaces, timer')
  assert.equal(header(udp, 'Accept'), 'application/sdp')
  assert.equal(header(udp, 'Contact'), undefined)
  assert.equal(header(tcp, 'Contact'), '<sip:100@203.0.113.5:5060;transport=TCP>')
})

test('a method that the persona refuses gets 405 with Allow', () => {
  const { decide } = setUp({ ...ASTERISK_CHAN_SIP, refused: ['UPDATE'] })
  const [answer] = decide(request({ method: 'UPDATE' }))
  assert.equal(answer?.status, 405)
  assert.match(header(answer, 'Allow') ?? '', /INVITE/)
})

test('CANCEL is known by its INVITE for 32 seconds, and answered with the same tag', () => {
  const { decide, statuses } = setUp()
  const [ok] = decide(invite())
  const cancel = invite({ body: '' }).toString().replace('INVITE sip', 'CANCEL sip').replace('1 INVITE', '1 CANCEL')
  const [answer] = decide(Buffer.from(cancel))
  assert.equal(answer?.status, 200)
  assert.deepEqual(answer?.tag, ok?.tag)
  assert.deepEqual(statuses(Buffer.from(cancel.replace('1 CANCEL', '2 CANCEL'))), [481])
  assert.deepEqual(statuses(Buffer.from(cancel), { ...UDP, source: { ...UDP.source, port: 5061 } }), [481])
  assert.deepEqual(statuses(Buffer.from(cancel), { ...UDP, now: NOW + 32_001 }), [481])
})

test('a tag is ours only for its own source and Call-ID', () => {
  assert.deepEqual(statuses(request({ method: 'BYE', to: inDialog, callId: 'another' })), [481])
  const other = { ...UDP, source: { ip: '198.51.100.8', port: 5060 } }
  assert.deepEqual(statuses(request({ method: 'BYE', to: inDialog }), other), [481])
})

test('what is larger than we take gets 513 over TCP and nothing over UDP', () => {
  const long = request({ headers: [`Subject: ${'x'.repeat(9_000)}`] })
  assert.deepEqual(statuses(long, TCP), [513])
  assert.deepEqual(statuses(long, UDP), [])
  assert.deepEqual(statuses(request(), { ...TCP, oversize: true }), [513])
})

test('a missing Content-Length is an error over TCP only. RFC 3261 §18.3', () => {
  const lines = request()
    .toString()
    .split('\r\n')
    .filter((line) => line !== '' && !line.startsWith('Content-Length'))
  assert.deepEqual(statuses(message(lines), UDP), [200])
  assert.deepEqual(statuses(message(lines), TCP), [400])
})

test('a Content-Length beyond the end of the datagram gets 400. RFC 3261 §18.3', () => {
  const bytes = request().toString()
  assert.deepEqual(statuses(Buffer.from(bytes.replace('Content-Length: 0', 'Content-Length: 50'))), [400])
  assert.deepEqual(statuses(Buffer.from(`${bytes}and more after its end`)), [200])
})

test('the same request gets the same answer again', () => {
  const { decide } = setUp()
  assert.deepEqual(decide(invite()), decide(invite(), { ...UDP, now: NOW + 500 }))
})
