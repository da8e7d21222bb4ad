// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HIDDEN_CREDENTIALS, hideCredentials, hideTags } from './credentials.ts'

const SVCRACK = Buffer.from('100:1234\u00014079165808').toString('hex')
const SVWAR = Buffer.from('100\u00014079165808').toString('hex')
const hide = (text: string) => Buffer.from(hideCredentials(Buffer.from(text, 'latin1'))).toString('latin1')

const cases: Record<string, readonly [string, string]> = {
  'a header': [
    'Via: x\r\nAuthorization: Digest a="b"\r\nCSeq: 1\r\n',
    `Via: x\r\nAuthorization: ${HIDDEN_CREDENTIALS}\r\nCSeq: 1\r\n`,
  ],
  'the proxy one, in odd case': [
    'x\r\npROXY-aUTHORIZATION:s\r\ny',
    `x\r\npROXY-aUTHORIZATION: ${HIDDEN_CREDENTIALS}\r\ny`,
  ],
  'folded lines': ['x\r\nAuthorization: a\r\n b\r\n\tc\r\nTo: d', `x\r\nAuthorization: ${HIDDEN_CREDENTIALS}\r\nTo: d`],
  'lines that end in LF': ['x\nAuthorization: a\n b\nTo: d', `x\nAuthorization: ${HIDDEN_CREDENTIALS}\nTo: d`],
  'space before the colon': ['x\r\nAuthorization \t: a\r\n', `x\r\nAuthorization \t: ${HIDDEN_CREDENTIALS}\r\n`],
  'a fold before the colon': ['x\r\nAuthorization\r\n : a\r\n', `x\r\nAuthorization\r\n : ${HIDDEN_CREDENTIALS}\r\n`],
  'two of them': [
    'Authorization: a\r\nAuthorization: b\r\n',
    `Authorization: ${HIDDEN_CREDENTIALS}\r\nAuthorization: ${HIDDEN_CREDENTIALS}\r\n`,
  ],
  'a CR within': ['x\r\nAuthorization: a\rb\r\nTo: c', `x\r\nAuthorization: ${HIDDEN_CREDENTIALS}\r\nTo: c`],
  'one that is cut off': ['x\r\nAuthorization: Digest user', `x\r\nAuthorization: ${HIDDEN_CREDENTIALS}`],
  'one after a body': [
    'x\r\n\r\nbody\r\nAuthorization: a\r\n',
    `x\r\n\r\nbody\r\nAuthorization: ${HIDDEN_CREDENTIALS}\r\n`,
  ],
  'the From-tag of svcrack': [
    `From: <sip:100@a>;tag=${SVCRACK}\r\nCSeq: 1`,
    `From: <sip:100@a>;tag=${HIDDEN_CREDENTIALS}\r\nCSeq: 1`,
  ],
  'that tag in odd case and spaces': [
    `f: <sip:100@a>; TAG =\r\n "${SVCRACK.toUpperCase()}"`,
    `f: <sip:100@a>; TAG =\r\n "${HIDDEN_CREDENTIALS}"`,
  ],
  'other tags': [
    `From: a;tag=${SVWAR}\r\nTo: b;tag=as0123456789abcdef\r\nX: stag=${SVCRACK}`,
    `From: a;tag=${SVWAR}\r\nTo: b;tag=as0123456789abcdef\r\nX: stag=${SVCRACK}`,
  ],
  'other headers': ['X-Authorization: a\r\nWWW-Authenticate: b\r\n', 'X-Authorization: a\r\nWWW-Authenticate: b\r\n'],
}

for (const [name, [given, expected]] of Object.entries(cases)) {
  test(`hideCredentials() on ${name}`, () => assert.equal(hide(given), expected))
}

test('hideCredentials() gives back the same bytes when there is nothing to hide', () => {
  const raw = Buffer.from([0, 255, 128, 13, 10])
  assert.equal(hideCredentials(raw), raw)
})

test('hideCredentials() leaves no secret, whatever stands around it', () => {
  const noise = fc.string({ unit: fc.constantFrom('\r\n', '\n', ' ', '\t', 'a', ':', '\0', '\xff', 'Authorization') })
  const name = fc.constantFrom('Authorization', 'PROXY-AUTHORIZATION', 'authorization ')
  const fold = fc.constantFrom('', '\r\n ', '\n\t')
  fc.assert(
    fc.property(noise, name, fold, noise, (before, header, folded, behind) => {
      assert.ok(!hide(`${before}\r\n${header}:${folded}SECRET\r\n${behind}`).includes('SECRET'))
    }),
  )
})

test('hideTags() leaves no password of svcrack, whatever it is', () => {
  const password = fc.string({ unit: 'binary', minLength: 1 })
  fc.assert(
    fc.property(password, fc.nat(), (text, random) => {
      const hex = Buffer.from(`100:${text}\u0001${random}`).toString('hex')
      assert.equal(hideTags(`<sip:100@a>;tag=${hex};x=y`), `<sip:100@a>;tag=${HIDDEN_CREDENTIALS};x=y`)
    }),
  )
})

test('hideCredentials() takes linear time on 64 KiB of its own triggers', () => {
  for (const unit of [
    '\r\n',
    ' ',
    '\r\n ',
    'authorization',
    '\nauthorization',
    '\nauthorization:',
    '\r',
    'tag',
    ' tag=',
    ';tag ',
    '3a',
    ';tag=3a3a3a3a',
  ]) {
    const startedAt = performance.now()
    hide(unit.repeat(Math.ceil(65_536 / unit.length)))
    assert.ok(performance.now() - startedAt < 1000, JSON.stringify(unit))
  }
})
