// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { COLON, CR, HT, isBlank, LF, SP } from './_bytes.ts'
import type { DefectCode } from './_defects.ts'
import { nameIdAt } from './_header-names.ts'

export const MESSAGE_SIZE_MAX = 65_535 // bytes
export const HEADER_COUNT_MAX = 256
export const LINE_SIZE_MAX = 8_192 // bytes
export const HEADER_SECTION_SIZE_MAX = 32_768 // bytes, start line included

/** A header field is five integers: where name and value start and end, and the number of its name with FOLDED. */
export const FIELD_SIZE = 5
export const FOLDED = 0x100

/** The fields that the last scan found: written over by each scan, so a message copies them. */
export const fields = new Int32Array(HEADER_COUNT_MAX * FIELD_SIZE)

/** The rest of what the last scan found; likewise. */
export const scanned = {
  fieldCount: 0,
  lineStart: 0, // of the start line
  lineEnd: 0, // that of its LF, or of what there is
  bodyStart: 0,
  complete: false,
  defects: [] as { code: DefectCode; at: number }[], // a new array for each message that has some
}

export function note(code: DefectCode, at: number): void {
  for (const defect of scanned.defects) if (defect.code === code) return
  scanned.defects.push({ code, at })
}

/**
 * Finds the start line: `lineStart` to `lineEnd`. Leading line ends are skipped (RFC 3261 §7.5). Returns false when
 * there is nothing else.
 */
export function scanStartLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (scanned.defects.length > 0) scanned.defects = []
  scanned.fieldCount = 0
  scanned.bodyStart = end
  scanned.complete = false
  if (end - start > MESSAGE_SIZE_MAX) note('message-too-large', start + MESSAGE_SIZE_MAX)
  let at = start
  while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++
  scanned.lineStart = at
  scanned.lineEnd = at === end ? end : lineEnd(bytes, at, Math.min(end, at + HEADER_SECTION_SIZE_MAX))
  if (scanned.lineEnd - at > LINE_SIZE_MAX) note('line-too-long', at)
  return at < end
}

/** Finds the header lines and the body after that start line. Each byte of the header section is looked at about twice, none of the body. */
export function scanHeaders(bytes: Uint8Array, end: number): void {
  const limit = Math.min(end, scanned.lineStart + HEADER_SECTION_SIZE_MAX)
  if (scanned.lineEnd === limit) note(limit === end ? 'truncated' : 'headers-too-large', limit)
  else scanFields(bytes, scanned.lineEnd + 1, limit, end)
}

function scanFields(bytes: Uint8Array, from: number, limit: number, end: number): void {
  let at = from
  let count = 0
  let isOpen = false // whether the line before is a field that can be continued
  while (at < limit) {
    const lineStart = at
    const first = bytes[at]!
    if (first === LF || (first === CR && at + 1 < limit && bytes[at + 1] === LF)) {
      if (first === LF) note('bare-lf', at)
      scanned.bodyStart = first === LF ? at + 1 : at + 2
      scanned.complete = true
      scanned.fieldCount = count
      return
    }
    if (first === SP || first === HT) {
      at = lineEnd(bytes, at, limit)
      if (isOpen) fold(bytes, lineStart, at, count)
      else note('fold-without-header', lineStart)
    } else {
      const colon = findColon(bytes, at, limit)
      isOpen = colon >= 0 && count < HEADER_COUNT_MAX
      if (colon < 0) note('header-without-colon', lineStart)
      else if (!isOpen) note('too-many-headers', lineStart)
      at = lineEnd(bytes, colon < 0 ? at : colon, limit)
      if (isOpen) addField(bytes, lineStart, colon, at, count++)
    }
    if (at - lineStart > LINE_SIZE_MAX) note('line-too-long', lineStart)
    if (at === limit) break
    at++
  }
  scanned.fieldCount = count
  if (limit < end) note('headers-too-large', limit)
  else note(bytes[limit - 1] === LF ? 'blank-line-missing' : 'truncated', limit)
}

/** The colon after a header name, or −1 when the line has none. */
function findColon(bytes: Uint8Array, from: number, limit: number): number {
  for (let at = from; at < limit; at++) {
    const byte = bytes[at]!
    if (byte === COLON) return at
    if (byte === LF) return -1
  }
  return -1
}

/** White space before the colon belongs to it (HCOLON, RFC 3261 §25.1). White space inside a name makes one that no header has. */
function addField(bytes: Uint8Array, nameStart: number, colon: number, end: number, index: number): void {
  const nameEnd = trimEnd(bytes, nameStart, colon)
  let valueStart = colon + 1
  while (valueStart < end && isBlank(bytes[valueStart])) valueStart++
  const base = index * FIELD_SIZE
  fields[base] = nameStart
  fields[base + 1] = nameEnd
  fields[base + 2] = valueStart
  fields[base + 3] = trimEnd(bytes, valueStart, end)
  fields[base + 4] = nameIdAt(bytes, nameStart, nameEnd)
}

/** The offset of the LF that ends the line, or the limit. */
function lineEnd(bytes: Uint8Array, from: number, limit: number): number {
  let at = from
  for (;;) {
    while (at < limit && bytes[at]! >= SP) at++
    if (at === limit) return at
    const byte = bytes[at]!
    if (byte === CR) {
      if (at + 1 === limit) return limit
      if (bytes[at + 1] === LF) return at + 1
      note('stray-cr', at)
    } else if (byte === LF) {
      note('bare-lf', at)
      return at
    } else if (byte !== HT) note('control-byte', at)
    at++
  }
}

/** A line that starts with white space goes on with the value before it. RFC 3261 §7.3.1. */
function fold(bytes: Uint8Array, lineStart: number, lineEnd: number, count: number): void {
  const valueEnd = trimEnd(bytes, lineStart, lineEnd)
  if (valueEnd === lineStart) return // nothing but white space
  const base = (count - 1) * FIELD_SIZE
  fields[base + 3] = valueEnd
  fields[base + 4] = fields[base + 4]! | FOLDED
}

/** The end of what is left when white space and CR are taken off the end. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start) {
    const byte = bytes[at - 1]
    if (byte !== SP && byte !== CR && byte !== HT) break
    at--
  }
  return at
}
