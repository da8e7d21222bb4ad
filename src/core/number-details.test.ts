// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeNumber, dialPrefixesOf, placeOf } from './number-details.ts'
import { normalizeNumber } from './phone-number.ts'

const LIKELY = 6 // a score above it: the part before the number is a dial prefix

for (const [raw, dialPrefix, e164, country] of [
  ['900442081234567', '900', '+442081234567', 'GB'],
  ['981046500729221', '9810', '+46500729221', 'SE'],
  ['90046322651795', '900', '+46322651795', 'SE'],
  ['14500972598112101', '14500', '+972598112101', 'IL'],
  ['8810442070661000', '8810', '+442070661000', 'GB'],
  ['0046322651795', '00', '+46322651795', 'SE'],
  ['%2B46322651795', '+', '+46322651795', 'SE'],
  ['*0046322651795', '*00', '+46322651795', 'SE'],
  ['+442070661000', '+', '+442070661000', 'GB'],
  ['011442070661000', '011', '+442070661000', 'GB'],
  ['9011442070661000', '9011', '+442070661000', 'GB'],
  ['00000000442070661000', '00000000', '+442070661000', 'GB'],
  ['7778900972595301123', '7778900', '+972595301123', 'IL'],
  ['8784946812410967', '87849', '+46812410967', 'SE'],
  ['46-732-00-0441', '', '+46732000441', 'SE'],
  ['+1 (212) 555.1234', '+', '+12125551234', 'US'],
  ['12125551234', '', '+12125551234', 'US'],
  ['00881631234567', '00', '+881631234567', null],
  ['46500729221', '', '+46500729221', 'SE'],
  ['00442081234567,,123', '00', '+442081234567', 'GB'],
  ['9,,00442081234567', '900', '+442081234567', 'GB'],
  ['9*00442081234567', '9*00', '+442081234567', 'GB'],
  ['#31#00442081234567', '#31#00', '+442081234567', 'GB'],
  ['*31#+442081234567', '*31#+', '+442081234567', 'GB'],
  ['*99*900442081234567', '*99*900', '+442081234567', 'GB'],
  ['9%2B442081234567', '9+', '+442081234567', 'GB'],
  ['+00442081234567', '+00', '+442081234567', 'GB'],
  ['+44 (0)20 8123 4567', '+', '+442081234567', 'GB'],
  ['a900442081234567~', '900', '+442081234567', 'GB'],
  ['2081234567;phone-context=+44', '', '+442081234567', 'GB'],
  ['020-8123-4567;Phone-Context=+4.4', '0', '+442081234567', 'GB'],
  ['00442081234567;phone-context=+1', '00', '+442081234567', 'GB'],
] as const) {
  test(`describeNumber() of ${raw}: ${e164} behind ${dialPrefix || 'nothing'}`, () => {
    const details = describeNumber(raw)
    assert.deepEqual([details.class, details.e164, details.dialPrefix], ['number', e164, dialPrefix])
    const [first] = details.candidates
    assert.deepEqual([first?.e164, first?.dialPrefix, first?.country], [e164, dialPrefix, country])
    assert(first!.score > LIKELY)
  })
}

for (const [raw, is] of [
  ['100', 'extension'],
  ['1000', 'extension'],
  ['+112', 'extension'],
  ['911;phone-context=+1', 'extension'],
  ['*97#', 'feature-code'],
  ['#31#', 'feature-code'],
  ['alice', 'name'],
  ['', 'name'],
  ['99999999999', 'number'],
  ['4420812345678', 'number'],
] as const) {
  test(`describeNumber() of ${JSON.stringify(raw)}: ${is}`, () => {
    const { class: found, e164, dialPrefix } = describeNumber(raw)
    assert.deepEqual([found, e164, dialPrefix], [is, null, null])
  })
}

test('describeNumber() tells of an ambiguous string each number that it may be', () => {
  const { candidates } = describeNumber('8784946812410967')
  assert.deepEqual(
    candidates.map(({ e164, dialPrefix, score }) => [e164, dialPrefix, score]),
    [
      ['+46812410967', '87849', 7.75],
      ['+4946812410967', '878', 4.85],
    ],
  )
})

test('describeNumber() tells of a number that is likely mistyped what it may be, and takes it for none', () => {
  const { e164, candidates } = describeNumber('7442081234567')
  assert.equal(e164, null)
  assert.deepEqual(
    candidates.map((one) => one.e164),
    ['+442081234567'],
  )
  assert(candidates[0]!.score < LIKELY)
})

const signs = fc.constantFrom(
  '+',
  '00',
  '011',
  '9',
  '810',
  '*',
  '#',
  '-',
  ' ',
  '(0)',
  ',',
  ';phone-context=+44',
  '%2B',
  'a',
)
const numbers = fc.constantFrom('442081234567', '972598112101', '46812410967', '881631234567', '8835100000000')
const dialled = fc
  .array(fc.oneof(signs, numbers, fc.nat(99_999).map(String)), { maxLength: 6 })
  .map((parts) => parts.join(''))
const digitCount = (text: string): number => text.replace(/%2B/g, '').replace(/[^0-9]/g, '').length

test('describeNumber() takes any string, and makes no number longer than what was dialled', () => {
  fc.assert(
    fc.property(fc.oneof(dialled, fc.string({ unit: 'binary' })), (raw) => {
      const details = describeNumber(raw)
      assert.equal(details.e164, normalizeNumber(raw).e164)
      assert.equal(details.class === 'number', normalizeNumber(raw).digits.length >= 7)
      assert(details.candidates.length <= 3)
      const [first] = details.candidates
      if (details.e164 === null) assert(details.candidates.every(({ score }) => score < LIKELY))
      else assert.deepEqual([first?.e164, first?.dialPrefix], [details.e164, details.dialPrefix])
      if (details.class !== 'number') assert.deepEqual(details.candidates, [])
      for (const [i, { e164, score, dialPrefix }] of details.candidates.entries()) {
        assert(digitCount(e164) <= digitCount(raw), `${e164} of ${raw}`)
        assert.match(dialPrefix, /^[0-9+*#]*$/)
        assert(i === 0 || score <= details.candidates[i - 1]!.score)
        assert(score >= 4 && score <= 8)
      }
      assert.equal(new Set(details.candidates.map(({ e164 }) => e164)).size, details.candidates.length)
    }),
    { numRuns: 2000 },
  )
})

for (const [e164, country, numberType, isNonGeographic] of [
  ['+442081234567', 'GB', 'FIXED_LINE', false],
  ['+447400123456', 'GB', 'MOBILE', false],
  ['+449012345678', 'GB', 'PREMIUM_RATE', false],
  ['+448012345678', 'GB', null, false],
  ['+448081570000', 'GB', 'TOLL_FREE', false],
  ['+12125551234', 'US', 'FIXED_LINE_OR_MOBILE', false],
  ['+881631234567', null, 'MOBILE', true],
  ['+979123456789', null, 'PREMIUM_RATE', true],
  ['+80012345678', null, 'TOLL_FREE', false],
] as const) {
  test(`placeOf() of ${e164}`, () => assert.deepEqual(placeOf(e164), { country, numberType, isNonGeographic }))
}

test('dialPrefixesOf() counts the prefixes of all forms, the most frequent first', () => {
  const form = (raw: string, count: number) => ({ raw, count, lastSeenAt: 1 })
  const forms = [form('00442081234567', 2), form('900442081234567', 5), form('0044-2081234567', 4)]
  assert.deepEqual(dialPrefixesOf('+442081234567', forms), [
    { prefix: '00', count: 6 },
    { prefix: '900', count: 5 },
  ])
  assert.deepEqual(dialPrefixesOf('+442081234567', []), [])
  assert.deepEqual(dialPrefixesOf('1000', [form('1000', 9)]), [])
})

test('dialPrefixesOf() of a form is what describeNumber() says of it', () => {
  const parts = fc.array(fc.oneof(signs, fc.nat(9999).map(String)), { maxLength: 5 }).map((all) => all.join(''))
  fc.assert(
    fc.property(parts, numbers, fc.oneof(fc.constant(''), parts), (before, number, after) => {
      const raw = before + number + after
      const { e164, dialPrefix } = describeNumber(raw)
      if (e164 === null) return
      assert.deepEqual(dialPrefixesOf(e164, [{ raw, count: 1, lastSeenAt: 1 }]), [{ prefix: dialPrefix, count: 1 }])
    }),
    { numRuns: 5000 },
  )
})

test('describeNumber() answers from its cache with the same object, and forgets in time', () => {
  const first = describeNumber('442081234567')
  assert.equal(describeNumber('442081234567'), first)
  for (let i = 0; i < 2_000; i++) describeNumber(String(i))
  assert.notEqual(describeNumber('442081234567'), first)
})
