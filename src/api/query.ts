// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isIPv4 } from 'node:net'
import { canonicalIp } from '../core/address.ts'
import type { Indicator } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import type { Indicators } from '../store/types.ts'
import { Problem, quote } from './problem.ts'
import { TIME_RIGHT } from './schemas.ts'

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
// RFC 3339 §5.6. A space stands where a + was: that is what an unescaped + becomes in a query.
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)([Zz]|[-+ ]\d\d:\d\d)$/

/** A point in time as users write it, in ms since epoch; undefined stays so. */
export function parseTime(text: string | undefined, name: string, now: number): number | undefined {
  if (text === undefined) return undefined
  const relative = /^(\d{1,7})([smhd])$/.exec(text)
  if (relative !== null) return now - Number(relative[1]) * UNIT_MS[relative[2]!]!
  const at = parseRfc3339(text)
  if (!Number.isNaN(at)) return at
  throw new Problem('INVALID_PARAMETER', `${name} is ${quote(text)}. It must be: ${TIME_RIGHT}`, name)
}

function parseRfc3339(text: string): number {
  const match = RFC3339.exec(text)
  if (match === null) return Number.NaN
  const [, year, month, day, time, zone] = match
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (Number(day) > lastDay) return Number.NaN // Date.parse would make it March
  return Date.parse(`${year}-${month}-${day}T${time}${zone!.replace(' ', '+').toUpperCase()}`)
}

/** An address in its canonical form, or null. The system's check of IPv4 takes exactly what is canonical, and is quick. */
export const readIp = (text: string): string | null => (isIPv4(text) ? text : canonicalIp(text))

/** An address in any valid form, in its canonical one. */
export function parseIp(text: string, name = 'ip'): string {
  const ip = readIp(text)
  if (ip !== null) return ip
  const why = text.includes('/') ? 'is a range; ask for one address' : 'is no IPv4 or IPv6 address'
  throw new Problem('INVALID_ADDRESS', `${quote(text)} ${why}, such as 192.0.2.1 or 2001:db8::1`, name)
}

const DIALLED_LENGTH_MAX = 256
const DIALLED = /^[0-9+*#\-.() ]*[0-9][0-9+*#\-.() ]*$/

/** Whether it could have been dialled; spaces are for people. */
export function isDialled(text: string): boolean {
  return text.length <= DIALLED_LENGTH_MAX && DIALLED.test(text)
}

/** A number in any form; a leading space was a + that nobody escaped in a query. */
export function parseNumber(text: string, name = 'number'): string {
  const number = text.startsWith(' ') ? `+${text.slice(1)}` : text
  if (isDialled(number)) return number
  const right = 'It must hold a digit, and only digits and + * # - . ( ) beside it'
  throw new Problem('INVALID_NUMBER', `${quote(text)} cannot be dialled. ${right}`, name)
}

/** The indicator of a number, whichever of its forms is given. */
export function findNumber(indicators: Indicators, number: string): Indicator | undefined {
  const get = (value: string) => indicators.get('phone-number', value)
  const flipped = number.startsWith('+') ? number.slice(1) : `+${number}`
  return get(number) ?? get(normalizeNumber(number).value) ?? get(flipped)
}
