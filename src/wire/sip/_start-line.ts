// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COLON, isBlank, isTokenByte, matchesAt, SP } from './_bytes.ts'
import { note, trimEnd } from './_scan.ts'

/** What the last start line was; offsets of method, Request-URI and version (or of the version and the code). Overwritten by each. */
export const startLine = {
  kind: 'non-sip' as 'request' | 'response' | 'non-sip',
  methodEnd: 0,
  uriStart: 0,
  uriEnd: 0,
  versionStart: 0, // = versionEnd when there is none
  versionEnd: 0,
  status: -1,
}

/**
 * Reads the start line. RFC 3261 §7.1, §7.2, and more forgiving: it is a request line when a word is followed by
 * anything and a last word that begins with "SIP/", or by a sip: or sips: URI alone. `lineEnd` is where its LF stands.
 */
export function readStartLine(bytes: Uint8Array, start: number, lineEnd: number): void {
  const end = trimEnd(bytes, start, lineEnd)
  startLine.kind = 'non-sip'
  startLine.status = -1
  startLine.methodEnd = startLine.uriStart = startLine.uriEnd = startLine.versionStart = startLine.versionEnd = start
  if (matchesAt(bytes, start, end, 'sip/')) readStatusLine(bytes, start, end)
  else readRequestLine(bytes, start, end, lineEnd)
}

function readRequestLine(bytes: Uint8Array, start: number, end: number, lineEnd: number): void {
  let at = start
  let isToken = true
  for (; at < end && !isBlank(bytes[at]); at++) {
    const byte = bytes[at]!
    if (byte < SP || byte > 0x7e) return
    if (!isTokenByte(byte)) isToken = false
  }
  const methodEnd = at
  if (at === start || at === end) return
  let uriStart = at
  while (isBlank(bytes[uriStart])) uriStart++
  let versionStart = end
  while (versionStart > uriStart && !isBlank(bytes[versionStart - 1])) versionStart--
  const hasVersion = matchesAt(bytes, versionStart, end, 'sip/')
  if (!hasVersion && !isSipUri(bytes, uriStart, end)) return
  if (!hasVersion) {
    if (isForeignVersion(bytes, versionStart, end)) return
    versionStart = end
  }
  let uriEnd = versionStart
  while (uriEnd > uriStart && isBlank(bytes[uriEnd - 1])) uriEnd--
  startLine.kind = 'request'
  startLine.methodEnd = methodEnd
  startLine.uriStart = uriStart
  startLine.uriEnd = uriEnd
  startLine.versionStart = versionStart
  startLine.versionEnd = end
  if (!isToken) note('method-syntax', start)
  if (uriEnd === uriStart) note('uri-missing', uriStart)
  if (!hasVersion) note('version-missing', end)
  checkSpaces(bytes, end, lineEnd)
}

/** Exactly one space between the three parts, none inside the URI and none after. RFC 4475 §3.1.2.7 to §3.1.2.9. */
function checkSpaces(bytes: Uint8Array, end: number, lineEnd: number): void {
  const { methodEnd, uriStart, uriEnd, versionStart } = startLine
  const hasVersion = versionStart < end
  if (uriEnd === uriStart) return
  if (uriStart - methodEnd !== 1 || bytes[methodEnd] !== SP) note('request-line-space', methodEnd)
  for (let at = uriStart; at < uriEnd; at++) if (isBlank(bytes[at])) note('request-line-space', at)
  if (hasVersion && (versionStart - uriEnd !== 1 || bytes[uriEnd] !== SP)) note('request-line-space', uriEnd)
  if (end < lineEnd && isBlank(bytes[end])) note('request-line-space', end)
}

function isSipUri(bytes: Uint8Array, start: number, end: number): boolean {
  return matchesAt(bytes, start, end, 'sip:') || matchesAt(bytes, start, end, 'sips:')
}

function isForeignVersion(bytes: Uint8Array, start: number, end: number): boolean {
  return matchesAt(bytes, start, end, 'http/') || matchesAt(bytes, start, end, 'rtsp/')
}

function readStatusLine(bytes: Uint8Array, start: number, end: number): void {
  let versionEnd = start
  while (versionEnd < end && !isBlank(bytes[versionEnd])) {
    if (bytes[versionEnd] === COLON) return // "SIP/…:" is no version
    versionEnd++
  }
  startLine.kind = 'response'
  startLine.versionStart = start
  startLine.versionEnd = versionEnd
  let at = versionEnd
  while (at < end && isBlank(bytes[at])) at++
  let status = 0
  const codeStart = at
  while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39 && at - codeStart < 4)
    status = status * 10 + bytes[at++]! - 0x30
  const isCode = at - codeStart === 3 && status >= 100 && status <= 699 && (at >= end || isBlank(bytes[at]))
  if (isCode) startLine.status = status
  else note('status-line-syntax', codeStart)
}
