// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { displayWidth, fit, formatSize, painter, plural, printable, printableJson } from './terminal.ts'

/** Every character that could make a terminal act, in whatever text. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\u001b[31m',
        '\u001b]0;title\u0007',
        '\u009b2J',
        '\r\n',
        '\u202e',
        '\u2066',
        '\0',
        '\ud800',
        '\ufeff',
      ),
      fc.string({ unit: 'binary' }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
const SAFE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u

describe('printable()', () => {
  const cases: readonly [string, string][] = [
    ['friendly-scanner', 'friendly-scanner'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['\u001b]0;title\u0007', '\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['a\r\nb\tc\0', 'a\\x0d\\x0ab\\x09c\\x00'],
    ['\u202eevil', '\\u202eevil'],
    ['Grüße 你好 🎉', 'Grüße 你好 🎉'],
    ['half \ud83c pair', 'half \\ud83c pair'],
  ]
  for (const [text, shown] of cases) test(JSON.stringify(text), () => assert.equal(printable(text), shown))

  test('lets nothing through that a terminal obeys', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        // Tags and other exotic format characters are invisible, and make no terminal act.
        assert.match(
          printable(text).replace(
            /[\u00ad\u0600-\u0605\u06dd\u070f\u0890-\u08e2\u180e\ufff9-\ufffb]|[\u{10000}-\u{10ffff}]/gu,
            '',
          ),
          SAFE,
        )
      }),
    )
  })
})

test('printableJson() is safe to print and means the same', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const json = printableJson({ [text]: text }, 2)
      assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ [text]: text })))
    }),
  )
})

test('displayWidth() counts columns, not characters', () => {
  assert.equal(displayWidth('abc'), 3)
  assert.equal(displayWidth('你好'), 4)
  assert.equal(displayWidth('e\u0301'), 1)
  assert.equal(displayWidth('🎉'), 2)
  assert.equal(displayWidth('ｆｕｌｌ'), 8)
})

test('fit() never takes more columns than it was given', () => {
  assert.equal(fit('user agent', 20), 'user agent')
  assert.equal(fit('user agent', 5), 'user…')
  assert.equal(fit('你好你好', 4), '你…')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, width) => {
      assert(displayWidth(fit(text, width)) <= width)
    }),
  )
})

describe('painter()', () => {
  const tty = { write: () => true, isTTY: true }
  test('colours on a terminal', () => assert.equal(painter(tty, {})('red', 'x'), '\u001b[31mx\u001b[39m'))
  test('leaves files alone', () => assert.equal(painter({ write: () => true }, {})('red', 'x'), 'x'))
  test('obeys NO_COLOR', () => assert.equal(painter(tty, { NO_COLOR: '1' })('red', 'x'), 'x'))
  test('obeys TERM=dumb', () => assert.equal(painter(tty, { TERM: 'dumb' })('red', 'x'), 'x'))
})

test('formatSize() and plural() speak to people', () => {
  assert.deepEqual([0, 1023, 1024, 1_572_864, 2_147_483_648, 200_000].map(formatSize), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '2.0 GiB',
    '195 KiB',
  ])
  assert.equal(plural(1, 'event'), '1 event')
  assert.equal(plural(1234, 'event'), '1,234 events')
  assert.equal(plural(2, 'address', 'addresses'), '2 addresses')
})
