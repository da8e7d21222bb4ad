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
  ['46500729221', '+46500729221'],
  ['*0046500729221', '+46500729221'],
  ['+442081234567#1', '+442081234567'],
  ['+442081234567*12', '+442081234567'],
  ['00442081234567,,123', '+442081234567'],
  ['00442081234567;ext=5', '+442081234567'],
  ['00442081234567p123', '+442081234567'],
  ['00442081234567W123', '+442081234567'],
  ['+44 20 8123 4567 ext. 5', '+442081234567'],
  ['00442081234567+1', '+442081234567'],
  ['9,,00442081234567', '+442081234567'],
  ['#31#00442081234567', '+442081234567'],
  ['*31#+442081234567', '+442081234567'],
  ['*99*900442081234567', '+442081234567'],
  ['9%2B442081234567', '+442081234567'],
  ['+00442081234567', '+442081234567'],
  ['+011442081234567', '+442081234567'],
  ['+900442081234567', '+442081234567'],
  ['+44 (0)20 8123 4567', '+442081234567'],
  ['a900442081234567~', '+442081234567'],
  ['900442081234567\0', '+442081234567'],
  ['2081234567;phone-context=+44', '+442081234567'],
  ['020-8123-4567;Phone-Context=+4.4', '+442081234567'],
  ['00442081234567;phone-context=+1', '+442081234567'],
  ['2081234567;x;phone-context=+44', '+442081234567'],
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
  ['+4420812345678', '4420812345678'],
  ['+331456712345', '331456712345'],
  ['+0442081234567', '0442081234567'],
  ['+9442081234567', '9442081234567'],
  ['+4402081234567', '4402081234567'],
  ['4420812345678', '4420812345678'],
  ['7442081234567', '7442081234567'],
  ['4479123456789', '4479123456789'],
  ['100#1', '1001'],
  ['2125551234#46', '2125551234'],
  ['12345678;phone-context=+1', '12345678'],
  ['46500729221;phone-context=+1', '46500729221'],
  ['911;phone-context=+1', '911'],
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

// The library's example mobile numbers of 45 countries.
const EXAMPLES =
  `12015550123 447400123456 4915123456789 33612345678 393123456789 34612345678 46701234567 4740612345 4534412345
  358412345678 31612345678 32450001234 41781234567 43664123456 48512345678 420601123456 79123456789 380501234567
  905012345678 972502345678 970599123456 201001234567 212650123456 213551234567 21620123456 2348021234567 254712123456
  27711234567 918123456789 923012345678 8801812345678 94712345678 8613123456789 819012345678 821020000000 61412345678
  64211234567 5511961234567 5491123456789 522221234567 5351234567 37121234567 37251234567 25271123456 263712345678`.split(
    /\s+/,
  )

/** What is dialled here is also, digit by digit, a number of Sri Lanka, of a worldwide service, of Iraq, of Pakistan. */
const AMBIGUOUS = new Set(['94740612345', '979123456789', '964211234567', '925271123456'])

for (const prefix of ['', '+', '00', '900', '011', '9011', '000', '9', '810', '8810', '+00', '*31#']) {
  test(`normalizeNumber() finds the numbers of 45 countries behind ${JSON.stringify(prefix)}`, () => {
    for (const number of EXAMPLES) {
      const dialled = prefix + number
      const expected = AMBIGUOUS.has(dialled) ? dialled : number
      assert.equal(normalizeNumber(dialled).e164, `+${expected}`, dialled)
    }
  })
}

test('normalizeNumber() makes no other number of one that is mistyped behind a +', () => {
  for (const number of EXAMPLES) {
    for (const mistyped of mistypedForms(number)) {
      const { e164 } = normalizeNumber(`+${mistyped}`)
      assert(e164 === null || e164 === `+${number}` || e164 === `+${mistyped}`, `+${mistyped} became ${e164}`)
    }
  }
})

/** With one digit too many, anywhere; and with one missing. */
function mistypedForms(number: string): Set<string> {
  const forms = new Set<string>()
  for (let at = 0; at <= number.length; at++) {
    for (let digit = 0; digit <= 9; digit++) forms.add(number.slice(0, at) + digit + number.slice(at))
    if (at < number.length) forms.add(number.slice(0, at) + number.slice(at + 1))
  }
  return forms
}

test('normalizeNumber() keeps to the number behind a +, whatever is dialled after it', () => {
  const after = fc.stringMatching(/^[#*,;pwx][0-9#*,;pwx]{0,20}$/)
  fc.assert(
    fc.property(fc.constantFrom(...EXAMPLES), after, (number, postDial) => {
      assert.equal(normalizeNumber(`+${number}${postDial}`).e164, `+${number}`)
    }),
  )
})

test('normalizeNumber() does not mix up in its cache what differs in context or sign', () => {
  const forms = ['2015550123;phone-context=+1', '2015550123', '2015550123;phone-context=+46', '9+2015550123']
  const read = () => forms.map((form) => normalizeNumber(form).e164)
  const first = read()
  assert.deepEqual(first, ['+12015550123', '+2015550123', null, '+2015550123'])
  assert.deepEqual(read(), first)
})

test('normalizeNumber() answers from its cache with the same object, and forgets in time', () => {
  const first = normalizeNumber('442081234567')
  assert.equal(normalizeNumber('442081234567'), first)
  for (let i = 0; i < 10_000; i++) normalizeNumber(String(i))
  assert.notEqual(normalizeNumber('442081234567'), first)
})
