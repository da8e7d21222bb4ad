// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createRequire } from 'node:module'
import { LruCache } from './_lru-cache.ts'

/** A dialled string read as a number. */
export type PhoneNumber = {
  readonly digits: string // of the first 64 characters, in order
  readonly e164: string | null // the likeliest number of the world's plan, with its +
  readonly value: string // e164, or else digits: what the number is stored under
}

const INPUT_SIZE_MAX = 64 // characters looked at
const DIGITS_MIN = 7 // fewer are an extension, RFC-less but what PBXs dial
const PREFIX_SIZE_MAX = 10 // digits that a dial prefix may have
const CACHE_SIZE = 4_096 // numbers

const cache = new LruCache<string, PhoneNumber>(CACHE_SIZE)

/**
 * Reads the number out of a dialled string. Callers who look for a way out of a PBX put prefixes before it (9, 00, 011,
 * 810 and their combinations), so each suffix is tried as an international number and the likeliest is taken.
 */
export function normalizeNumber(raw: string): PhoneNumber {
  const input = raw.slice(0, INPUT_SIZE_MAX)
  const known = cache.get(input)
  if (known !== undefined) return known
  const digits = percentDecoded(input).replace(/[^0-9]/g, '')
  const e164 = digits.length < DIGITS_MIN ? null : likeliestNumber(digits)
  const number = { digits, e164, value: e164 ?? digits }
  cache.set(input, number)
  return number
}

/** A raw string may come from a list that was written before decoding; %2B must not leave a 2 behind. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/**
 * Scores each suffix: 4 when it is a valid number, 3 when what was taken off looks like a dial prefix, less the longer
 * that is.
 */
function likeliestNumber(digits: string): string | null {
  const metadata = phoneLibrary()
  const tried = new Set<string>()
  let best: { number: string; score: number } | null = null
  for (let start = 0; start <= PREFIX_SIZE_MAX && start < digits.length; start++) {
    const suffix = digits.slice(start).replace(/^0+/, '')
    if (tried.has(suffix)) continue
    tried.add(suffix)
    const number = metadata.parsePhoneNumberFromString(`+${suffix}`)
    if (number === undefined || !number.isPossible()) continue
    const prefix = digits.slice(0, digits.length - suffix.length)
    const score = (number.isValid() ? 4 : 0) + (looksLikePrefix(prefix) ? 3 : 0) - prefix.length * 0.1
    if (best === null || score > best.score) best = { number: number.number, score }
  }
  return best !== null && best.score >= 3 ? best.number : null
}

function looksLikePrefix(prefix: string): boolean {
  return prefix === '' || /(?:00|011|810|9)$/.test(prefix)
}

type PhoneLibrary = typeof import('libphonenumber-js/max')
let library: PhoneLibrary | undefined

/** Loaded with the first number: it costs tens of milliseconds and megabytes that a node without calls never needs. */
function phoneLibrary(): PhoneLibrary {
  library ??= createRequire(import.meta.url)('libphonenumber-js/max') as PhoneLibrary
  return library
}
