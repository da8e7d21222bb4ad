// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SipMessage } from './message.ts'
import { parseNameAddr, splitUserInfo } from './uri.ts'

/** A number as a request dials it. */
export type DialledNumber = { readonly from: 'request-uri' | 'to'; readonly raw: string }

const URI_SIZE_MAX = 2_048 // characters looked at; a dialled string is far shorter

/**
 * The numbers that a request dials: the user of its Request-URI, then that of its To when it is another. Percent-decoded
 * once, without password and parameters. Users that are no dialled string (names, say) are left out.
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

/** An address in the usual form: perhaps a quoted name without escapes, and brackets. It needs no parser. */
const USUAL = /^(?:"[^"\\]*")?[^"<]*<([^">]*)/

/** The URI in an address; when the address is broken, what begins like a URI in it. */
function uriOf(address: string): string {
  const usual = USUAL.exec(address)
  if (usual !== null) return usual[1]!
  const parsed = parseNameAddr(address)
  if (parsed !== null) return parsed.uri
  const text = address.slice(0, URI_SIZE_MAX)
  const start = text.search(/\b(?:sips?|tel):/i)
  return start < 0 ? '' : text.slice(start).split(/[>\s]/, 1)[0]!
}

/** The user of a sip or sips URI, or the number of a tel URI, when it can be dialled; else null. */
function dialledString(uri: string): string | null {
  const scheme = /^<?[ \t]*(sips?|tel):/i.exec(uri)
  if (scheme === null) return null
  const rest = uri.slice(scheme[0].length, URI_SIZE_MAX)
  const at = rest.indexOf('@')
  if (at < 0 && scheme[1]!.toLowerCase() !== 'tel') return null
  const { user } = splitUserInfo(at < 0 ? rest : rest.slice(0, at))
  const dialled = user.includes('%') ? decodeOnce(user) : user
  return isDialled(dialled) ? dialled : null
}

function decodeOnce(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** At least one digit, and beside digits only what a telephone dials or separates with: + * # - . ( ). */
function isDialled(text: string): boolean {
  let hasDigit = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x30 && code <= 0x39) hasDigit = true
    else if (!'+*#-.()'.includes(text[i]!)) return false
  }
  return hasDigit
}
