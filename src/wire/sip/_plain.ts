// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COLON, COMMA, EQUALS, GREATER, isBlank, isTokenByte, LESS, QUOTE, SEMICOLON, SLASH, SP } from './_bytes.ts'

/*
 * Nearly all URIs, addresses and Via values are written in one plain way: no folding, no escapes, no white space where
 * none need be. The functions here recognise that way on the bytes, in one pass, without making strings. A no (−1, null
 * or false) says only that the full parsers in uri.ts and _via.ts have to decide.
 */

const USER = 1
const HOST = 2
const VALUE = 4 // of a parameter
const CLASSES = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte)
  if (/[A-Za-z0-9._-]/.test(character)) CLASSES[byte]! |= HOST | USER | VALUE
  if (/[!~*'()&=+$,/%#]/.test(character)) CLASSES[byte]! |= USER
  if (isTokenByte(byte) || character === ':') CLASSES[byte]! |= VALUE
}

function run(bytes: Uint8Array, from: number, end: number, kind: number): number {
  let at = from
  while (at < end && (CLASSES[bytes[at]!]! & kind) !== 0) at++
  return at
}

/** host[:port] with a name or an IPv4 address; the offset after it, or −1. */
function plainHostPort(bytes: Uint8Array, from: number, end: number): number {
  const hostEnd = run(bytes, from, end, HOST)
  if (hostEnd === from) return -1
  if (bytes[hostEnd] !== COLON || hostEnd >= end) return hostEnd
  let port = 0
  let at = hostEnd + 1
  for (; at < end && at - hostEnd <= 5; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) break
    port = port * 10 + digit
  }
  return at > hostEnd + 1 && port <= 65_535 ? at : -1
}

/** *(";" token [ "=" value ]) without white space or quotes; the offset after the last one. */
function plainParameters(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] === SEMICOLON) {
    const name = at + 1
    let next = name
    while (next < end && isTokenByte(bytes[next]!)) next++
    if (next === name) return at
    if (next < end && bytes[next] === EQUALS) {
      const value = next + 1
      next = run(bytes, value, end, VALUE)
      if (next === value) return at
    }
    at = next
  }
  return at
}

/** Where the user of the last plain URI lies, without password, or its host when it has none. Written over by each. */
export const plainUser = { start: 0, end: 0, isHost: false }

/** A sip or sips URI, escapes in it left alone; the offset after it, or −1. Fills `plainUser`. */
export function plainUri(bytes: Uint8Array, from: number, end: number): number {
  const isSip = end - from > 4 && (bytes[from]! | 0x20) === 0x73 && (bytes[from + 1]! | 0x20) === 0x69
  if (!isSip || (bytes[from + 2]! | 0x20) !== 0x70) return -1
  let at = from + 3
  if ((bytes[at]! | 0x20) === 0x73) at++
  if (bytes[at] !== COLON) return -1
  at++
  const userEnd = run(bytes, at, end, USER)
  const infoEnd = userEnd < end && bytes[userEnd] === COLON ? run(bytes, userEnd + 1, end, USER) : userEnd
  const hasUser = infoEnd < end && bytes[infoEnd] === 0x40
  plainUser.start = at
  plainUser.end = userEnd
  plainUser.isHost = !hasUser
  if (hasUser) {
    if (userEnd === at) return -1
    at = infoEnd + 1
  }
  at = plainHostPort(bytes, at, end)
  return at < 0 ? -1 : plainParameters(bytes, at, end)
}

/** Whether all the bytes are one plain address, as in From, To and Contact. */
export function isPlainAddress(bytes: Uint8Array, from: number, end: number): boolean {
  return plainAddressParameters(bytes, from, end) >= 0
}

/** The offset where the parameters of one plain address begin (that of a `;`, or the end), or −1. */
export function plainAddressParameters(bytes: Uint8Array, from: number, end: number): number {
  return plainAddressEnd(bytes, from, end) === end ? plainAddress.parameters : -1
}

/** Where the parameters of the last plain address begin. Written over by each. */
export const plainAddress = { parameters: 0 }

/** The offset after the plain address that begins at `from`, or −1. */
export function plainAddressEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  if (bytes[at] === QUOTE) {
    at++
    while (at < end && bytes[at]! >= SP && bytes[at] !== QUOTE && bytes[at] !== 0x5c) at++
    if (at >= end || bytes[at] !== QUOTE) return -1
    at++
    while (at < end && isBlank(bytes[at])) at++
    if (bytes[at] !== LESS) return -1
  } else {
    while (at < end && (isTokenByte(bytes[at]!) || bytes[at] === SP)) at++
    if (bytes[at] !== LESS) at = from
  }
  const isBracketed = at < end && bytes[at] === LESS
  const uriStart = isBracketed ? at + 1 : at
  const uriEnd = plainUri(bytes, uriStart, end)
  if (uriEnd < 0) return -1
  if (!isBracketed) {
    plainAddress.parameters = bareUriEnd(bytes, uriStart, uriEnd)
    return plainAddress.parameters < 0 ? -1 : uriEnd
  }
  if (uriEnd >= end || bytes[uriEnd] !== GREATER) return -1
  plainAddress.parameters = uriEnd + 1
  return plainParameters(bytes, uriEnd + 1, end)
}

/** Where a plain URI without brackets ends, before its first `;`; −1 with a comma, which asks for brackets. RFC 3261 §20. */
function bareUriEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  for (; at < end && bytes[at] !== SEMICOLON; at++) if (bytes[at] === COMMA) return -1
  return at
}

/** Where the parts of a plain Via line with one value lie. */
export const plainVia = { hostStart: 0, hostEnd: 0, parameters: 0, rportStart: 0, rportEnd: 0, hasReceived: false }

/** Whether the line is one plain value; if so, `plainVia` tells where its host and parameters are. */
export function isPlainVia(bytes: Uint8Array, from: number, end: number): boolean {
  return plainViaEnd(bytes, from, end) === end
}

/** The offset after the plain Via value that begins at `from`, or −1; fills `plainVia` likewise. */
export function plainViaEnd(bytes: Uint8Array, from: number, end: number): number {
  if (end - from < 12 || bytes[from + 3] !== SLASH || bytes[from + 7] !== SLASH) return -1
  for (let at = from; at < from + 7; at++) if (at !== from + 3 && !isTokenByte(bytes[at]!)) return -1
  let at = from + 8
  while (at < end && isTokenByte(bytes[at]!)) at++
  if (at === from + 8 || bytes[at] !== SP) return -1
  plainVia.hostStart = at + 1
  plainVia.hostEnd = run(bytes, at + 1, end, HOST)
  at = plainHostPort(bytes, at + 1, end)
  if (at < 0) return -1
  plainVia.parameters = at
  return plainParameters(bytes, at, end)
}

/** Fills `plainVia`; false when the line is not one plain value. */
export function readPlainVia(bytes: Uint8Array, from: number, end: number): boolean {
  if (!isPlainVia(bytes, from, end)) return false
  const at = plainVia.parameters
  plainVia.hasReceived = findParameter(bytes, at, end, 'received') >= 0
  const rport = findParameter(bytes, at, end, 'rport')
  plainVia.rportStart = rport < 0 ? end : rport
  plainVia.rportEnd = rport < 0 ? end : nextParameter(bytes, rport, end)
  return findParameter(bytes, plainVia.rportEnd, end, 'rport') < 0 // a second rport is not plain
}

/** The offset of the `;` before the first parameter of that lower case name, or −1; in plain parameters from a `;` on. */
export function findParameter(bytes: Uint8Array, from: number, end: number, lower: string): number {
  for (let at = from; at < end; at = nextParameter(bytes, at, end)) {
    const after = at + 1 + lower.length
    if (after > end || (after < end && bytes[after] !== SEMICOLON && bytes[after] !== EQUALS)) continue
    let i = 0
    while (i < lower.length && (bytes[at + 1 + i]! | 0x20) === lower.charCodeAt(i)) i++
    if (i === lower.length) return at
  }
  return -1
}

function nextParameter(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1
  while (next < end && bytes[next] !== SEMICOLON) next++
  return next
}
