// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { splitList } from './_list.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr, splitUserInfo } from './uri.ts'

/** Where a number may stand: the first three ask for a call to it, the others only name it. */
export type NumberSource = 'request-uri' | 'to' | 'refer-to' | 'diversion' | 'p-called-party-id'

/**
 * A number as a request dials it: the user of the URI, percent-decoded once, without password and parameters. Only a
 * local number keeps its parameter `;phone-context=+…`, without which it is none. May hold any character, controls too.
 */
export type DialledNumber = { readonly from: NumberSource; readonly raw: string }

const URI_SIZE_MAX = 2_048 // characters looked at; a dialled string is far shorter
const NUMBER_SIZE_MIN = 7 // digits; with fewer, letters make it a name
const CALLED_COUNT_MAX = 2
const OTHER_COUNT_MAX = 8
const ADDRESS_COUNT_MAX = 32 // looked at in all headers of a name

/**
 * The numbers that a request dials: that of its Request-URI, then that of its To when it is another, then that to which
 * it refers (RFC 3515), two in all. Users that are no dialled string (names, say) are left out.
 */
export function calledNumbers(message: SipMessage): DialledNumber[] {
  if (message.kind !== 'request') return []
  return dialledNumbers(message).slice(0, CALLED_COUNT_MAX)
}

/**
 * The other numbers in a request, which are evidence and no more: a third that it dials, and those that it tells of.
 * Diversion (RFC 5806) names who is said to have forwarded the call, P-Called-Party-ID (RFC 7315 §4.2) whom somebody
 * is said to have called before: nobody asks us to call these.
 */
export function otherNumbers(message: SipMessage): DialledNumber[] {
  if (message.kind !== 'request') return []
  const dialled = dialledNumbers(message)
  const known = new Set(dialled.map(({ raw }) => raw))
  const others = dialled.slice(CALLED_COUNT_MAX)
  for (const from of ['diversion', 'p-called-party-id'] as const) {
    for (const address of message.headers(from).flatMap(splitList).slice(0, ADDRESS_COUNT_MAX)) {
      const raw = dialledString(uriOf(address))
      if (raw !== null && !known.has(raw)) others.push({ from, raw })
      if (raw !== null) known.add(raw)
    }
  }
  return others.slice(0, OTHER_COUNT_MAX)
}

function dialledNumbers(message: SipMessage): DialledNumber[] {
  const numbers: DialledNumber[] = []
  const requested = dialledString(message.requestUri ?? '')
  if (requested !== null) numbers.push({ from: 'request-uri', raw: requested })
  for (const from of ['to', 'refer-to'] as const) {
    const address = message.header(from)
    const raw = address === undefined ? null : dialledString(uriOf(address))
    if (raw !== null && numbers.every((number) => number.raw !== raw)) numbers.push({ from, raw })
  }
  return numbers
}

/** The user of To, percent-decoded once: whom a REGISTER wants to be, or whom another request asks for. */
export function askedUser(message: SipMessage): string | null {
  const to = message.header('to')
  const parts = to === undefined ? null : partsOf(uriOf(to))
  return parts?.isAddress === true && parts.user !== '' ? parts.user : null
}

/** The URI in an address; when the address is broken, what begins like a URI in it. */
function uriOf(address: string): string {
  const text = address.slice(0, URI_SIZE_MAX)
  return parseNameAddr(address)?.uri ?? /(?:^|[<\s])(?:sips?|tel):[^>]*/i.exec(text)?.[0] ?? ''
}

const CONTEXT = /(?:^|;)(phone-context=\+[-0-9.()]{1,20})(?:;|$)/i

/** The user of a sip or sips URI, or the number of a tel URI, when it can be dialled; else null. */
function dialledString(uri: string): string | null {
  const parts = partsOf(uri)
  if (parts === null) return null
  const { isAddress, user, userParameters } = parts
  if (!(isAddress ? isDialledString(user) : isNumberAlone(user))) return null
  const isLocal = !user.includes('+') && hasDigits(user, NUMBER_SIZE_MIN)
  const context = isLocal && userParameters !== null ? CONTEXT.exec(userParameters) : null
  return context === null ? user : `${user};${context[1]}`
}

/** What stands before the `@` of a sip URI, or all of it, or the number of a tel URI; percent-decoded once. */
function partsOf(uri: string): { isAddress: boolean; user: string; userParameters: string | null } | null {
  const scheme = /^[<\s]*(sips?|tel):/i.exec(uri)
  if (scheme === null) return null
  const rest = uri.slice(scheme[0].length, URI_SIZE_MAX)
  const at = rest.indexOf('@')
  const { user, userParameters } = splitUserInfo(at < 0 ? rest : rest.slice(0, at))
  return { isAddress: at >= 0 || scheme[1]!.toLowerCase() === 'tel', user: decodeOnce(user), userParameters }
}

function decodeOnce(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Enough digits for a number, whatever else; or some, and beside them only what a telephone dials or separates with. */
function isDialledString(text: string): boolean {
  return hasDigits(text, NUMBER_SIZE_MIN) || (/^[-0-9+*#.()]+$/.test(text) && hasDigits(text, 1))
}

/** Whether a number stands where the host of a URI without user should. An IPv4 address has dots, and is none. */
function isNumberAlone(text: string): boolean {
  return /^[-0-9+*#()]+$/.test(text) && hasDigits(text, NUMBER_SIZE_MIN)
}

function hasDigits(text: string, countMin: number): boolean {
  let count = 0
  for (let i = 0; i < text.length && count < countMin; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x30 && code <= 0x39) count++
  }
  return count >= countMin
}
