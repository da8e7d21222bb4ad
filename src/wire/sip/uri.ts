// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { GREATER, isToken, LESS, parseDecimal, trimBlank } from './_bytes.ts'
import { quotedEnd } from './_list.ts'

/** A URI as a SIP message carries it. Nothing is percent-decoded. RFC 3261 §19.1, RFC 3966. */
export type SipUri = {
  readonly scheme: string // lower case
  /** Before any `;parameters` and `:password`; the number of a tel URI; null when there is none. */
  readonly user: string | null
  /** What follows the user behind its first `;`, as `phone-context=+1`; null when nothing does. */
  readonly userParameters: string | null
  readonly password: string | null
  readonly host: string // with the brackets of an IPv6 address; empty in a tel URI; all the rest for any other scheme
  readonly port: number | null
  readonly parameters: ReadonlyMap<string, string> // names in lower case; '' when there is no value
  readonly headers: string | null // behind the `?`
}

/** An address with its parameters, as in From, To and Contact. */
export type NameAddr = {
  readonly displayName: string // without its quotes and escapes; '' when there is none
  readonly uri: string
  readonly parameters: Map<string, string> // names in lower case; '' when there is no value
}

/** Reads a URI; null when it is none, or a sip URI with a broken host or port. */
export function parseUri(text: string): SipUri | null {
  const colon = text.indexOf(':')
  if (colon < 1 || colon > 64 || colon === text.length - 1) return null
  const scheme = text.slice(0, colon).toLowerCase()
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme) || !isUriText(text)) return null
  const rest = text.slice(colon + 1)
  if (scheme === 'sip' || scheme === 'sips') return parseSipRest(scheme, rest)
  if (scheme === 'tel') {
    const [number, parameters] = cut(rest, ';')
    if (number === '') return null
    return { ...NO_PARTS, scheme, user: number, userParameters: parameters, parameters: parseParameters(parameters) }
  }
  return { ...NO_PARTS, scheme, host: rest }
}

const NO_PARTS = {
  user: null,
  userParameters: null,
  password: null,
  host: '',
  port: null,
  parameters: new Map<string, string>(),
  headers: null,
} as const

function parseSipRest(scheme: string, rest: string): SipUri | null {
  const at = rest.indexOf('@')
  const userInfo = at < 0 ? null : splitUserInfo(rest.slice(0, at))
  if (userInfo?.user === '') return null
  const [hostPortParameters, headers] = cut(rest.slice(at + 1), '?')
  const [hostPort, parameters] = cut(hostPortParameters, ';')
  const place = parseHostPort(hostPort)
  if (place === null) return null
  return { ...NO_PARTS, scheme, ...userInfo, ...place, parameters: parseParameters(parameters), headers }
}

/** The part of a URI before the `@`. The password may hold `;`, the user's parameters may not hold `:`. */
export function splitUserInfo(userInfo: string): {
  user: string
  userParameters: string | null
  password: string | null
} {
  const [beforePassword, password] = cut(userInfo, ':')
  const [user, userParameters] = cut(beforePassword, ';')
  return { user, userParameters, password }
}

/** host or host:port, IPv6 in brackets; null when it is neither. */
export function parseHostPort(text: string): { host: string; port: number | null } | null {
  const hostEnd = text.startsWith('[') ? text.indexOf(']') + 1 : indexOrEnd(text, ':')
  const host = text.slice(0, hostEnd)
  if (!isHost(host)) return null
  if (hostEnd === text.length) return { host, port: null }
  if (text[hostEnd] !== ':') return null
  const port = parseDecimal(text.slice(hostEnd + 1))
  return port === null || port > 65_535 ? null : { host, port }
}

function isHost(host: string): boolean {
  return /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?\])$/.test(host)
}

/** `name=value;name` with white space around the signs; the first of a name counts. */
function parseParameters(text: string | null): Map<string, string> {
  const parameters = new Map<string, string>()
  if (text === null) return parameters
  for (const part of text.split(';')) {
    const [name, value] = cut(part, '=')
    const key = trimBlank(name).toLowerCase()
    if (key !== '' && !parameters.has(key)) parameters.set(key, trimBlank(value ?? ''))
  }
  return parameters
}

/**
 * Reads a name-addr or an addr-spec with parameters. RFC 3261 §20.10, §25.1. Null when a quote or bracket is not
 * closed, when there is no URI, or when something other than parameters follows it.
 */
export function parseNameAddr(value: string): NameAddr | null {
  const text = trimBlank(value)
  if (text.startsWith('"')) {
    const end = quotedEnd(text, 0)
    if (end > text.length) return null
    const less = skipBlank(text, end)
    return text[less] === '<' ? parseAfterName(text, less, unquote(text.slice(0, end))) : null
  }
  const less = text.indexOf('<')
  if (less >= 0 && !text.slice(0, less).includes('"')) return parseAfterName(text, less, trimBlank(text.slice(0, less)))
  // Without brackets what follows the first semicolon belongs to the header, not to the URI.
  const [beforeParameters, rest] = cut(text, ';')
  const uri = trimBlank(beforeParameters)
  if (!uri.includes(':') || !isUriText(uri) || /[?,"]/.test(uri)) return null
  return withParameters('', uri, rest === null ? '' : `;${rest}`)
}

function parseAfterName(text: string, less: number, displayName: string): NameAddr | null {
  const greater = text.indexOf('>', less)
  if (greater < 0) return null
  const uri = trimBlank(text.slice(less + 1, greater))
  if (!uri.includes(':') || !isUriText(uri)) return null
  return withParameters(displayName, uri, text.slice(greater + 1))
}

function withParameters(displayName: string, uri: string, text: string): NameAddr | null {
  const parameters = parseHeaderParameters(text)
  return parameters && { displayName, uri, parameters }
}

/** `;name=value;name="quoted"`, from a semicolon to the end; null when it is anything else. */
export function parseHeaderParameters(text: string): Map<string, string> | null {
  const parameters = new Map<string, string>()
  let at = skipBlank(text, 0)
  while (at < text.length) {
    if (text[at] !== ';') return null
    const nameStart = skipBlank(text, at + 1)
    at = nameStart
    while (at < text.length && !'=; \t'.includes(text[at]!)) at++
    const name = text.slice(nameStart, at).toLowerCase()
    if (!isToken(name)) return null
    at = skipBlank(text, at)
    let value = ''
    if (text[at] === '=') {
      const valueStart = skipBlank(text, at + 1)
      at = text[valueStart] === '"' ? quotedEnd(text, valueStart) : valueEnd(text, valueStart)
      if (at > text.length) return null
      value = text[valueStart] === '"' ? unquote(text.slice(valueStart, at)) : text.slice(valueStart, at)
      at = skipBlank(text, at)
    }
    if (!parameters.has(name)) parameters.set(name, value)
  }
  return parameters
}

/** A value without quotes ends before a separator that cannot stand in one; brackets and colons of hosts can. */
function valueEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) > 0x20 && !';,<>"'.includes(text[at]!)) at++
  return at
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\([\s\S])/g, '$1')
}

function skipBlank(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

/** Whether it holds none of what ends a URI wherever it stands: white space, control characters, angle brackets. */
function isUriText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code <= 0x20 || code === 0x7f || code === LESS || code === GREATER) return false
  }
  return true
}

function indexOrEnd(text: string, part: string): number {
  const at = text.indexOf(part)
  return at < 0 ? text.length : at
}

/** What stands before and after the first `sign`; null for after when there is none. */
function cut(text: string, sign: string): [before: string, after: string | null] {
  const at = text.indexOf(sign)
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]
}
