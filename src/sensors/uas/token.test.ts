// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { PERSONAS } from '../../../test/support/personas.ts'
import { request } from '../../../test/support/sip-samples.ts'
import { startDevice } from '../../../test/support/uas.ts'
import { TextHmac } from './_text-hmac.ts'
import { NONCE_PERIOD_MS, TAG_PERIOD_MS, Tokens } from './token.ts'

const SHAPES = { tag: 'as{hex:16}', nonce: '{hex:16}', opaque: '' }
const SOURCE = { ip: '198.51.100.7', port: 5060 }
const NOW = 1_790_000_000_000 - (1_790_000_000_000 % TAG_PERIOD_MS)
const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]+$/ // RFC 3261 §25.1

test('TextHmac is the HMAC that node:crypto knows', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (text, key) => {
        const random = () => key
        const expected = createHmac('sha256', TextHmac.key(random)).update(text).digest('hex')
        assert.equal(new TextHmac(random).digest(text), expected)
      },
    ),
  )
})

test('tag() is a token that says at least 64 bits, the same for ten minutes', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  fc.assert(
    fc.property(fc.string(), fc.nat(65_535), fc.nat(TAG_PERIOD_MS - 1), (callId, port, laterMs) => {
      const source = { ip: SOURCE.ip, port }
      const tag = tokens.tag(source, callId, NOW)
      assert.match(tag.long, /^as[0-9a-f]{16}$/)
      assert.match(tag.short, TOKEN)
      assert.equal(Buffer.from(tag.short, 'base64url').toString('hex'), tag.long.slice(2))
      assert.deepEqual(tokens.tag(source, callId, NOW + laterMs), tag)
    }),
  )
})

test('nonce() has at most 22 characters that need no quoting', () => {
  const { long, short } = new Tokens(randomBytes, SHAPES).nonce(SOURCE, 'a', NOW)
  for (const nonce of [long, short]) {
    assert.match(nonce, TOKEN)
    assert(nonce.length <= 22)
  }
})

test('isOwnTag() knows both spellings for ten to twenty minutes', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  const { long, short } = tokens.tag(SOURCE, 'a', NOW)
  for (const tag of [long, short]) {
    assert(tokens.isOwnTag(tag, SOURCE, 'a', NOW))
    assert(tokens.isOwnTag(tag, SOURCE, 'a', NOW + 2 * TAG_PERIOD_MS - 1))
    assert(!tokens.isOwnTag(tag, SOURCE, 'a', NOW + 2 * TAG_PERIOD_MS))
    assert(!tokens.isOwnTag(tag, SOURCE, 'a', NOW - 1))
  }
})

test('isOwnNonce() knows both spellings for one to two minutes', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  const { long, short } = tokens.nonce(SOURCE, 'a', NOW)
  for (const nonce of [long, short]) {
    assert(tokens.isOwnNonce(nonce, SOURCE, 'a', NOW + 2 * NONCE_PERIOD_MS - 1))
    assert(!tokens.isOwnNonce(nonce, SOURCE, 'a', NOW + 2 * NONCE_PERIOD_MS))
  }
})

test('isStaleNonce() knows a nonce for three minutes after it was valid, and never while it is', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  const { long, short } = tokens.nonce(SOURCE, 'a', NOW)
  for (const nonce of [long, short]) {
    assert(!tokens.isStaleNonce(nonce, SOURCE, 'a', NOW))
    assert(!tokens.isStaleNonce(nonce, SOURCE, 'a', NOW + 2 * NONCE_PERIOD_MS - 1))
    assert(tokens.isStaleNonce(nonce, SOURCE, 'a', NOW + 2 * NONCE_PERIOD_MS))
    assert(tokens.isStaleNonce(nonce, SOURCE, 'a', NOW + 5 * NONCE_PERIOD_MS - 1))
    assert(!tokens.isStaleNonce(nonce, SOURCE, 'a', NOW + 5 * NONCE_PERIOD_MS))
    assert(!tokens.isStaleNonce(nonce, SOURCE, 'b', NOW + 2 * NONCE_PERIOD_MS))
  }
})

test('a token is of no use from another address, port, Call-ID or node, nor as another kind of token', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  const tag = tokens.tag(SOURCE, 'a', NOW).long
  assert(!tokens.isOwnTag(tag, { ...SOURCE, ip: '198.51.100.8' }, 'a', NOW))
  assert(!tokens.isOwnTag(tag, { ...SOURCE, port: 5061 }, 'a', NOW))
  assert(!tokens.isOwnTag(tag, SOURCE, 'b', NOW))
  assert(!new Tokens(randomBytes, SHAPES).isOwnTag(tag, SOURCE, 'a', NOW))
  assert(!tokens.isOwnNonce(tag.slice(2), SOURCE, 'a', NOW))
})

test('isOwnTag() says no to any other text', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  fc.assert(fc.property(fc.string(), (text) => !tokens.isOwnTag(text, SOURCE, 'a', NOW)))
})

for (const { name, tokens: shapes } of PERSONAS) {
  test(`nobody forges a token of ${name}`, () => {
    const tokens = new Tokens(randomBytes, shapes)
    const at = NOW + 30_000
    const cases = [
      [tokens.tag(SOURCE, 'a', at), (text: string, ...to: Whose) => tokens.isOwnTag(text, ...to), TAG_PERIOD_MS],
      [tokens.nonce(SOURCE, 'a', at), (text: string, ...to: Whose) => tokens.isOwnNonce(text, ...to), NONCE_PERIOD_MS],
    ] as const
    for (const [token, isOwn, periodMs] of cases) {
      assert.equal(token.short.length, 11)
      for (const text of [token.long, token.short]) {
        assert(isOwn(text, SOURCE, 'a', at))
        assert(isOwn(text, SOURCE, 'a', at + periodMs))
        assert(!isOwn(text, { ...SOURCE, ip: '198.51.100.8' }, 'a', at), 'another address')
        assert(!isOwn(text, { ...SOURCE, port: 5061 }, 'a', at), 'another port')
        assert(!isOwn(text, SOURCE, 'b', at), 'another Call-ID')
        assert(!isOwn(text, SOURCE, 'a', at + 2 * periodMs), 'too old')
        assert(!isOwn(text, SOURCE, 'a', at - periodMs), 'of the future')
        assert(!isOwn(text.slice(0, -1), SOURCE, 'a', at), 'cut')
        assert(!isOwn(`${text}0`, SOURCE, 'a', at), 'longer')
        for (const other of [text.toUpperCase(), text.toLowerCase()]) {
          if (other !== text) assert(!isOwn(other, SOURCE, 'a', at), 'in other letters')
        }
        for (let i = 0; i < text.length; i++) {
          const letter = text[i] === '0' ? '1' : '0'
          assert(!isOwn(text.slice(0, i) + letter + text.slice(i + 1), SOURCE, 'a', at), `${i} changed`)
        }
      }
    }
    assert(!tokens.isOwnNonce(tokens.tag(SOURCE, 'a', at).short, SOURCE, 'a', at), 'of the other kind')
  })
}

type Whose = [source: typeof SOURCE, callId: string, now: number]

test('number is positive, of 31 bits, and the same for the same token', () => {
  const tokens = new Tokens(randomBytes, SHAPES)
  fc.assert(
    fc.property(fc.string(), (callId) => {
      const { number } = tokens.tag(SOURCE, callId, NOW)
      assert(Number.isInteger(number) && number >= 0 && number < 2 ** 31)
      assert.equal(tokens.tag(SOURCE, callId, NOW).number, number)
    }),
  )
})

test('what a proxy passes on proves nothing of where it stands', () => {
  const device = startDevice()
  const further = 'Via: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bKfurther'
  const tagOf = (bytes: Buffer) => /;tag=(as\w+)/.exec(device.texts(bytes)[0] ?? '')?.[1]
  const nonceOf = (bytes: Buffer) => /nonce="(\w+)"/.exec(device.texts(bytes)[0] ?? '')?.[1]
  const register = { method: 'REGISTER', callId: 'r' }
  const shown = (nonce = '') => [`Authorization: Digest username="100",nonce="${nonce}",response="0"`]
  const relayedTag = `<sip:100@203.0.113.5>;tag=${tagOf(request({ headers: [further] }))}`
  const relayedNonce = shown(nonceOf(request({ ...register, headers: [further] })))
  const validation = (bytes: Buffer) => device.receive(bytes).validation
  assert.equal(validation(request({ to: relayedTag })), 'none')
  assert.equal(validation(request({ to: relayedTag, headers: [further] })), 'none')
  assert.equal(validation(request({ ...register, headers: relayedNonce })), 'none')
  assert.equal(validation(request({ ...register, headers: [...relayedNonce, further] })), 'none')
  const listed = request()
    .toString()
    .replace(/^(Via: .*)\r$/m, '$1, SIP/2.0/UDP 192.0.2.66\r')
  assert.equal(validation(Buffer.from(listed.replace(/^To: .*$/m, `To: ${relayedTag}`))), 'none')
  const ownTag = `<sip:100@203.0.113.5>;tag=${tagOf(request())}`
  assert.equal(validation(request({ to: ownTag, headers: [further] })), 'none')
  assert.equal(validation(request({ to: ownTag })), 'echo')
})
