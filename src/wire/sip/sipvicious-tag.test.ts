// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeSipviciousTag } from './sipvicious-tag.ts'

const hex = (text: string) => Buffer.from(text).toString('hex')
const tagOf = (value: string, random = '4079165808') => hex(`${value}\x01${random}`)

// The first three are of version 0.3.3 as it ran; the last of the svmap ones is that of scanning ::1.
const TAGS: readonly [tag: string, toUser: string | null, kind: string, value: string][] = [
  ['3766303030303031316362620134303739313635383038', '100', 'svmap', '127.0.0.1:7355'],
  ['3932383939313031360132393439393231393336', '928991016', 'svwar', '928991016'],
  ['3130303a31303001313530393833343738', '100', 'svcrack', '100:100'],
  [tagOf('c0000201138c'), '100', 'svmap', '192.0.2.1:5004'],
  [tagOf('113c4'), '100', 'svmap', '113c4'],
  [tagOf('2001db8513c4'), '2001db8513c4', 'svwar', '2001db8513c4'],
  [tagOf('442081234567'), '442081234567', 'svwar', '442081234567'],
  [tagOf('reception'), null, 'svwar', 'reception'],
  [tagOf('1000:secret:with colons'), '1000', 'svcrack', '1000:secret:with colons'],
  [tagOf('100:').toUpperCase(), '100', 'svcrack', '100:'],
]
for (const [tag, toUser, kind, value] of TAGS) {
  test(`decodeSipviciousTag() reads ${kind} of ${value}`, () => {
    assert.deepEqual(decodeSipviciousTag(tag, toUser), { kind, value })
  })
}

const OTHERS: Record<string, string> = {
  nothing: '',
  'what svcrack asks with first': '3206210844',
  'half a byte': `${tagOf('100')}3`,
  'no random number': hex('100\x01'),
  'a random number of too many digits': tagOf('100', '12345678901'),
  'a random number that is none': tagOf('100', '12a'),
  'two of the bytes': hex('100\x011\x012'),
  'no value': tagOf(''),
  'other letters': 'as5e0f3c21',
  'more than is read': tagOf('1'.repeat(300)),
}
for (const [name, tag] of Object.entries(OTHERS)) {
  test(`decodeSipviciousTag() knows nothing of ${name}`, () => assert.equal(decodeSipviciousTag(tag, '100'), null))
}

test('decodeSipviciousTag() gives back every password, byte for byte', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((password) => !password.includes('\x01'))
  fc.assert(
    fc.property(text, fc.nat(), (password, random) => {
      const decoded = decodeSipviciousTag(tagOf(`100:${password}`, String(random)), '100')
      assert.equal(decoded?.kind, 'svcrack')
      assert.equal(Buffer.from(decoded?.value ?? '', 'latin1').toString(), Buffer.from(`100:${password}`).toString())
    }),
  )
})

test('decodeSipviciousTag() gives a value for any text', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (tag, user) => void decodeSipviciousTag(tag, user)))
  assert.equal(decodeSipviciousTag('00'.repeat(100_000), null), null)
})
