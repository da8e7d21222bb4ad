// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isToken, parseDecimal } from './_bytes.ts'
import { readContentLength } from './_content-length.ts'
import type { DefectCode } from './_defects.ts'
import { splitList } from './_list.ts'
import { parseVia } from './_via.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr, parseUri } from './uri.ts'

const VIA_COUNT_MAX = 70
const ROUTE_COUNT_MAX = 64 // Route and Record-Route together
const CSEQ_LIMIT = 2 ** 31
const REQUIRED = ['via', 'from', 'to', 'call-id', 'cseq'] as const
/** Headers that stand at most once and that a server acts on. RFC 3261 §7.3.1, table 2 and 3. */
const SINGLE = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-type'] as const

type Found = { code: DefectCode; at: number }[]

/** Adds what is wrong beyond the lines themselves: the rules of RFC 3261 §8.2 and §16.3 on what headers must say. */
export function checkMessage(message: SipMessage, found: Found): void {
  const add = (code: DefectCode, at: number) => {
    if (!found.some((defect) => defect.code === code)) found.push({ code, at })
  }
  const atHeader = (name: string, index = 0) => message.ranges(name)[index]?.nameStart ?? message.start
  checkStartLine(message, add)
  for (const name of REQUIRED) if (message.header(name) === undefined) add(`${name}-missing`, message.bodyStart)
  for (const name of SINGLE) if (message.ranges(name).length > 1) add('header-repeated', atHeader(name, 1))
  checkAddresses(message, add, atHeader)
  checkRouting(message, add, atHeader)
  checkNumbers(message, add, atHeader)
  checkContentLength(message, add, atHeader)
}

type Add = (code: DefectCode, at: number) => void
type AtHeader = (name: string, index?: number) => number

function checkStartLine(message: SipMessage, add: Add): void {
  const { version, requestUri, start } = message
  if (version !== null && version.toUpperCase() !== 'SIP/2.0') add('version-unsupported', start)
  if (requestUri === null) return
  const uri = parseUri(requestUri)
  if (uri === null) add('uri-syntax', start)
  else if (!['sip', 'sips', 'tel'].includes(uri.scheme)) add('uri-scheme', start)
  else if (uri.headers !== null) add('uri-headers', start)
}

function checkAddresses(message: SipMessage, add: Add, atHeader: AtHeader): void {
  for (const name of ['from', 'to'] as const) {
    const value = message.header(name)
    if (value === undefined) continue
    const address = parseNameAddr(value)
    if (address === null || parseUri(address.uri) === null) add(`${name}-syntax`, atHeader(name))
    else if (!hasPlainName(value, address.displayName)) add('display-name-syntax', atHeader(name))
  }
  for (const [index, line] of message.headers('contact').entries()) {
    for (const value of splitList(line)) {
      if (value !== '*' && parseNameAddr(value) === null) add('contact-syntax', atHeader('contact', index))
    }
  }
}

function hasPlainName(value: string, displayName: string): boolean {
  if (value.startsWith('"') || displayName === '') return true
  return displayName.split(/[ \t]+/).every(isToken)
}

function checkRouting(message: SipMessage, add: Add, atHeader: AtHeader): void {
  const vias = message.headers('via')
  const top = vias[0]
  if (top !== undefined && parseVia(top) === null) add('via-syntax', atHeader('via'))
  if (vias.length > 0 && countValues(vias) > VIA_COUNT_MAX) add('too-many-vias', atHeader('via'))
  const routes = [...message.headers('route'), ...message.headers('record-route')]
  if (routes.length > 0 && countValues(routes) > ROUTE_COUNT_MAX) add('too-many-routes', atHeader('route'))
}

function countValues(lines: readonly string[]): number {
  return lines.reduce((count, line) => count + splitList(line).length, 0)
}

function checkNumbers(message: SipMessage, add: Add, atHeader: AtHeader): void {
  const cseq = message.cseq
  if (cseq !== null) {
    if (cseq.number >= CSEQ_LIMIT) add('cseq-range', atHeader('cseq'))
    if (message.kind === 'request' && cseq.method !== message.method) add('cseq-method', atHeader('cseq'))
  } else if (message.header('cseq') !== undefined) add('cseq-syntax', atHeader('cseq'))
  const maxForwards = message.header('max-forwards')
  if (maxForwards !== undefined) {
    const hops = parseDecimal(maxForwards)
    if (hops === null || hops > 255) add('max-forwards-syntax', atHeader('max-forwards'))
  } else if (message.kind === 'request') add('max-forwards-missing', message.bodyStart)
  const expires = message.header('expires')
  if (expires !== undefined && (parseDecimal(expires) ?? 2 ** 32) >= 2 ** 32) add('expires-syntax', atHeader('expires'))
  const date = message.header('date')
  if (date !== undefined && !date.endsWith(' GMT')) add('date-syntax', atHeader('date'))
}

/** RFC 3261 §18.3: a datagram may hold more than Content-Length says, but not less. */
function checkContentLength(message: SipMessage, add: Add, atHeader: AtHeader): void {
  const length = readContentLength(message.headers('content-length'))
  const available = message.end - message.bodyStart
  if (length.kind !== 'size') add(`content-length-${length.kind}`, atHeader('content-length'))
  else if (!message.complete) return
  else if (length.size > available) add('content-length-too-large', atHeader('content-length'))
  else if (length.size < available) add('trailing-bytes', message.bodyStart + length.size)
}
