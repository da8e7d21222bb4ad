// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COMMA, isToken, isTokenByte, matchesAt } from './_bytes.ts'
import { readContentLength } from './_content-length.ts'
import type { DefectCode } from './_defects.ts'
import { ID_COUNT, nameId } from './_header-names.ts'
import { splitList } from './_list.ts'
import { isPlainAddress, isPlainVia, plainUri } from './_plain.ts'
import { parseVia } from './_via.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr, parseUri } from './uri.ts'

const VIA_COUNT_MAX = 70
const ROUTE_COUNT_MAX = 64 // Route and Record-Route together
const CSEQ_LIMIT = 2 ** 31 // RFC 3261 §8.1.1.5
const DELTA_SECONDS_LIMIT = 2 ** 32 // RFC 3261 §20.19

type Found = { code: DefectCode; at: number }[]
type Check = (message: SipMessage, index: number, found: Found) => void

/** What is asked of the first line of a name. */
const CHECKS: readonly (Check | undefined)[] = byId<Check>({
  from: (message, index, found) => checkAddress(message, index, 'from-syntax', found),
  to: (message, index, found) => checkAddress(message, index, 'to-syntax', found),
  via: checkVia,
  cseq: checkCseq,
  'max-forwards': checkMaxForwards,
  expires: checkExpires,
  date: checkDate,
})

/** Headers that a request or response cannot do without. RFC 3261 §8.1.1. */
const REQUIRED = (['via', 'from', 'to', 'call-id', 'cseq'] as const).map((name) => ({ name, id: nameId(name) }))

/** Headers that stand at most once and that a server acts on. RFC 3261 §7.3.1, tables 2 and 3. */
const SINGLE = byId({ from: true, to: true, 'call-id': true, cseq: true, 'max-forwards': true, 'content-type': true })

const [VIA, ROUTE, RECORD_ROUTE, CONTACT] = ['via', 'route', 'record-route', 'contact'].map(nameId)
const MAX_FORWARDS = nameId('max-forwards')
const lineCounts = new Int32Array(ID_COUNT) // of the message that is being checked, by the number of the name

function byId<T>(table: Readonly<Record<string, T>>): (T | undefined)[] {
  const list = new Array<T | undefined>(ID_COUNT).fill(undefined)
  for (const [name, value] of Object.entries(table)) list[nameId(name)] = value
  return list
}

/** Adds what is wrong beyond the lines themselves: the rules of RFC 3261 §8.2 and §16.3 on what headers must say. */
export function checkMessage(message: SipMessage, found: Found): void {
  checkStartLine(message, found)
  lineCounts.fill(0)
  let viaCount = 0
  let routeCount = 0
  for (let index = 0; index < message.fieldCount; index++) {
    checkName(message, index, found)
    const id = message.nameId(index)
    const nth = ++lineCounts[id]!
    if (nth === 1) CHECKS[id]?.(message, index, found)
    if (nth === 2 && SINGLE[id]) add(found, 'header-repeated', message.nameStart(index))
    if (id === CONTACT) checkContacts(message, index, found)
    if (id === VIA) viaCount += countValues(message, index)
    if (id === ROUTE || id === RECORD_ROUTE) routeCount += countValues(message, index)
  }
  for (const { name, id } of REQUIRED) if (lineCounts[id] === 0) add(found, `${name}-missing`, message.bodyStart)
  if (message.kind === 'request' && lineCounts[MAX_FORWARDS] === 0) {
    add(found, 'max-forwards-missing', message.bodyStart)
  }
  if (viaCount > VIA_COUNT_MAX) add(found, 'too-many-vias', message.bodyStart)
  if (routeCount > ROUTE_COUNT_MAX) add(found, 'too-many-routes', message.bodyStart)
  checkContentLength(message, found)
}

function add(found: Found, code: DefectCode, at: number): void {
  for (const defect of found) if (defect.code === code) return
  found.push({ code, at })
}

function checkStartLine(message: SipMessage, found: Found): void {
  const { bytes, versionStart, versionEnd, uriStart, uriEnd } = message
  const is20 = versionEnd - versionStart === 7 && matchesAt(bytes, versionStart, versionEnd, 'sip/2.0')
  if (!is20 && versionEnd > versionStart) add(found, 'version-unsupported', versionStart)
  if (uriEnd === uriStart || plainUri(bytes, uriStart, uriEnd) === uriEnd) return
  const uri = parseUri(message.requestUri ?? '')
  if (uri === null) add(found, 'uri-syntax', uriStart)
  else if (!['sip', 'sips', 'tel'].includes(uri.scheme)) add(found, 'uri-scheme', uriStart)
  else if (uri.headers !== null) add(found, 'uri-headers', uriStart)
}

function checkName(message: SipMessage, index: number, found: Found): void {
  const start = message.nameStart(index)
  const end = message.nameEnd(index)
  let at = start
  while (at < end && isTokenByte(message.bytes[at]!)) at++
  if (at < end || start === end) add(found, 'header-name-syntax', start)
}

function checkAddress(message: SipMessage, index: number, code: DefectCode, found: Found): void {
  if (isPlainLine(message, index)) return
  const value = message.value(index)
  const address = parseNameAddr(value)
  const at = message.nameStart(index)
  if (address === null || parseUri(address.uri) === null) add(found, code, at)
  if (address === null) return
  if (/<[ \t]|[ \t]>/.test(value)) add(found, 'address-space', at)
  const isQuoted = value.startsWith('"') || address.displayName === ''
  if (!isQuoted && !address.displayName.split(/[ \t]+/).every(isToken)) add(found, 'display-name-syntax', at)
}

function checkContacts(message: SipMessage, index: number, found: Found): void {
  if (isPlainLine(message, index)) return
  const isGood = splitList(message.value(index)).every((value) => value === '*' || parseNameAddr(value) !== null)
  if (!isGood) add(found, 'contact-syntax', message.nameStart(index))
}

function isPlainLine(message: SipMessage, index: number): boolean {
  if (message.isFolded(index)) return false
  return isPlainAddress(message.bytes, message.valueStart(index), message.valueEnd(index))
}

function checkVia(message: SipMessage, index: number, found: Found): void {
  const isPlain =
    !message.isFolded(index) && isPlainVia(message.bytes, message.valueStart(index), message.valueEnd(index))
  if (!isPlain && parseVia(message.value(index)) === null) add(found, 'via-syntax', message.nameStart(index))
}

/** How many values a line has. Only one with a comma has to be split to know. */
function countValues(message: SipMessage, index: number): number {
  const end = message.valueEnd(index)
  for (let at = message.valueStart(index); at < end; at++) {
    if (message.bytes[at] === COMMA) return splitList(message.value(index)).length
  }
  return 1
}

function checkCseq(message: SipMessage, index: number, found: Found): void {
  const cseq = message.cseq
  const at = message.nameStart(index)
  if (cseq === null) add(found, 'cseq-syntax', at)
  if (cseq === null) return
  if (cseq.number >= CSEQ_LIMIT) add(found, 'cseq-range', at)
  if (message.kind === 'request' && cseq.method !== message.method) add(found, 'cseq-method', at)
}

function checkMaxForwards(message: SipMessage, index: number, found: Found): void {
  const hops = message.number(index)
  if (hops < 0 || hops > 255) add(found, 'max-forwards-syntax', message.nameStart(index))
}

function checkExpires(message: SipMessage, index: number, found: Found): void {
  const seconds = message.number(index)
  if (seconds < 0 || seconds >= DELTA_SECONDS_LIMIT) add(found, 'expires-syntax', message.nameStart(index))
}

function checkDate(message: SipMessage, index: number, found: Found): void {
  if (!message.value(index).endsWith(' GMT')) add(found, 'date-syntax', message.nameStart(index))
}

/** RFC 3261 §18.3: a datagram may hold more than Content-Length says, but not less. */
function checkContentLength(message: SipMessage, found: Found): void {
  const index = message.find('content-length')
  const at = index < 0 ? message.bodyStart : message.nameStart(index)
  const length = readContentLength(message)
  const available = message.end - message.bodyStart
  if (length.kind !== 'size') add(found, `content-length-${length.kind}`, at)
  else if (message.complete && length.size > available) add(found, 'content-length-too-large', at)
  else if (message.complete && length.size < available) add(found, 'trailing-bytes', message.bodyStart + length.size)
}
