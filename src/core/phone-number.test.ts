// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalizeNumber } from './phone-number.ts'

for (const [raw, e164] of [
  ['900442081234567', '+442081234567'],
  ['981046500729221', '+46500729221'],
  ['90046322651795', '+46322651795'],
  ['14500972598112101', '+972598112101'],
  ['8810442070661000', '+442070661000'],
  ['0046322651795', '+46322651795'],
  ['%2B46322651795', '+46322651795'],
  ['*0046322651795', '+46322651795'],
  ['+442070661000', '+442070661000'],
  ['011442070661000', '+442070661000'],
  ['9011442070661000', '+442070661000'],
  ['00000000442070661000', '+442070661000'],
  ['7778900972595301123', '+972595301123'],
  ['8784946812410967', '+46812410967'],
  ['46-732-00-0441', '+46732000441'],
  ['+1 (212) 555.1234', '+12125551234'],
  ['12125551234', '+12125551234'],
  ['00881631234567', '+881631234567'],
] as const) {
  test(`normalizeNumber() of ${raw} is ${e164}`, () => {
    const number = normalizeNumber(raw)
    assert.equal(number.e164, e164)
    assert.equal(number.value, e164)
  })
}

for (const [raw, digits] of [
  ['100', '100'],
  ['1000', '1000'],
  ['+112', '112'],
  ['*97#', '97'],
  ['123456', '123456'],
  ['', ''],
  ['abc', ''],
  ['99999999999', '99999999999'],
  ['0000000000', '0000000000'],
  ['1234567', '1234567'],
  ['2125551234', '2125551234'],
] as const) {
  test(`normalizeNumber() of ${JSON.stringify(raw)} is no E.164 number`, () => {
    assert.deepEqual(normalizeNumber(raw), { digits, e164: null, value: digits })
  })
}

test('normalizeNumber() gives one value for all forms of a number', () => {
  const forms = [
    '442081234567',
    '+442081234567',
    '00442081234567',
    '900442081234567',
    '011442081234567',
    '+44 20 8123 4567',
    '%2b442081234567',
  ]
  assert.deepEqual(new Set(forms.map((form) => normalizeNumber(form).value)), new Set(['+442081234567']))
  assert.equal(normalizeNumber(normalizeNumber('900442081234567').value).value, '+442081234567')
})

test('normalizeNumber() looks at 64 characters and no more', () => {
  assert.equal(normalizeNumber('1'.repeat(1_000_000)).digits, '1'.repeat(64))
  assert.equal(normalizeNumber(`${' '.repeat(64)}442081234567`).digits, '')
})

test('normalizeNumber() takes any string', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (raw) => {
      const { digits, e164, value } = normalizeNumber(raw)
      assert.match(digits, /^[0-9]{0,64}$/)
      assert(e164 === null || /^\+[1-9][0-9]{6,14}$/.test(e164))
      assert.equal(value, e164 ?? digits)
    }),
  )
})

test('normalizeNumber() finds any valid number behind the usual prefixes', () => {
  const prefix = fc.constantFrom('', '+', '00', '011', '900', '9011', '000', '8810', '9810', '*00', '90000')
  const subscriber = fc.stringMatching(/^[0-9]{4}$/)
  fc.assert(
    fc.property(prefix, subscriber, (dialled, last) => {
      assert.equal(normalizeNumber(`${dialled}44208123${last}`).e164, `+44208123${last}`)
    }),
  )
})

test('normalizeNumber() answers from its cache with the same object, and forgets in time', () => {
  const first = normalizeNumber('442081234567')
  assert.equal(normalizeNumber('442081234567'), first)
  for (let i = 0; i < 10_000; i++) normalizeNumber(String(i))
  assert.notEqual(normalizeNumber('442081234567'), first)
})
