// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SipMessage } from './message.ts'
import { parseNameAddr, splitUserInfo } from './uri.ts'

const SCHEMES = ['sip:', 'sips:', 'tel:']
const URI_SIZE_MAX = 2_048 // characters looked at; a dialled string is far shorter

/**
 * The numbers that a request dials: the user of its Request-URI, then that of its To when it is another. Percent-decoded
 * once, without password and parameters. Users that are no dialled string (names, say) are left out.
 */
export function calledNumbers(message: SipMessage): { from: 'request-uri' | 'to'; raw: string }[] {
  if (message.kind !== 'request') return []
  const numbers: { from: 'request-uri' | 'to'; raw: string }[] = []
  const requested = dialledString(message.requestUri ?? '')
  if (requested !== null) numbers.push({ from: 'request-uri', raw: requested })
  const to = message.header('to')
  const addressed = to === undefined ? null : dialledString(uriOf(to))
  if (addressed !== null && addressed !== requested) numbers.push({ from: 'to', raw: addressed })
  return numbers
}

/** The URI in an address; when the address is broken, what begins like a URI in it. */
function uriOf(address: string): string {
  const parsed = parseNameAddr(address)
  if (parsed !== null) return parsed.uri
  const text = address.slice(0, URI_SIZE_MAX)
  const start = text.search(/\b(?:sips?|tel):/i)
  return start < 0 ? '' : text.slice(start).split(/[>\s]/, 1)[0]!
}

/** The user of a sip or sips URI, or the number of a tel URI, when it can be dialled; else null. */
function dialledString(uri: string): string | null {
  const text = uri.slice(0, URI_SIZE_MAX).replace(/^</, '')
  const scheme = SCHEMES.find((name) => text.slice(0, name.length).toLowerCase() === name)
  if (scheme === undefined) return null
  const rest = text.slice(scheme.length)
  const at = rest.indexOf('@')
  if (at < 0 && scheme !== 'tel:') return null
  const user = decodeOnce(splitUserInfo(at < 0 ? rest : rest.slice(0, at)).user)
  return /^[-0-9+*#.()]*$/.test(user) && /[0-9]/.test(user) ? user : null
}

function decodeOnce(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
