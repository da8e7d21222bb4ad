// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COMMA, isToken, isTokenByte, parseDecimal } from './_bytes.ts'
import { readContentLength } from './_content-length.ts'
import type { DefectCode } from './_defects.ts'
import { splitList } from './_list.ts'
import { isPlainAddress, plainUri, readPlainVia } from './_plain.ts'
import { parseVia } from './_via.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr, parseUri } from './uri.ts'

const VIA_COUNT_MAX = 70
const ROUTE_COUNT_MAX = 64 // Route and Record-Route together
const CSEQ_LIMIT = 2 ** 31
const REQUIRED = ['via', 'from', 'to', 'call-id', 'cseq'] as const
/** Headers that stand at most once and that a server acts on. RFC 3261 §7.3.1, tables 2 and 3. */
const SINGLE = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-type'] as const

type Found = { code: DefectCode; at: number }[]

/** Adds what is wrong beyond the lines themselves: the rules of RFC 3261 §8.2 and §16.3 on what headers must say. */
export function checkMessage(message: SipMessage, found: Found): void {
  checkStartLine(message, found)
  checkNames(message, found)
  for (const name of REQUIRED) if (message.find(name) < 0) add(found, `${name}-missing`, message.bodyStart)
  for (const name of SINGLE) {
    const first = message.find(name)
    const second = first < 0 ? -1 : message.find(name, first + 1)
    if (second >= 0) add(found, 'header-repeated', message.nameStart(second))
  }
  checkAddress(message, 'from', found)
  checkAddress(message, 'to', found)
  checkContacts(message, found)
  checkVias(message, found)
  checkRoutes(message, found)
  checkCseq(message, found)
  checkMaxForwards(message, found)
  checkExpires(message, found)
  checkContentLength(message, found)
}

function add(found: Found, code: DefectCode, at: number): void {
  for (const defect of found) if (defect.code === code) return
  found.push({ code, at })
}

function checkStartLine(message: SipMessage, found: Found): void {
  const { version, start } = message
  if (version !== null && version !== 'SIP/2.0' && version.toUpperCase() !== 'SIP/2.0') {
    add(found, 'version-unsupported', start)
  }
  if (message.uriEnd === message.uriStart) return
  if (plainUri(message.bytes, message.uriStart, message.uriEnd) === message.uriEnd) return
  const uri = parseUri(message.requestUri ?? '')
  if (uri === null) add(found, 'uri-syntax', message.uriStart)
  else if (!['sip', 'sips', 'tel'].includes(uri.scheme)) add(found, 'uri-scheme', message.uriStart)
  else if (uri.headers !== null) add(found, 'uri-headers', message.uriStart)
}

function checkNames(message: SipMessage, found: Found): void {
  for (let index = 0; index < message.fieldCount; index++) {
    const start = message.nameStart(index)
    const end = message.nameEnd(index)
    let at = start
    while (at < end && isTokenByte(message.bytes[at]!)) at++
    if (at < end || start === end) add(found, 'header-name-syntax', start)
  }
}

function checkAddress(message: SipMessage, name: 'from' | 'to', found: Found): void {
  const index = message.find(name)
  if (index < 0 || isPlainLine(message, index)) return
  const value = message.value(index)
  const address = parseNameAddr(value)
  const at = message.nameStart(index)
  if (address === null || parseUri(address.uri) === null) add(found, `${name}-syntax`, at)
  else checkLeniently(value, address.displayName, at, found)
}

function checkLeniently(value: string, displayName: string, at: number, found: Found): void {
  if (/<[ \t]|[ \t]>/.test(value)) add(found, 'address-space', at)
  if (value.startsWith('"') || displayName === '') return
  if (!displayName.split(/[ \t]+/).every(isToken)) add(found, 'display-name-syntax', at)
}

function checkContacts(message: SipMessage, found: Found): void {
  for (let index = message.find('contact'); index >= 0; index = message.find('contact', index + 1)) {
    if (isPlainLine(message, index)) continue
    for (const value of splitList(message.value(index))) {
      if (value !== '*' && parseNameAddr(value) === null) add(found, 'contact-syntax', message.nameStart(index))
    }
  }
}

function isPlainLine(message: SipMessage, index: number): boolean {
  if (message.isFolded(index)) return false
  return isPlainAddress(message.bytes, message.valueStart(index), message.valueEnd(index))
}

function checkVias(message: SipMessage, found: Found): void {
  const top = message.find('via')
  if (top < 0) return
  const isPlain = !message.isFolded(top) && readPlainVia(message.bytes, message.valueStart(top), message.valueEnd(top))
  if (!isPlain && parseVia(message.value(top)) === null) add(found, 'via-syntax', message.nameStart(top))
  if (countValues(message, 'via') > VIA_COUNT_MAX) add(found, 'too-many-vias', message.nameStart(top))
}

function checkRoutes(message: SipMessage, found: Found): void {
  const count = countValues(message, 'route') + countValues(message, 'record-route')
  if (count <= ROUTE_COUNT_MAX) return
  const index = Math.max(message.find('route'), message.find('record-route'))
  add(found, 'too-many-routes', message.nameStart(index))
}

/** How many values all lines of that name have. Only a line with a comma has to be split to know. */
function countValues(message: SipMessage, name: string): number {
  let count = 0
  for (let index = message.find(name); index >= 0; index = message.find(name, index + 1)) {
    count += hasComma(message, index) ? splitList(message.value(index)).length : 1
  }
  return count
}

function hasComma(message: SipMessage, index: number): boolean {
  const end = message.valueEnd(index)
  for (let at = message.valueStart(index); at < end; at++) if (message.bytes[at] === COMMA) return true
  return false
}

function checkCseq(message: SipMessage, found: Found): void {
  const index = message.find('cseq')
  if (index < 0) return
  const cseq = message.cseq
  const at = message.nameStart(index)
  if (cseq === null) add(found, 'cseq-syntax', at)
  else if (cseq.number >= CSEQ_LIMIT) add(found, 'cseq-range', at)
  if (cseq !== null && message.kind === 'request' && cseq.method !== message.method) add(found, 'cseq-method', at)
}

function checkMaxForwards(message: SipMessage, found: Found): void {
  const index = message.find('max-forwards')
  if (index < 0) {
    if (message.kind === 'request') add(found, 'max-forwards-missing', message.bodyStart)
    return
  }
  const hops = parseDecimal(message.value(index))
  if (hops === null || hops > 255) add(found, 'max-forwards-syntax', message.nameStart(index))
}

function checkExpires(message: SipMessage, found: Found): void {
  const expires = message.find('expires')
  if (expires >= 0 && (parseDecimal(message.value(expires)) ?? 2 ** 32) >= 2 ** 32) {
    add(found, 'expires-syntax', message.nameStart(expires))
  }
  const date = message.find('date')
  if (date >= 0 && !message.value(date).endsWith(' GMT')) add(found, 'date-syntax', message.nameStart(date))
}

/** RFC 3261 §18.3: a datagram may hold more than Content-Length says, but not less. */
function checkContentLength(message: SipMessage, found: Found): void {
  const index = message.find('content-length')
  const at = index < 0 ? message.bodyStart : message.nameStart(index)
  const length = readContentLength(message)
  const available = message.end - message.bodyStart
  if (length.kind !== 'size') add(found, `content-length-${length.kind}`, at)
  else if (!message.complete) return
  else if (length.size > available) add(found, 'content-length-too-large', at)
  else if (length.size < available) add(found, 'trailing-bytes', message.bodyStart + length.size)
}
