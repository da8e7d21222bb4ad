// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export const INPUT_SIZE_MAX = 64 // characters looked at
export const NUMBER_SIZE_MIN = 7 // digits; fewer are an extension
export const NUMBER_SIZE_MAX = 15 // digits, ITU-T E.164 §6.1
export const START_MAX = 10 // digits that are tried as dial prefix, zeros after them apart

/** A dialled string in the parts that its number is looked for in. */
export type Dialled = {
  /** All digits of it, without those dialled after the number and those of a phone-context. */
  readonly digits: string
  /** The text that ends in the number, from which a dial prefix is told. */
  readonly text: string
  /** The digits behind a +, when they are enough for a number; then it is there or nowhere. */
  readonly afterPlus: string | null
  /** Else the digits before one, without those of a feature code. */
  readonly local: string
  /** The digits of the global prefix within which a local number is meant. RFC 3966 §5.1.5. */
  readonly context: string | null
}

/** A local number and its context. */
const IN_CONTEXT = /^([\s\S]*);phone-context=\+([-0-9.()]+)$/i

/** The number up to what is dialled once it answers: only behind enough digits, since prefixes hold pauses and stars too. */
const BEFORE_POST_DIAL = /^(?:[^0-9]*[0-9]){7}[^#*,;:=?&@pwx]*/i

/** A code that switches a feature, as *31#, or the star alone before a number. */
const FEATURE_CODE = /^[*#]+(?:[0-9]{1,4}[*#]+)*/

/** The national 0 in a number as people print it: +44 (0)20 8123 4567. */
const PRINTED_ZERO = /\(0\)/

/** Takes a dialled string apart; of a longer one its first 64 characters. */
export function readDialled(raw: string): Dialled {
  const text = decodeEscapes(raw.length > INPUT_SIZE_MAX ? raw.slice(0, INPUT_SIZE_MAX) : raw)
  const inContext = IN_CONTEXT.exec(text)
  const whole = inContext === null ? text : inContext[1]!
  const dialled = BEFORE_POST_DIAL.exec(whole)?.[0] ?? whole
  const context = inContext === null ? null : digitsOf(inContext[2]!)
  const digits = digitsOf(dialled)
  const plus = dialled.indexOf('+')
  const behind = plus < 0 ? '' : dialled.slice(plus).replace(PRINTED_ZERO, '')
  const afterPlus = digitsOf(behind)
  if (afterPlus.length >= NUMBER_SIZE_MIN)
    return { digits, text: dialled.slice(0, plus) + behind, afterPlus, local: '', context }
  const before = plus < 0 ? dialled : dialled.slice(0, plus)
  return { digits, text: before, afterPlus: null, local: digitsOf(before.replace(FEATURE_CODE, '')), context }
}

/** What a prefix ends in behind which a country code stands. */
const INTERNATIONAL_PREFIX = /(?:00|011|810)$/

export const isInternationalPrefix = (prefix: string): boolean => INTERNATIONAL_PREFIX.test(prefix)

/**
 * Nothing, the way to an outside line (9), or what ends in an international prefix. More digits before the 9 count only
 * when all are too many for a number: else this may be a number with a 9 in it that was mistyped.
 */
export function isDialPrefix(prefix: string, size: number): boolean {
  return /^9*$/.test(prefix) || isInternationalPrefix(prefix) || (size > NUMBER_SIZE_MAX && prefix.endsWith('9'))
}

/** What is left behind the first `start` digits and the zeros after them; null where that is the same as for the next start. */
export function numberFrom(digits: string, start: number): string | null {
  return start > 0 && digits[start] === '0' ? null : digits.slice(start).replace(/^0+/, '')
}

/**
 * Dial prefixes that stand behind a + by mistake. A country code begins with no zero, and a Turkish number (90) with
 * neither 0 nor 1. So many digits must follow that the whole is no number either of which one digit was left out. After
 * 9 or 810 alone it could be a number that was mistyped.
 */
export const PREFIX_AFTER_PLUS = /^(?:0{1,3}11|00+)(?=[1-9][0-9]{8})|^9(?:0{1,3}11|00+)(?=[1-9][0-9]{10})/

/** What was dialled before the last so many digits of the text: digits and the signs + * #, without what only separates. */
export function prefixBefore(text: string, digitCount: number): string {
  let at = text.length
  for (let left = digitCount; left > 0 && at > 0; ) {
    const code = text.charCodeAt(--at)
    if (code >= 0x30 && code <= 0x39) left--
  }
  return text.slice(0, at).replace(/[^0-9+*#]+/g, '')
}

/** Percent escapes as what they stand for. */
function decodeEscapes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function digitsOf(text: string): string {
  return text.replace(/[^0-9]+/g, '')
}
