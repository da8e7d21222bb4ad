// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createRequire } from 'node:module'
import type { MetadataJson } from 'libphonenumber-js'
import { NumberPlans, type PlanData, type PlanSource } from './_number-plans.ts'
import { RecentMap } from './recent-map.ts'

/** A dialled string read as a number. */
export type PhoneNumber = {
  /** Those of the first 64 characters, in order, without what is dialled after the number and without a phone-context. */
  readonly digits: string
  readonly e164: string | null // the likeliest number of the world's plan, with its +
  readonly value: string // e164, or else digits: what the number is known under
}

const INPUT_SIZE_MAX = 64 // characters looked at
const NUMBER_SIZE_MIN = 7 // digits; fewer are an extension
const NUMBER_SIZE_MAX = 15 // digits, ITU-T E.164 §6.1
const START_MAX = 10 // digits that are tried as dial prefix, zeros after them apart
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
  const number = readNumber(decodeEscapes(input))
  // A part of a string keeps the whole alive: the cache holds a copy, not a message.
  cache.set(input.split('').join(''), number)
  return number
}

/** A local number and the global prefix within which it is meant. RFC 3966 §5.1.5. */
const IN_CONTEXT = /^([\s\S]*);phone-context=\+([-0-9.()]+)$/i

/** The number up to what is dialled once it answers: only behind enough digits, since prefixes hold pauses and stars too. */
const BEFORE_POST_DIAL = /^(?:[^0-9]*[0-9]){7}[^#*,;:=?&@pwx]*/i

/** A code that switches a feature, as *31#, or the star alone before a number. */
const FEATURE_CODE = /^[*#]+(?:[0-9]{1,4}[*#]+)*/

/** The national 0 in a number as people print it: +44 (0)20 8123 4567. */
const PRINTED_ZERO = /\(0\)/

function readNumber(text: string): PhoneNumber {
  const local = IN_CONTEXT.exec(text)
  const whole = local === null ? text : local[1]!
  const dialled = BEFORE_POST_DIAL.exec(whole)?.[0] ?? whole
  const digits = digitsOf(dialled)
  const e164 = digits.length < NUMBER_SIZE_MIN ? null : numberOf(dialled, local === null ? null : digitsOf(local[2]!))
  return { digits, e164, value: e164 ?? digits }
}

function numberOf(dialled: string, context: string | null): string | null {
  const plus = dialled.indexOf('+')
  const afterPlus = plus < 0 ? '' : digitsOf(dialled.slice(plus).replace(PRINTED_ZERO, ''))
  if (afterPlus.length >= NUMBER_SIZE_MIN)
    return validNumber(afterPlus) ?? validNumber(afterPlus.replace(PREFIX_AFTER_PLUS, ''))
  const beforePlus = digitsOf((plus < 0 ? dialled : dialled.slice(0, plus)).replace(FEATURE_CODE, ''))
  if (context === null) return numberBehindPrefix(beforePlus, isDialPrefix)
  const isInternational = (prefix: string): boolean => INTERNATIONAL_PREFIX.test(prefix)
  return (
    validNumber(context + beforePlus) ??
    validNumber(context + beforePlus.replace(/^0/, '')) ??
    numberBehindPrefix(beforePlus, isInternational)
  )
}

/** What a prefix ends in behind which a country code stands. */
const INTERNATIONAL_PREFIX = /(?:00|011|810)$/

/**
 * Nothing, the way to an outside line (9), or what ends in an international prefix. More digits before the 9 count only
 * when all are too many for a number: else this may be a number with a 9 in it that was mistyped.
 */
function isDialPrefix(prefix: string, size: number): boolean {
  return /^9*$/.test(prefix) || INTERNATIONAL_PREFIX.test(prefix) || (size > NUMBER_SIZE_MAX && prefix.endsWith('9'))
}

/** The first number that is left behind such a prefix: short prefixes are the likelier ones. */
function numberBehindPrefix(digits: string, isPrefix: (prefix: string, size: number) => boolean): string | null {
  for (let start = 0; start <= START_MAX; start++) {
    if (start > 0 && digits[start] === '0') continue // the same as the next one
    const number = digits.slice(start).replace(/^0+/, '')
    const prefix = digits.slice(0, digits.length - number.length)
    const valid = isPrefix(prefix, digits.length) ? validNumber(number) : null
    if (valid !== null) return valid
  }
  return null
}

/**
 * Dial prefixes that stand behind a + by mistake. A country code begins with no zero, and a Turkish number (90) with
 * neither 0 nor 1. So many digits must follow that the whole is no number either of which one digit was left out. After
 * 9 or 810 alone it could be a number that was mistyped.
 */
const PREFIX_AFTER_PLUS = /^(?:0{1,3}11|00+)(?=[1-9][0-9]{8})|^9(?:0{1,3}11|00+)(?=[1-9][0-9]{10})/

/** With its +, if it is a number of some country's plan digit by digit. The library alone would drop what does not fit. */
function validNumber(digits: string): string | null {
  if (digits.length < NUMBER_SIZE_MIN || digits.length > NUMBER_SIZE_MAX) return null
  const number = `+${digits}`
  return (numberPlans().isValid(digits) ?? isValidToLibrary(number)) ? number : null
}

function isValidToLibrary(number: string): boolean {
  const parsed = phoneLibrary().parsePhoneNumberFromString(number, phoneMetadata())
  return parsed?.isValid() === true && parsed.number === number
}

/** Percent escapes as what they stand for. */
function decodeEscapes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function digitsOf(text: string): string {
  return text.replace(/[^0-9]+/g, '')
}

type PhoneLibrary = typeof import('libphonenumber-js/core')
const require = createRequire(import.meta.url)
let library: PhoneLibrary | undefined
let metadata: MetadataJson | undefined
let plans: NumberPlans | undefined

/** Loaded with the first number: it costs tens of milliseconds and some megabytes that a node without calls never needs. */
function phoneLibrary(): PhoneLibrary {
  library ??= require('libphonenumber-js/core') as PhoneLibrary
  return library
}

function phoneMetadata(): MetadataJson {
  metadata ??= require('libphonenumber-js/max/metadata') as MetadataJson
  return metadata
}

function numberPlans(): NumberPlans {
  plans ??= new NumberPlans(planSource())
  return plans
}

/** The library's class for its data; its published types leave out most of what that tells. */
type Metadata = {
  hasCallingCode(code: string): boolean
  getCountryCodesForCallingCode(code: string): readonly string[] | undefined
  selectNumberingPlan(countryOrCode: string): { readonly numberingPlan: PlanData }
}

function planSource(): PlanSource {
  const data = new (phoneLibrary().Metadata)(phoneMetadata()) as unknown as Metadata
  return {
    hasCallingCode: (code) => data.hasCallingCode(code),
    countriesOf: (code) => data.getCountryCodesForCallingCode(code),
    plan: (countryOrCode) => data.selectNumberingPlan(countryOrCode).numberingPlan,
  }
}
