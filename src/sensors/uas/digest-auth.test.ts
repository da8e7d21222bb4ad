// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ASTERISK_CHAN_SIP, PERSONAS } from '../../../test/support/personas.ts'
import { digestResponses, type HashText, parseChallenge, parseCredentials } from '../../wire/sip/digest.ts'
import { parseMessage } from '../../wire/sip/message.ts'
import type { Circumstances } from './answer.ts'
import { challengeLines } from './challenge.ts'
import { DigestAuth } from './digest-auth.ts'
import { NONCE_PERIOD_MS, Tokens } from './token.ts'

const NOW = 1_790_000_000_000
const CALL_ID = 'a@198.51.100.7'
const UDP: Circumstances = {
  transport: 'udp',
  oversize: false,
  source: { ip: '198.51.100.7', port: 5060 },
  destination: { ip: '203.0.113.5', port: 5060 },
  now: NOW,
  validation: 'none',
}
const tokens = new Tokens(randomBytes, ASTERISK_CHAN_SIP.tokens)
const auth = new DigestAuth({ tokens, passwords: ['of the operator'] })
const hashText: HashText = (algorithm, text) => hash(algorithm, Buffer.from(text, 'latin1'), 'hex')

function nonces(): string[] {
  const { long, short } = tokens.nonce(UDP.source, CALL_ID, NOW)
  return [long, short]
}

/** What a client says that knows the password. */
function credentials(nonce: string, password: string, { user = '100', more = '' } = {}): string {
  const value = `Digest username="${user}",realm="asterisk",nonce="${nonce}",uri="sip:203.0.113.5"${more},response="x"`
  const parsed = parseCredentials(value)
  assert(parsed !== null)
  const told = { method: 'REGISTER', body: Buffer.from('body') }
  return value.replace('response="x"', `response="${digestResponses(parsed, told, password, hashText)[0]}"`)
}

const register = (...lines: string[]) =>
  parseMessage(
    Buffer.from(
      `REGISTER sip:203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:100@a>;tag=1\r\nTo: <sip:100@a>\r\n` +
        `Call-ID: ${CALL_ID}\r\nCSeq: 2 REGISTER\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\nbody`,
    ),
  )
const read = (value: string, change: Partial<Circumstances> = {}) =>
  auth.read(register(`Authorization: ${value}`), { ...UDP, ...change })

for (const persona of PERSONAS) {
  test(`each spelling of a challenge of ${persona.name} says what it has to, and when only the nonce was too old`, () => {
    const nonce = new Tokens(randomBytes, persona.tokens).nonce(UDP.source, CALL_ID, NOW)
    for (const isStale of [false, true]) {
      const [line] = challengeLines(persona, { status: 401, realm: 'a"b', nonce, isStale })
      for (const text of [line?.value, line?.short, line?.shortest]) {
        const challenge = parseChallenge(text ?? '')
        assert([nonce.long, nonce.short].includes(challenge?.nonce ?? ''), `${text}`)
        assert.equal(challenge?.stale, isStale, `${text}`)
        assert.equal(challenge?.algorithm ?? 'MD5', 'MD5', `${text}`)
      }
    }
  })
}

test('read() knows its own nonce in each spelling, and the weak password behind it', () => {
  for (const nonce of nonces()) {
    const offered = read(credentials(nonce, '1234'))
    assert.deepEqual(
      { ...offered },
      { user: '100', realm: 'asterisk', algorithm: 'MD5', nonce: 'own', matchedPassword: '1234' },
    )
  }
})

for (const password of ['100', '', '100100', '001', 'password', 'of the operator']) {
  test(`read() finds the password "${password}"`, () => {
    assert.equal(read(credentials(nonces()[0]!, password))?.matchedPassword, password)
  })
}

test('read() finds no password that is not weak', () => {
  const offered = read(credentials(nonces()[0]!, 'k9!vLq2#'))
  assert.equal(offered?.nonce, 'own')
  assert.equal(offered?.matchedPassword, null)
})

test('read() tells a nonce that was ours from one that never was, and tries no password on either', () => {
  const value = credentials(nonces()[0]!, '1234')
  const nonceAt = (now: number) => read(value, { now })?.nonce
  assert.equal(nonceAt(NOW + NONCE_PERIOD_MS), 'own')
  assert.equal(nonceAt(NOW + 3 * NONCE_PERIOD_MS), 'stale')
  assert.equal(nonceAt(NOW + 4 * NONCE_PERIOD_MS), 'stale')
  assert.equal(nonceAt(NOW + 6 * NONCE_PERIOD_MS), 'foreign')
  assert.equal(read(value, { now: NOW + 3 * NONCE_PERIOD_MS })?.matchedPassword, null)
  const foreign = { source: { ...UDP.source, port: 5061 } }
  assert.equal(read(value, foreign)?.nonce, 'foreign')
  assert.equal(read(value, foreign)?.matchedPassword, null)
})

test('read() takes the credentials that carry our nonce, wherever they stand', () => {
  const other = 'Authorization: Digest username="x",nonce="n",response="r"'
  const ours = `Proxy-Authorization: ${credentials(nonces()[1]!, '1234')}`
  assert.equal(auth.read(register(other, other, ours), UDP)?.user, '100')
  assert.equal(auth.read(register(other), UDP)?.user, 'x')
})

test('read() is null without Digest credentials', () => {
  assert.equal(auth.read(register(), UDP), null)
  assert.equal(read('Basic MTAwOjEwMA=='), null)
})

test('read() takes qop=auth, other algorithms, and auth-int where the body is all there', () => {
  const nonce = nonces()[0]!
  for (const algorithm of ['MD5', 'MD5-sess', 'SHA-256', 'SHA-512-256']) {
    for (const qop of ['auth', 'auth-int']) {
      const more = `,algorithm=${algorithm},qop=${qop},nc=00000001,cnonce="c"`
      const offered = read(credentials(nonce, '1234', { more }))
      assert.equal(offered?.matchedPassword, '1234', more)
      assert.equal(offered?.algorithm, algorithm)
    }
  }
  const more = ',qop=auth-int,nc=00000001,cnonce="c"'
  assert.equal(read(credentials(nonce, '1234', { more }), { oversize: true })?.matchedPassword, null)
})
