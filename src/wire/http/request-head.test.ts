// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asksForWebSocket, REQUEST_HEAD_SIZE_MAX, readRequestHead } from './request-head.ts'

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: pbx\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: xmpp\r\nsec-websocket-protocol:sip \r\n\r\n'
const read = (text: string) => readRequestHead(Buffer.from(text, 'latin1'))

test('readRequestHead() reads the fields, joins those of one name and says where the head ends', () => {
  const head = read(`${UPGRADE}frames`)
  assert(typeof head === 'object')
  assert.deepEqual([head.method, head.target, head.size], ['GET', '/ws', UPGRADE.length])
  assert.deepEqual(Object.fromEntries(head.fields), {
    host: 'pbx',
    upgrade: 'WebSocket',
    'sec-websocket-protocol': 'xmpp, sip',
  })
  const bare = read('GET / HTTP/1.0\r\n\r\n')
  assert(typeof bare === 'object' && bare.fields.size === 0 && bare.size === 18)
  assert(typeof read('HEAD / HTTP/1.1\nHost: x\n\n') === 'object')
})

test('readRequestHead() waits on every prefix', () => {
  for (let size = 0; size < UPGRADE.length; size++) assert.equal(read(UPGRADE.slice(0, size)), 'need-more')
})

test('readRequestHead() tells what is no HTTP from what is broken', () => {
  for (const text of [
    'OPTIONS sip:a SIP/2.0\r\n',
    '\x16\x03',
    '\r\n\r\n',
    'get / HTTP/1.1\r\n',
    'GET /\r\n',
    `${'A'.repeat(33)}`,
    `GET /${'x'.repeat(REQUEST_HEAD_SIZE_MAX)}`,
  ])
    assert.equal(read(text), 'not-http', JSON.stringify(text.slice(0, 40)))
  for (const text of [
    'GET / HTTP/1.1\r\nno colon\r\n\r\n',
    `GET / HTTP/1.1\r\nX: ${'x'.repeat(REQUEST_HEAD_SIZE_MAX)}`,
  ])
    assert.equal(read(text), 'bad', JSON.stringify(text.slice(0, 40)))
})

test('asksForWebSocket() is about requests of HTTP, also when their end is missing', () => {
  const yes = [
    UPGRADE,
    UPGRADE.slice(0, -2),
    'GET / HTTP/1.1\nupgrade:websocket',
    'PUT /x HTTP/1.0\r\nUpgrade: websocket \r\nA: b',
  ]
  const no = [
    '',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n',
    'GET / HTTP/1.1\r\nX-Upgrade: websocket\r\n\r\n',
    'OPTIONS sip:a SIP/2.0\r\nUpgrade: websocket\r\n\r\n',
    'Upgrade: websocket\r\n',
  ]
  for (const text of yes) assert(asksForWebSocket(Buffer.from(text)), JSON.stringify(text))
  for (const text of no) assert(!asksForWebSocket(Buffer.from(text)), JSON.stringify(text))
})

test('both answer any bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.constantFrom('', 'GET / HTTP/1.1\r\n', 'GET '),
      (bytes, start) => {
        const all = Buffer.concat([Buffer.from(start), bytes])
        assert(readRequestHead(all) !== null && typeof asksForWebSocket(all) === 'boolean')
      },
    ),
    { numRuns: 2_000 },
  )
})
