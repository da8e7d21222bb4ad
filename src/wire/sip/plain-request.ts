// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COLON, CR, decimalAt, isBlank, isTokenByte, LF, SP } from './_bytes.ts'
import { ID_COUNT, nameId, nameIdAt } from './_header-names.ts'
import { plainAddress, plainAddressEnd, plainUri, plainUser, plainViaEnd } from './_plain.ts'
import { HEADER_COUNT_MAX, LINE_SIZE_MAX, MESSAGE_SIZE_MAX } from './_scan.ts'

/*
 * Nearly all requests of scanners are written in one plain way: no folding, no escapes, no header twice that may stand
 * once, nothing wrong. `readPlainRequest` recognises that way in one pass over the bytes, and finds what an indicator is
 * made of. A no says only that parseMessage has to decide.
 */

/** Where the parts of the last plain request lie; −1 for what it has not. Written over by each. */
export const plainRequest = {
  methodStart: 0,
  methodEnd: 0,
  /** The dialled string of the Request-URI, and that of To; both may be there and the same. */
  requestedStart: -1,
  requestedEnd: -1,
  addressedStart: -1,
  addressedEnd: -1,
  agentStart: -1,
  agentEnd: -1,
  viaStart: 0,
  viaEnd: 0,
  fromStart: 0,
  fromEnd: 0,
  toStart: 0,
  toEnd: 0,
  /** Where the parameters of To begin: at a `;`, or its end. */
  toParameters: 0,
  /** The user of the To URI, without password; −1 when it has none. */
  toUserStart: -1,
  toUserEnd: -1,
  callIdStart: 0,
  callIdEnd: 0,
  cseqStart: 0,
  cseqEnd: 0,
  /** Whether it asks for extensions (Require, RFC 3261 §20.32). */
  hasRequire: false,
  /** Whether it offers credentials (RFC 3261 §22). */
  hasCredentials: false,
}

const VIA = 1
const FROM = 2
const TO = 4
const CALL_ID = 8
const CSEQ = 16
const CONTENT_LENGTH = 32
const CONTENT_TYPE = 64
const MAX_FORWARDS = 128
const USER_AGENT = 256
const CONTACT = 512
const ROUTE = 1024
const REQUIRE = 2048
const CREDENTIALS = 4096
const REFER_TO = 8192
const REQUIRED = VIA | FROM | TO | CALL_ID | CSEQ
const CSEQ_LIMIT = 2 ** 31 // RFC 3261 §8.1.1.5

/** The bit of each header that matters, by the number of its name. */
const BITS = new Int32Array(ID_COUNT)
for (const [name, bit] of [
  ['via', VIA],
  ['from', FROM],
  ['to', TO],
  ['call-id', CALL_ID],
  ['cseq', CSEQ],
  ['content-length', CONTENT_LENGTH],
  ['content-type', CONTENT_TYPE],
  ['max-forwards', MAX_FORWARDS],
  ['user-agent', USER_AGENT],
  ['contact', CONTACT],
  ['route', ROUTE],
  ['record-route', ROUTE],
  ['require', REQUIRE],
  ['authorization', CREDENTIALS],
  ['proxy-authorization', CREDENTIALS],
  ['refer-to', REFER_TO],
] as const) {
  BITS[nameId(name)] = bit
}

let contentLength = -1 // of the request that is being read

/**
 * Whether the bytes are a plain request, complete and without a defect that is not `lenient`. If so, `plainRequest` tells
 * where its parts are.
 */
export function readPlainRequest(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MESSAGE_SIZE_MAX) return false
  const limit = Math.min(end, start + LINE_SIZE_MAX) // so that no line can be too long
  const headers = readStartLine(bytes, start, limit)
  if (headers < 0) return false
  const bodyStart = readHeaders(bytes, headers, limit)
  return bodyStart >= 0 && contentLength <= end - bodyStart
}

/** `METHOD sip:… SIP/2.0`; the offset of the next line, or −1. */
function readStartLine(bytes: Uint8Array, start: number, limit: number): number {
  let at = start
  while (at < limit && isTokenByte(bytes[at]!)) at++
  if (at === start || at >= limit || bytes[at] !== SP) return -1
  plainRequest.methodStart = start
  plainRequest.methodEnd = at
  const uriEnd = plainUri(bytes, at + 1, limit)
  if (uriEnd < 0 || uriEnd + 10 > limit || !isVersion(bytes, uriEnd)) return -1
  const isDialled = dialled(bytes)
  plainRequest.requestedStart = isDialled === 1 ? plainUser.start : -1
  plainRequest.requestedEnd = isDialled === 1 ? plainUser.end : -1
  return isDialled < 0 ? -1 : uriEnd + 10
}

/** " SIP/2.0" and the end of the line. */
function isVersion(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === SP &&
    bytes[at + 1] === 0x53 &&
    bytes[at + 2] === 0x49 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === 0x32 &&
    bytes[at + 6] === 0x2e &&
    bytes[at + 7] === 0x30 &&
    bytes[at + 8] === CR &&
    bytes[at + 9] === LF
  )
}

/** The offset of the body, or −1. */
function readHeaders(bytes: Uint8Array, from: number, limit: number): number {
  contentLength = -1
  plainRequest.agentStart = plainRequest.agentEnd = -1
  plainRequest.hasRequire = false
  plainRequest.hasCredentials = false
  let seen = 0
  let at = from
  for (let count = 0; count <= HEADER_COUNT_MAX; count++) {
    const nameStart = at
    while (at < limit && isTokenByte(bytes[at]!)) at++
    if (at + 1 >= limit) return -1
    if (at === nameStart)
      return bytes[at] === CR && bytes[at + 1] === LF && (seen & REQUIRED) === REQUIRED ? at + 2 : -1
    if (bytes[at] !== COLON) return -1
    const bit = BITS[nameIdAt(bytes, nameStart, at)]!
    at++
    while (at < limit && isBlank(bytes[at])) at++
    const valueStart = at
    at = valueEndOf(bytes, at, limit, bit)
    if (at < 0 || at + 1 >= limit || bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    if (bit !== 0) {
      let valueEnd = at
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
      if (!takes(bytes, valueStart, valueEnd, bit, seen)) return -1
      seen |= bit
    }
    at += 2
  }
  return -1
}

/** Where the value ends: with the line, or with what has to be all of it; −1 when it is not plain. */
function valueEndOf(bytes: Uint8Array, from: number, limit: number, bit: number): number {
  if ((bit & (FROM | TO | CONTACT)) !== 0) return plainAddressEnd(bytes, from, limit)
  if (bit === VIA) return plainViaEnd(bytes, from, limit)
  let at = from
  while (at < limit && bytes[at]! >= SP) at++
  return at
}

/** Whether the header may stand where it does, and is a plain one of its kind as far as `valueEndOf` has not said so. */
function takes(bytes: Uint8Array, start: number, end: number, bit: number, seen: number): boolean {
  if (bit === CONTACT) return true
  const isFirst = (seen & bit) === 0
  if (bit === USER_AGENT) {
    if (isFirst) plainRequest.agentStart = start
    if (isFirst) plainRequest.agentEnd = end
    return true
  }
  if (bit === REQUIRE) {
    plainRequest.hasRequire = true
    return true
  }
  if (bit === CREDENTIALS) {
    plainRequest.hasCredentials = true
    return true
  }
  if (!isFirst) return false
  switch (bit) {
    case VIA:
      plainRequest.viaStart = start
      plainRequest.viaEnd = end
      return true
    case FROM:
      plainRequest.fromStart = start
      plainRequest.fromEnd = end
      return true
    case CALL_ID:
      plainRequest.callIdStart = start
      plainRequest.callIdEnd = end
      return true
    case TO:
      return takesTo(bytes, start, end)
    case CSEQ:
      plainRequest.cseqStart = start
      plainRequest.cseqEnd = end
      return isPlainCseq(bytes, start, end)
    case CONTENT_LENGTH:
      contentLength = decimalAt(bytes, start, end)
      return contentLength >= 0
    case MAX_FORWARDS: {
      const hops = decimalAt(bytes, start, end)
      return hops >= 0 && hops <= 255
    }
    default:
      return bit === CONTENT_TYPE
  }
}

/** The address that was read last is that of To. */
function takesTo(bytes: Uint8Array, start: number, end: number): boolean {
  plainRequest.toStart = start
  plainRequest.toEnd = end
  plainRequest.toParameters = plainAddress.parameters
  plainRequest.toUserStart = plainUser.isHost ? -1 : plainUser.start
  plainRequest.toUserEnd = plainUser.isHost ? -1 : plainUser.end
  const isDialled = dialled(bytes)
  plainRequest.addressedStart = isDialled === 1 ? plainUser.start : -1
  plainRequest.addressedEnd = isDialled === 1 ? plainUser.end : -1
  return isDialled >= 0
}

/** A number, one space, and the method of the request line. */
function isPlainCseq(bytes: Uint8Array, start: number, end: number): boolean {
  const { methodStart, methodEnd } = plainRequest
  const space = end - (methodEnd - methodStart) - 1
  if (space <= start || bytes[space] !== SP) return false
  for (let i = methodStart, at = space + 1; i < methodEnd; i++, at++) if (bytes[i] !== bytes[at]) return false
  const number = decimalAt(bytes, start, space)
  return number >= 0 && number < CSEQ_LIMIT
}

const DIGIT = 1
const ALONE = 2 // what a number where a host should be is made of
const DIALLED = 4 // what a telephone dials or separates with
const CLASSES = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte)
  if (/[0-9]/.test(character)) CLASSES[byte]! |= DIGIT
  if (/[-0-9+*#()]/.test(character)) CLASSES[byte]! |= ALONE
  if (/[-0-9+*#.()]/.test(character)) CLASSES[byte]! |= DIALLED
}
const PERCENT = 0x25
const NUMBER_SIZE_MIN = 7 // as in called-number.ts
const USER_SIZE_MAX = 1024

/** Whether the last plain user, or host without one, is a dialled string, as called-number.ts has it: 1, 0, or −1 for not plain. */
function dialled(bytes: Uint8Array): number {
  const { start, end, isHost } = plainUser
  if (end - start > USER_SIZE_MAX) return -1
  let digitCount = 0
  let all = DIALLED | ALONE
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === PERCENT) return -1
    const kinds = CLASSES[byte]!
    digitCount += kinds & DIGIT
    all &= kinds
  }
  if (isHost) return digitCount >= NUMBER_SIZE_MIN && (all & ALONE) !== 0 ? 1 : 0
  return digitCount >= NUMBER_SIZE_MIN || (digitCount > 0 && (all & DIALLED) !== 0) ? 1 : 0
}
