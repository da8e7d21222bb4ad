// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CountryCode, getCountries, getExampleNumber, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import { seededRandom } from '../../test/support/sip-mutator.ts'
import { placeOf } from './number-details.ts'
import { normalizeNumber } from './phone-number.ts'

const CASES_PER_COUNTRY = 60
const CASE_COUNT = 30_000

/** Where a valid number is, as the library has it; null when it is none. */
function placeToLibrary(number: string) {
  const parsed = parsePhoneNumberFromString(number)
  if (parsed?.isValid() !== true || parsed.number !== number) return null
  return { country: parsed.country ?? null, numberType: parsed.getType() ?? null }
}

/** A number behind + is taken as it is: only there it can be compared digit by digit. */
function check(digits: string): boolean {
  const number = `+${digits}`
  const place = placeToLibrary(number)
  const { e164 } = normalizeNumber(number)
  if (place === null) assert.notEqual(e164, number)
  else {
    assert.equal(e164, number)
    const { country, numberType } = placeOf(number)
    assert.deepEqual({ country, numberType }, place, number)
  }
  return place !== null
}

const exampleOf = (country: CountryCode): string => getExampleNumber(country, examples)?.number.slice(1) ?? ''

test('numbers like those of each country, and their neighbours, are what the library says they are', () => {
  const random = seededRandom(7)
  let validCount = 0
  for (const country of getCountries()) {
    const example = exampleOf(country)
    assert(check(example), country)
    for (let i = 0; i < CASES_PER_COUNTRY; i++) {
      const at = random.below(example.length)
      const rest = example.slice(at + random.below(3))
      if (check(`${example.slice(0, at)}${random.below(100)}${rest}`)) validCount++
    }
  }
  assert(validCount > 1000, String(validCount))
})

test(`${CASE_COUNT} made-up numbers are what the library says they are`, () => {
  const random = seededRandom(11)
  const codes = getCountries().map((country) => exampleOf(country).slice(0, 1 + random.below(4)))
  for (let i = 0; i < CASE_COUNT; i++) {
    const size = 7 + random.below(9)
    let digits = i % 3 === 0 ? '' : (codes[random.below(codes.length)] ?? '')
    while (digits.length < size) digits += random.below(10)
    check(digits)
  }
})
