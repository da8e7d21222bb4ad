// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASTERISK_CHAN_SIP } from '../../../test/support/personas.ts'
import { invite, message, type RequestInit, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { NOW, startDevice, TCP, UDP } from '../../../test/support/uas.ts'
import type { Answer } from './answer.ts'

/** The tag that the device gives to those who send `request()`. */
function ownTag({ responder }: ReturnType<typeof startDevice>): string {
  return responder.tokens.tag(UDP.source, '96323384694482@198.51.100.7', NOW).long
}

const tagIn = (response: string): string | undefined => /;tag=(as[0-9a-f]+)/.exec(response)?.[1]

function header(answer: Answer | undefined, name: string): string | undefined {
  return answer?.headers.find((line) => line.name === name)?.value
}

/** A device that has taken a call, and what is sent in it and in one of somebody else. */
function inCall() {
  const device = startDevice()
  device.receive(invite())
  return device
}
const inDialog = (device: ReturnType<typeof startDevice>) => `<sip:100@203.0.113.5>;tag=${ownTag(device)}`
const OWN = 'in a dialog'
const elsewhere = '<sip:100@203.0.113.5>;tag=as0123456789abcdef'

const TABLE: readonly [what: string, init: RequestInit, status: number | null][] = [
  ['OPTIONS', {}, 200],
  ['REGISTER of an extension', { method: 'REGISTER', to: '<sip:100@203.0.113.5>' }, 401],
  ['REGISTER of another extension', { method: 'REGISTER', to: '"1005" <sip:1005@203.0.113.5>' }, 401],
  ['REGISTER of a user that nobody has', { method: 'REGISTER', to: '<sip:978177111@203.0.113.5>' }, 404],
  ['REGISTER without a user', { method: 'REGISTER', to: '<sip:203.0.113.5>' }, 404],
  ['ACK', { method: 'ACK' }, null],
  ['ACK in a dialog', { method: 'ACK', to: OWN }, null],
  ['BYE in a dialog', { method: 'BYE', to: OWN }, 200],
  ['BYE in a dialog of somebody else', { method: 'BYE', to: elsewhere }, 481],
  ['BYE without a tag', { method: 'BYE' }, 481],
  ['CANCEL of nothing', { method: 'CANCEL' }, 481],
  ['INVITE in a dialog', { method: 'INVITE', to: OWN, cseq: '2 INVITE' }, 200],
  ['INVITE in a dialog of somebody else', { method: 'INVITE', to: elsewhere }, 481],
  ['OPTIONS in a dialog of somebody else', { to: elsewhere }, 481],
  ['SUBSCRIBE', { method: 'SUBSCRIBE' }, 489],
  ['PUBLISH', { method: 'PUBLISH' }, 489],
  ['NOTIFY', { method: 'NOTIFY' }, 489],
  ['NOTIFY in a dialog of somebody else', { method: 'NOTIFY', to: elsewhere }, 481],
  ['MESSAGE', { method: 'MESSAGE' }, 202],
  ['REFER', { method: 'REFER' }, 603],
  ['INFO', { method: 'INFO' }, 481],
  ['INFO in a dialog', { method: 'INFO', to: OWN }, 200],
  ['UPDATE', { method: 'UPDATE' }, 481],
  ['UPDATE in a dialog', { method: 'UPDATE', to: OWN }, 200],
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
  ['no CSeq, which a response has to repeat', { cseq: '' }, null],
  ['a CSeq of another method', { cseq: '1 INVITE' }, 400],
  ['a CSeq that is none', { cseq: 'one' }, 400],
  ['no From, likewise', { from: '' }, null],
  ['no Call-ID', { callId: '' }, null],
  ['Max-Forwards 0, as the final target', { headers: [] }, 200],
  ['two Content-Length that differ', { headers: ['Content-Length: 5'] }, 400],
  ['a header without a colon', { headers: ['rubbish'] }, 400],
]
for (const [what, init, status] of TABLE) {
  test(`decide() answers ${what}: ${status ?? 'nothing'}`, () => {
    const device = init.to === OWN ? inCall() : startDevice()
    const to = init.to === OWN ? { to: inDialog(device) } : {}
    assert.deepEqual(device.statuses(request({ ...init, ...to })), status === null ? [] : [status])
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
    assert.deepEqual(startDevice().statuses(Buffer.from(bytes)), [])
  }
})

test('decide() answers each scanner', () => {
  const found = Object.entries(SCANNERS).map(([name, bytes]) => [name, startDevice().statuses(bytes)])
  assert.deepEqual(Object.fromEntries(found), {
    'svmap OPTIONS': [200],
    'svwar REGISTER': [401],
    'svcrack REGISTER': [401],
    'sipsak OPTIONS': [200],
    'a toll fraud INVITE': [401], // it says to be extension 100
    'an INVITE in compact form': [200],
  })
})

test('an INVITE rings over TCP first, and a second one in the dialog does not', () => {
  const device = startDevice()
  const [trying, ringing, ok] = device.decide(invite(), TCP)
  assert.deepEqual(
    [trying, ringing, ok].map((answer) => answer?.status),
    [100, 180, 200],
  )
  assert.equal(trying?.tag, null)
  assert.equal(header(trying, 'Contact'), undefined)
  assert.equal(header(ringing, 'Contact'), '<sip:900442081234567@203.0.113.5:5060;transport=TCP>')
  assert.equal(header(ok, 'Content-Type'), 'application/sdp')
  assert.deepEqual(
    [trying, ringing, ok].map((answer) => answer?.recordRoute),
    [false, true, true],
  )
  assert.deepEqual(device.statuses(invite({ to: inDialog(device), cseq: '2 INVITE' }), TCP), [200])
})

test('the addresses in a 200 to an INVITE are our own, whatever the request names', () => {
  const evil = invite({
    uri: 'sip:victim%40192.0.2.66@192.0.2.66:7',
    headers: ['Route: <sip:192.0.2.66;lr>', 'Contact: <sip:x@192.0.2.66>'],
    body: 'v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\nc=IN IP4 192.0.2.66\r\nm=audio 9 RTP/AVP 0\r\n',
  })
  const ok = startDevice().decide(evil).at(-1)
  assert.equal(header(ok, 'Contact'), '<sip:203.0.113.5:5060>')
  assert.match(Buffer.from(ok?.body ?? '').toString(), /c=IN IP4 203\.0\.113\.5/)
  assert.doesNotMatch(JSON.stringify(ok?.headers) + Buffer.from(ok?.body ?? ''), /192\.0\.2\.66/)
})

test('an INVITE with a body that is not SDP gets 415 and what we take', () => {
  const { decide, statuses } = startDevice()
  const [answer] = decide(request({ method: 'INVITE', headers: ['Content-Type: text/plain'], body: 'hello' }))
  assert.equal(answer?.status, 415)
  assert.equal(header(answer, 'Accept'), 'application/sdp')
  const withParameter = request({ method: 'MESSAGE', headers: ['Content-Type: Application/SDP;x=1'], body: 'v=0\r\n' })
  assert.deepEqual(statuses(withParameter), [202])
})

test('a REGISTER is challenged as svcrack understands it, and again with any credentials', () => {
  const { decide, statuses } = startDevice()
  const [answer] = decide(request({ method: 'REGISTER' }))
  const challenge = /^Digest algorithm=MD5, realm="asterisk", nonce="[0-9a-f]{16}"$/
  assert.match(header(answer, 'WWW-Authenticate') ?? '', challenge)
  const authorization = `Authorization: Digest username="100",realm="asterisk",nonce="x",uri="sip:x",response="${'0'.repeat(32)}"`
  assert.deepEqual(statuses(request({ method: 'REGISTER', headers: [authorization] })), [401])
})

test('420 names the extensions that we lack, from all Require headers', () => {
  const { decide } = startDevice()
  const [answer] = decide(request({ headers: ['Require: timer, nothingSupportsThis', 'Require: 100rel'] }))
  assert.equal(header(answer, 'Unsupported'), 'nothingSupportsThis, 100rel')
})

test('OPTIONS says what the device can do, with a Contact over TCP only', () => {
  const { decide } = startDevice()
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
  const { decide } = startDevice({ persona: { ...ASTERISK_CHAN_SIP, refused: ['UPDATE'] } })
  const [answer] = decide(request({ method: 'UPDATE' }))
  assert.equal(answer?.status, 405)
  assert.match(header(answer, 'Allow') ?? '', /INVITE/)
})

test('CANCEL is known by its INVITE for 32 seconds', () => {
  const device = startDevice()
  const [ok = ''] = device.texts(invite())
  const cancel = invite({ body: '' }).toString().replace('INVITE sip', 'CANCEL sip').replace('1 INVITE', '1 CANCEL')
  const [answer = ''] = device.texts(Buffer.from(cancel))
  assert.match(answer, /^SIP\/2\.0 200 /)
  assert.equal(tagIn(answer), tagIn(ok))
  const other = { ...UDP, source: { ...UDP.source, port: 5061 } }
  assert.deepEqual(device.statuses(Buffer.from(cancel.replace('1 CANCEL', '2 CANCEL'))), [481])
  assert.deepEqual(device.statuses(Buffer.from(cancel), other), [481])
  assert.deepEqual(device.statuses(Buffer.from(cancel), { ...UDP, now: NOW + 32_001 }), [481])
})

test('a tag is ours only for its own source and Call-ID', () => {
  const device = inCall()
  const to = inDialog(device)
  assert.deepEqual(device.statuses(request({ method: 'BYE', to, callId: 'another' })), [481])
  const other = { ...UDP, source: { ip: '198.51.100.8', port: 5060 } }
  assert.deepEqual(device.statuses(request({ method: 'BYE', to }), other), [481])
})

test('what is larger than we take gets 513 over TCP and nothing over UDP', () => {
  const { statuses } = startDevice()
  const long = request({ headers: [`Subject: ${'x'.repeat(9_000)}`] })
  assert.deepEqual(statuses(long, TCP), [513])
  assert.deepEqual(statuses(long, UDP), [])
  assert.deepEqual(statuses(request(), { ...TCP, oversize: true }), [513])
})

test('a missing Content-Length is an error over TCP only. RFC 3261 §18.3', () => {
  const { statuses } = startDevice()
  const lines = request()
    .toString()
    .split('\r\n')
    .filter((line) => line !== '' && !line.startsWith('Content-Length'))
  assert.deepEqual(statuses(message(lines), UDP), [200])
  assert.deepEqual(statuses(message(lines), TCP), [400])
})

test('a Content-Length beyond the end of the datagram gets 400. RFC 3261 §18.3', () => {
  const { statuses } = startDevice()
  const bytes = request().toString()
  assert.deepEqual(statuses(Buffer.from(bytes.replace('Content-Length: 0', 'Content-Length: 50'))), [400])
  assert.deepEqual(statuses(Buffer.from(`${bytes}and more after its end`)), [200])
})

test('the same request gets the same bytes again', () => {
  const device = startDevice()
  assert.deepEqual(device.texts(invite()), device.texts(invite(), { ...UDP, now: NOW + 500 }))
})
