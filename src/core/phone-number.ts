// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createRequire } from 'node:module'
import { RecentMap } from './recent-map.ts'

/** A dialled string read as a number. */
export type PhoneNumber = {
  readonly digits: string // those of the first 64 characters, in order
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
 * Reads the number out of a dialled string. Callers who look for a way out of a PBX put prefixes before it (9, 00, 011,
 * 810 and combinations), so what remains after each possible prefix is tried as an international number.
 * A number of less than 7 digits, and one that fits no country's plan, has no `e164`.
 */
export function normalizeNumber(raw: string): PhoneNumber {
  const input = raw.length > INPUT_SIZE_MAX ? raw.slice(0, INPUT_SIZE_MAX) : raw
  const known = cache.get(input)
  if (known !== undefined) return known
  const digits = digitsOf(input)
  const e164 = likeliestNumber(digits)
  const number = { digits, e164, value: e164 ?? digits }
  // A part of a string keeps the whole alive: the cache holds a copy, not a message.
  cache.set(input.split('').join(''), number)
  return number
}

/** The digits in order. Percent escapes count as what they stand for. */
function digitsOf(text: string): string {
  let digits = ''
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === '%' ? text.slice(at + 1, at + 3) : ''
    const isEscape = /^[0-9A-Fa-f]{2}$/.test(hex)
    const code = isEscape ? Number.parseInt(hex, 16) : text.charCodeAt(at)
    if (isEscape) at += 2
    if (code >= 0x30 && code <= 0x39) digits += String.fromCharCode(code)
  }
  return digits
}

type Candidate = { readonly number: string; readonly score: number }

/** The best candidate that is a valid number. They are tried from the best down: asking the library is what costs. */
function likeliestNumber(digits: string): string | null {
  if (digits.length < NUMBER_SIZE_MIN) return null
  for (const { number } of candidatesOf(digits).sort((a, b) => b.score - a.score)) {
    const parsed = phoneLibrary().parsePhoneNumberFromString(`+${number}`)
    if (parsed?.isValid()) return parsed.number
  }
  return null
}

/** What is left of the digits after each prefix, if it begins with a country code and has the size of a number. */
function candidatesOf(digits: string): Candidate[] {
  const candidates: Candidate[] = []
  for (let start = 0; start <= START_MAX; start++) {
    if (start > 0 && digits[start] === '0') continue // the same as the next one
    const number = digits.slice(start).replace(/^0+/, '')
    if (number.length < NUMBER_SIZE_MIN) break
    if (number.length > NUMBER_SIZE_MAX || !hasCountryCode(number)) continue
    const prefix = digits.slice(0, digits.length - number.length)
    candidates.push({ number, score: (isDialPrefix(prefix) ? 3 : 0) - prefix.length / 10 })
  }
  return candidates
}

/** Nothing; or a way to an outside line, an international prefix (00, 011, 810), or something that ends in one. */
function isDialPrefix(prefix: string): boolean {
  return prefix === '' || /(?:00|011|810|9)$/.test(prefix)
}

function hasCountryCode(number: string): boolean {
  const { getCountries, getCountryCallingCode } = phoneLibrary()
  countryCodes ??= new Set([...getCountries().map((country) => getCountryCallingCode(country)), ...GLOBAL_CODES])
  for (let size = 1; size <= 3; size++) if (countryCodes.has(number.slice(0, size))) return true
  return false
}

/** Codes of services that belong to no country: free and shared cost calls, satellites, networks. */
const GLOBAL_CODES = ['800', '808', '870', '878', '881', '882', '883', '888', '979']
let countryCodes: ReadonlySet<string> | undefined

type PhoneLibrary = typeof import('libphonenumber-js/max')
let library: PhoneLibrary | undefined

/** Loaded with the first number: it costs tens of milliseconds and some megabytes that a node without calls never needs. */
function phoneLibrary(): PhoneLibrary {
  library ??= createRequire(import.meta.url)('libphonenumber-js/max') as PhoneLibrary
  return library
}
