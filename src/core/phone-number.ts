// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import {
  type Dialled,
  INPUT_SIZE_MAX,
  isDialPrefix,
  isInternationalPrefix,
  NUMBER_SIZE_MAX,
  NUMBER_SIZE_MIN,
  numberFrom,
  PREFIX_AFTER_PLUS,
  readDialled,
  START_MAX,
} from './_dialled.ts'
import { isValidToLibrary, numberPlans } from './_phone-library.ts'
import { RecentMap } from './recent-map.ts'

/** A dialled string read as a number. */
export type PhoneNumber = {
  /** Those of the first 64 characters, in order, without what is dialled after the number and without a phone-context. */
  readonly digits: string
  readonly e164: string | null // the likeliest number of the world's plan, with its +
  readonly value: string // e164, or else digits: what the number is known under
}

const CACHE_COUNT = 8_192

const cache = new RecentMap<string, PhoneNumber>(CACHE_COUNT)

/**
 * Reads the number out of a dialled string, as `900442081234567`, `+44 20 8123 4567` or, with a local number's context,
 * `2081234567;phone-context=+44`. Callers who look for a way out of a PBX put prefixes before the number (9, 00, 011,
 * 810 and combinations), so what remains after each possible prefix is tried as an international number. After a + only
 * the few of PREFIX_AFTER_PLUS are taken off. A number of less than 7 digits, and one that fits no country's plan, has no `e164`: a wrong number
 * would accuse someone who was never called.
 */
export function normalizeNumber(raw: string): PhoneNumber {
  const input = raw.length > INPUT_SIZE_MAX ? raw.slice(0, INPUT_SIZE_MAX) : raw
  const known = cache.get(input)
  if (known !== undefined) return known
  const dialled = readDialled(input)
  const e164 = dialled.digits.length < NUMBER_SIZE_MIN ? null : numberOf(dialled)
  const number = { digits: dialled.digits, e164, value: e164 ?? dialled.digits }
  // A part of a string keeps the whole alive: the cache holds a copy, not a message.
  cache.set(input.split('').join(''), number)
  return number
}

function numberOf({ afterPlus, local, context }: Dialled): string | null {
  if (afterPlus !== null) return validNumber(afterPlus) ?? validNumber(afterPlus.replace(PREFIX_AFTER_PLUS, ''))
  if (context === null) return numberBehindPrefix(local, isDialPrefix)
  return (
    validNumber(context + local) ??
    validNumber(context + local.replace(/^0/, '')) ??
    numberBehindPrefix(local, isInternationalPrefix)
  )
}

/** The first number that is left behind such a prefix: short prefixes are the likelier ones. */
function numberBehindPrefix(digits: string, isPrefix: (prefix: string, size: number) => boolean): string | null {
  for (let start = 0; start <= START_MAX; start++) {
    const number = numberFrom(digits, start)
    if (number === null || !isPrefix(digits.slice(0, digits.length - number.length), digits.length)) continue
    const valid = validNumber(number)
    if (valid !== null) return valid
  }
  return null
}

/** With its +, if it is a number of some country's plan digit by digit. */
export function validNumber(digits: string): string | null {
  if (digits.length < NUMBER_SIZE_MIN || digits.length > NUMBER_SIZE_MAX) return null
  const number = `+${digits}`
  return (numberPlans().isValid(digits) ?? isValidToLibrary(number)) ? number : null
}
