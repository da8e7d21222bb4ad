// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SipMessage } from './message.ts'
import { parseNameAddr, splitUserInfo } from './uri.ts'

/**
 * A number as a request dials it: the user of the URI, percent-decoded once, without password and parameters. Only a
 * local number keeps its parameter `;phone-context=+…`, without which it is none. May hold any character, controls too.
 */
export type DialledNumber = { readonly from: 'request-uri' | 'to'; readonly raw: string }

const URI_SIZE_MAX = 2_048 // characters looked at; a dialled string is far shorter
const NUMBER_SIZE_MIN = 7 // digits; with fewer, letters make it a name

/**
 * The numbers that a request dials: that of its Request-URI, then that of its To when it is another. Users that are no
 * dialled string (names, say) are left out.
 */
export function calledNumbers(message: SipMessage): DialledNumber[] {
  if (message.kind !== 'request') return []
  const numbers: DialledNumber[] = []
  const requested = dialledString(message.requestUri ?? '')
  if (requested !== null) numbers.push({ from: 'request-uri', raw: requested })
  const to = message.header('to')
  const addressed = to === undefined ? null : dialledString(uriOf(to))
  if (addressed !== null && addressed !== requested) numbers.push({ from: 'to', raw: addressed })
  return numbers
}

/** The URI in an address; when the address is broken, what begins like a URI in it. */
function uriOf(address: string): string {
  const text = address.slice(0, URI_SIZE_MAX)
  return parseNameAddr(address)?.uri ?? /(?:^|[<\s])(?:sips?|tel):[^>]*/i.exec(text)?.[0] ?? ''
}

const CONTEXT = /(?:^|;)(phone-context=\+[-0-9.()]{1,20})(?:;|$)/i

/** The user of a sip or sips URI, or the number of a tel URI, when it can be dialled; else null. */
function dialledString(uri: string): string | null {
  const scheme = /^[<\s]*(sips?|tel):/i.exec(uri)
  if (scheme === null) return null
  const rest = uri.slice(scheme[0].length, URI_SIZE_MAX)
  const at = rest.indexOf('@')
  const { user, userParameters } = splitUserInfo(at < 0 ? rest : rest.slice(0, at))
  const dialled = decodeOnce(user)
  const isDialled = at >= 0 || scheme[1]!.toLowerCase() === 'tel' ? isDialledString(dialled) : isNumberAlone(dialled)
  if (!isDialled) return null
  const isLocal = !dialled.includes('+') && hasDigits(dialled, NUMBER_SIZE_MIN)
  const context = isLocal && userParameters !== null ? CONTEXT.exec(userParameters) : null
  return context === null ? dialled : `${dialled};${context[1]}`
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
