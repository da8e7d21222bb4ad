// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import { mutate, seededRandom } from '../../test/support/sip-mutator.ts'
import { SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import { deriveEvent } from './derive.ts'

const md5 = (...parts: string[]) => hash('md5', parts.join(':'), 'hex')
const derive = (bytes: Uint8Array, change: { rawShed?: boolean; size?: number } = {}) =>
  deriveEvent(0, { ...observation({ bytes }), rawShed: false, ...change })

/** A REGISTER with credentials for that password. */
function register(password: string, { tag = 'a', qop = '', hashed = md5('REGISTER', 'sip:a') } = {}): Buffer {
  const secret = md5('100', 'asterisk', password)
  const response = qop === '' ? md5(secret, 'n', hashed) : md5(secret, 'n', '1', 'c', qop, hashed)
  const more = qop === '' ? '' : `,qop=${qop},nc=1,cnonce=c`
  return Buffer.from(
    `REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:100@a>;tag=${tag}\r\nTo: <sip:100@a>\r\n` +
      `Call-ID: a\r\nCSeq: 2 REGISTER\r\n` +
      `Authorization: Digest username="100",realm="asterisk",nonce="n",uri="sip:a",response="${response}"${more}\r\n\r\n`,
  )
}
const tagOf = (value: string) => Buffer.from(`${value}\u000112345`).toString('hex')

test('deriveEvent() reads credentials and finds the weak password behind them', () => {
  const { auth } = derive(register('1234'))
  assert.match(auth?.response ?? '', /^[0-9a-f]{32}$/)
  assert.deepEqual(auth, {
    user: '100',
    realm: 'asterisk',
    algorithm: 'MD5',
    response: auth?.response,
    matchedPassword: '1234',
  })
  assert.equal(derive(register('k9!vLq2#')).auth?.matchedPassword, null)
  assert.equal(derive(SCANNERS['svwar REGISTER']!).auth, null)
})

test('deriveEvent() finds any password that svcrack gives away, if the response proves it', () => {
  const bytes = register('k9!vLq2#', { tag: tagOf('100:k9!vLq2#') })
  assert.equal(derive(bytes).auth?.matchedPassword, 'k9!vLq2#')
  assert.deepEqual(derive(bytes).tool, { name: 'svcrack', evidence: 'from-tag', decodedTag: '100:k9!vLq2#' })
  const svcrack = derive(readSipVectors().find(({ name }) => name === 'svcrack-register')!.bytes)
  assert.equal(svcrack.auth?.matchedPassword, '100')
  assert.equal(svcrack.tool?.decodedTag, '100:100')
  assert.equal(derive(register('other', { tag: tagOf('100:k9!vLq2#') })).auth?.matchedPassword, null)
})

test('deriveEvent() says nothing of auth-int when not all of the body was kept', () => {
  const bytes = register('1234', { qop: 'auth-int', hashed: md5('REGISTER', 'sip:a', md5('')) })
  assert.equal(derive(bytes).auth?.matchedPassword, '1234')
  assert.equal(derive(bytes, { rawShed: true }).auth?.matchedPassword, null)
  assert.equal(derive(bytes, { size: bytes.length + 1 }).auth?.matchedPassword, null)
})

test('deriveEvent() knows the programs of the samples, and what they wrote into their tags', () => {
  assert.deepEqual(derive(SCANNERS['svmap OPTIONS']!).tool, {
    name: 'svmap',
    evidence: 'from-tag',
    decodedTag: '127.0.0.1:15060',
  })
  assert.deepEqual(derive(SCANNERS['svwar REGISTER']!).tool, { name: 'svwar', evidence: 'from-tag', decodedTag: '100' })
  assert.deepEqual(derive(SCANNERS['svcrack REGISTER']!).tool, {
    name: 'svcrack',
    evidence: 'from-tag',
    decodedTag: null,
  })
})

test('deriveEvent() has an order of headers only where all of them are there', () => {
  const bytes = SCANNERS['svmap OPTIONS']!
  const { headerOrder } = derive(bytes)
  assert.match(headerOrder ?? '', /^[0-9a-f]{8}$/)
  const proxied = Buffer.from(
    bytes.toString('latin1').replace('\r\nVia: ', '\r\nVia: SIP/2.0/UDP b\r\nVia: '),
    'latin1',
  )
  assert.equal(derive(proxied).headerOrder, headerOrder, 'a proxy in the way makes no difference')
  assert.equal(derive(bytes, { rawShed: true }).headerOrder, null)
  assert.equal(derive(bytes.subarray(0, -2)).headerOrder, null)
  const response = derive(Buffer.from('SIP/2.0 200 OK\r\nVia: a\r\n\r\n'))
  assert.deepEqual([response.auth, response.tool, response.headerOrder], [null, null, null])
})

test('deriveEvent() gives values for mutated messages', () => {
  const corpus = [...readSipVectors().map(({ bytes }) => bytes), register('1234'), ...Object.values(SCANNERS)]
  for (let seed = 1; seed <= 5_000; seed++) {
    const random = seededRandom(seed)
    const bytes = mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random)
    structuredClone(derive(bytes)) // reads all of it
  }
})
