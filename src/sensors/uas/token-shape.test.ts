// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bitCount, charactersOf, digitCount, dress, parseShape } from './token-shape.ts'

const DIGEST = '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210'
const SHAPES: readonly [shape: string, token: string, digits: number, bits: number][] = [
  ['as{hex:16}', 'as0011223344556677', 16, 64],
  ['{HEX:4}-{HEX:28}', '0011-2233445566778899AABBCCDDEEFF', 32, 128],
  ['{digits:4}', '0741', 8, 13],
  ['{aBcDeFgHjKmNpQrStUvXyZ0123456789:3}', 'aUc', 6, 15],
  ['{base64:2}.', 'AR.', 4, 12],
  ['{time}/{hex:4}', '1000/1122', 6, 16],
  ['', '', 0, 0],
  ['plain', 'plain', 0, 0],
]
for (const [text, token, digits, bits] of SHAPES) {
  test(`"${text}" makes "${token}"`, () => {
    const shape = parseShape(text)
    assert.equal(dress(shape, DIGEST, 0, 1000), token)
    assert.equal(digitCount(shape), digits)
    assert.equal(Math.floor(bitCount(shape)), bits)
  })
}

const WRONG: readonly [shape: string, why: RegExp][] = [
  ['{hex}', /brace/],
  ['{hex:16', /brace/],
  ['}', /brace/],
  ['{hex:100}', /brace/],
  ['{hex:65}', /longer/],
  ['{base64:33}', /longer/],
  ['{abca:4}', /a letter twice/],
]
for (const [text, why] of WRONG) {
  test(`"${text}" is refused`, () => assert.throws(() => parseShape(text), why))
}

test('dress() uses only the characters that charactersOf() tells, and as many each time', () => {
  const digest = fc.stringMatching(/^[0-9a-f]{64}$/)
  for (const text of ['as{hex:16}', '{time}/{hex:32}', '{digits:20}', '{base64:32}', '{HEX:8}-{HEX:8}']) {
    const shape = parseShape(text)
    const known = charactersOf(shape)
    const { length } = dress(shape, DIGEST, 0, 1_790_000_000)
    fc.assert(
      fc.property(digest, (one) => {
        const token = dress(shape, one, 0, 1_790_000_000)
        assert.equal(token.length, length)
        for (const letter of token) assert(known.includes(letter), letter)
      }),
    )
  }
})

test('the time of a token is at most a minute before', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f]{64}$/), (digest) => {
      const seconds = Number(dress(parseShape('{time}'), digest, 0, 1_790_000_000))
      assert(seconds <= 1_790_000_000 && seconds > 1_790_000_000 - 60)
    }),
  )
})
