// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mutatedMessage } from '../../test/support/mutated-message.ts'
import { invite, message, request, SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import { hideCredentials } from '../core/credentials.ts'
import { parseMessage } from '../wire/sip/message.ts'
import { makeVector, type VectorInit } from './vector.ts'

const made = (bytes: Uint8Array, init: Partial<VectorInit> = {}) =>
  makeVector({ about: 'a test', bytes, destinationIp: '192.0.2.200', withCredentials: false, ...init })

for (const { name, bytes, expected } of readSipVectors()) {
  test(`makeVector() expects of ${name} what its vector does`, () => {
    // Nothing of ours stands in them, save where the Request-URI names an address.
    const vector = made(bytes, { withCredentials: true })
    if (vector.addresses.length > 0) return
    assert.deepEqual(vector.bytes, bytes)
    const { about, source, note, framesNote, ...found } = expected as typeof expected & Record<string, unknown>
    assert.deepEqual(vector.expected, { about: 'a test', ...found })
  })
}

test('makeVector() replaces the address that a message came to, and the one it names, and keeps the size', () => {
  for (const [name, bytes] of Object.entries(SCANNERS)) {
    const vector = made(bytes, { destinationIp: '10.11.12.13' })
    const text = vector.bytes.toString('latin1')
    assert.doesNotMatch(text, /203\.0\.113\.5/, name)
    assert.equal(vector.bytes.length, bytes.length, name)
    assert.equal(
      vector.addresses.every(({ count }) => count > 0),
      true,
    )
    assert.deepEqual(
      (vector.expected as { defects: string[] }).defects,
      parseMessage(bytes)
        .defects.map(({ code }) => code)
        .sort(),
    )
  }
})

test('makeVector() finds the address that svmap hides in a tag', () => {
  const bytes = SCANNERS['svmap OPTIONS']!
  const vector = made(bytes, { destinationIp: '127.0.0.1' })
  assert(bytes.includes('37663030303030313361643401'.slice(0, 16)))
  assert(!vector.bytes.includes('3766303030303031'))
  assert.equal(vector.bytes.length, bytes.length)
})

test('makeVector() keeps Content-Length right where an address has no counterpart of its length', () => {
  const body = 'v=0\r\nc=IN IP4 10.0.0.1\r\no=- 1 1 IN IP4 10.0.0.1\r\n'
  const vector = made(invite({ body, uri: 'sip:1@10.0.0.1' }), { destinationIp: '10.0.0.1' })
  const after = parseMessage(vector.bytes)
  assert.equal(vector.lengthChange, 2)
  assert.equal(after.contentLength, body.length + 2)
  assert.deepEqual(after.defects, [])
  assert.equal(Buffer.from(after.body).toString(), body.replaceAll('10.0.0.1', '192.0.2.1'))
  assert.match(
    (vector.expected as { note: string }).note,
    /addresses of the sensor replaced, Content-Length made right/,
  )
})

test('makeVector() changes every Content-Length, and minds only what it counts', () => {
  const lines = ['INVITE sip:1@10.0.0.1 SIP/2.0', 'l: 8', 'Content-Length:  8', 'l:x']
  const vector = made(message(lines, '10.0.0.1 10.0.0.1'), { destinationIp: '10.0.0.1' })
  const text = vector.bytes.toString('latin1')
  assert(text.endsWith('\r\n\r\n192.0.2.1 192.0.2.1'), text)
  assert(text.includes('l: 8\r\nContent-Length:  8\r\nl:x'), text) // they do not agree: which would be right?
  const plain = made(message([...lines.slice(0, 3)], '10.0.0.1 10.0.0.1'), { destinationIp: '10.0.0.1' })
  assert(plain.bytes.toString('latin1').includes('l: 9\r\nContent-Length:  9\r\n'))
})

test('makeVector() removes credentials unless told to keep them', () => {
  const authorization = 'Authorization: Digest username="100", response="secret"'
  const bytes = request({ headers: [authorization, authorization.replace('A', 'Proxy-A')] })
  const vector = made(bytes)
  assert.doesNotMatch(vector.bytes.toString(), /secret|username/)
  assert.match(
    vector.bytes.toString(),
    /\r\nAuthorization: \[credentials removed\]\r\nProxy-Authorization: \[credentials removed\]\r\n/,
  )
  assert.equal(vector.credentialsCount, 2)
  assert.match((vector.expected as { note: string }).note, /credentials removed/)
  const hidden = made(hideCredentials(bytes))
  assert.deepEqual(hidden.bytes, vector.bytes)
  const kept = made(bytes, { withCredentials: true })
  assert.match(kept.bytes.toString(), /response="secret"/)
  assert.equal(kept.credentialsCount, 0)
})

test('makeVector() takes any message: our address is gone, and its parser finds what it says', () => {
  const own = ['10.0.0.1', '203.0.113.5', '2a00:1450:4001::200e']
  const originals = Object.values(SCANNERS).flatMap((bytes) =>
    own.map((ip) => Buffer.from(bytes.toString('latin1').replaceAll('203.0.113.5', ip), 'latin1')),
  )
  fc.assert(
    fc.property(
      mutatedMessage(originals),
      fc.constantFrom(...own),
      fc.boolean(),
      (bytes, destinationIp, withCredentials) => {
        const vector = made(bytes, { destinationIp, withCredentials })
        const text = vector.bytes.toString('latin1')
        const digits = destinationIp.replaceAll('.', '\\.')
        assert.doesNotMatch(text, new RegExp(`(?<![\\d.a-f:])${digits}(?![\\d.a-f:])`))
        const { kind, defects } = vector.expected as { kind: string; defects: string[] }
        const message = parseMessage(vector.bytes)
        assert.deepEqual([kind, defects], [message.kind, message.defects.map(({ code }) => code).sort()])
      },
    ),
    { numRuns: 2000 },
  )
})
