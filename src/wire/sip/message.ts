// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { decimalAt, isToken, latin1, matchesAt, parseDecimal, trimBlank } from './_bytes.ts'
import { checkMessage } from './_check.ts'
import { readContentLength } from './_content-length.ts'
import { DEFECTS, type Defect, type DefectCode, type DefectSeverity } from './_defects.ts'
import { nameId, UNKNOWN } from './_header-names.ts'
import { splitList } from './_list.ts'
import { FIELD_SIZE, FOLDED, fields, scanHeaders, scanned, scanStartLine } from './_scan.ts'
import { readStartLine, startLine } from './_start-line.ts'
import { looksLikeTls } from './_tls.ts'
import { unfold } from './_unfold.ts'

export type { Defect, DefectCode, DefectSeverity }
export { DEFECTS, looksLikeTls, splitList }

const ID_MASK = FOLDED - 1
const NO_FIELDS: readonly number[] = []
const NO_DEFECTS: readonly Defect[] = []

/**
 * Reads a SIP message out of `bytes` from `start` to `end`, a datagram or what a framer cut. Never throws: what is
 * wrong stands in `defects`. The message refers to the bytes, and is good only as long as they are not written over.
 */
export function parseMessage(bytes: Uint8Array, start = 0, end = bytes.length): SipMessage {
  if (scanStartLine(bytes, start, end)) {
    readStartLine(bytes, scanned.lineStart, scanned.lineEnd)
    if (startLine.kind !== 'non-sip') scanHeaders(bytes, end)
    else scanned.defects = [{ code: 'no-start-line', at: scanned.lineStart }]
  } else {
    startLine.kind = 'non-sip'
    scanned.defects = [{ code: 'empty', at: start }]
  }
  return new SipMessage(bytes, start, end)
}

/** A SIP message, or what came in its place. Made by `parseMessage`; strings are made when asked for. RFC 3261 §7. */
export class SipMessage {
  readonly kind: 'request' | 'response' | 'non-sip'
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** Offset of the first byte after the blank line; `end` when the header section never ends. */
  readonly bodyStart: number
  /** Whether the blank line after the headers was seen. */
  readonly complete: boolean
  readonly #fields: readonly number[]
  readonly #lineStart: number
  readonly #methodEnd: number
  /** Where the Request-URI lies; equal when there is none. */
  readonly uriStart: number
  readonly uriEnd: number
  /** Where the version lies; likewise. */
  readonly versionStart: number
  readonly versionEnd: number
  readonly #status: number
  readonly #scanDefects: readonly { code: DefectCode; at: number }[]
  readonly #hasOddBytes: boolean
  #defects: readonly Defect[] | undefined

  /** Takes over what the scan just found; use `parseMessage`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.kind = startLine.kind
    this.bytes = bytes
    this.start = start
    this.end = end
    const isSip = startLine.kind !== 'non-sip'
    this.bodyStart = isSip ? scanned.bodyStart : end
    this.complete = isSip && scanned.complete
    this.#fields = isSip ? copyFields(scanned.fieldCount * FIELD_SIZE) : NO_FIELDS
    this.#lineStart = scanned.lineStart
    this.#methodEnd = startLine.methodEnd
    this.uriStart = startLine.uriStart
    this.uriEnd = startLine.uriEnd
    this.versionStart = startLine.versionStart
    this.versionEnd = startLine.versionEnd
    this.#status = startLine.status
    this.#scanDefects = scanned.defects.length === 0 ? NO_DEFECTS : scanned.defects
    this.#hasOddBytes = this.#scanDefects.some(({ code }) => code === 'stray-cr' || code === 'control-byte')
  }

  /** As received; null when this is no request. */
  get method(): string | null {
    return this.kind === 'request' ? latin1(this.bytes, this.#lineStart, this.#methodEnd) : null
  }

  /** As received; null when this is no request or has none. */
  get requestUri(): string | null {
    if (this.kind !== 'request' || this.uriEnd === this.uriStart) return null
    return latin1(this.bytes, this.uriStart, this.uriEnd)
  }

  /** As received, `SIP/2.0` in nearly all; null when there is none. */
  get version(): string | null {
    if (this.kind === 'non-sip' || this.versionEnd === this.versionStart) return null
    return latin1(this.bytes, this.versionStart, this.versionEnd)
  }

  /** 100–699; null when this is no response, or its code is none. */
  get status(): number | null {
    return this.kind === 'response' && this.#status >= 0 ? this.#status : null
  }

  /**
   * The value of the first header of that name, canonical or compact, in any case: unfolded, trimmed, latin1.
   * Undefined when there is none. A value may hold NUL, stray CR and other control bytes, but no LF.
   */
  header(name: string): string | undefined {
    const index = this.find(name)
    return index < 0 ? undefined : this.value(index)
  }

  /** The value of each header line of that name, in order; lists are not split. */
  headers(name: string): string[] {
    const values: string[] = []
    for (let index = this.find(name); index >= 0; index = this.find(name, index + 1)) values.push(this.value(index))
    return values
  }

  /** Each header line in order, with its name as received. */
  allHeaders(): { name: string; value: string }[] {
    return Array.from({ length: this.fieldCount }, (_, index) => ({
      name: latin1(this.bytes, this.nameStart(index), this.nameEnd(index)),
      value: this.value(index),
    }))
  }

  /** Number and method of the CSeq header; null when it is absent or has not that form. */
  get cseq(): { number: number; method: string } | null {
    const value = this.header('cseq') ?? ''
    const space = value.search(/[ \t]/)
    const number = space > 0 ? parseDecimal(value.slice(0, space)) : null
    const method = trimBlank(value.slice(space + 1))
    return number === null || !isToken(method) ? null : { number, method }
  }

  /** What the Content-Length headers say; null when there is none, one is not a number, or two differ. */
  get contentLength(): number | null {
    const length = readContentLength(this)
    return length.kind === 'size' ? length.size : null
  }

  /** What follows the blank line, cut to Content-Length when that is smaller. RFC 3261 §18.3. */
  get body(): Uint8Array {
    const size = this.contentLength
    const end = size === null ? this.end : Math.min(this.end, this.bodyStart + size)
    return this.bytes.subarray(this.bodyStart, end)
  }

  /** What is wrong with it, each code once. Worked out when first asked for. */
  get defects(): readonly Defect[] {
    if (this.#defects === undefined) {
      const found = [...this.#scanDefects]
      if (this.kind !== 'non-sip') checkMessage(this, found)
      this.#defects =
        found.length === 0 ? NO_DEFECTS : found.map(({ code, at }) => ({ code, severity: DEFECTS[code].severity, at }))
    }
    return this.#defects
  }

  /*
   * The header lines by index, for what is done on the bytes. The lines lie in the bytes from their `nameStart` on; a
   * value is trimmed, and goes over several lines when it is folded.
   */

  get fieldCount(): number {
    return this.#fields.length / FIELD_SIZE
  }

  /** The index of the first line of that name from index `from` on, or −1. */
  find(name: string, from = 0): number {
    const id = nameId(name)
    if (id === UNKNOWN) return this.#findUnknown(name.toLowerCase(), from)
    const fields = this.#fields
    for (let base = from * FIELD_SIZE; base < fields.length; base += FIELD_SIZE) {
      if ((fields[base + 4]! & ID_MASK) === id) return base / FIELD_SIZE
    }
    return -1
  }

  #findUnknown(lower: string, from: number): number {
    if (nameId(lower) !== UNKNOWN) return this.find(lower, from)
    for (let index = from; index < this.fieldCount; index++) {
      const start = this.nameStart(index)
      const isSame = this.nameEnd(index) - start === lower.length
      if (isSame && matchesAt(this.bytes, start, start + lower.length, lower)) return index
    }
    return -1
  }

  /** The number of the line's name, the same for all its spellings; see _header-names.ts. */
  nameId(index: number): number {
    return this.#fields[index * FIELD_SIZE + 4]! & ID_MASK
  }

  nameStart(index: number): number {
    return this.#fields[index * FIELD_SIZE]!
  }

  nameEnd(index: number): number {
    return this.#fields[index * FIELD_SIZE + 1]!
  }

  valueStart(index: number): number {
    return this.#fields[index * FIELD_SIZE + 2]!
  }

  valueEnd(index: number): number {
    return this.#fields[index * FIELD_SIZE + 3]!
  }

  isFolded(index: number): boolean {
    return (this.#fields[index * FIELD_SIZE + 4]! & FOLDED) !== 0
  }

  /** Whether the value may be copied into another message as it is: not folded, and no stray CR or control byte in any. */
  isOneLine(index: number): boolean {
    return !this.#hasOddBytes && !this.isFolded(index)
  }

  /** The value of one line as a decimal number; −1 when it is none. */
  number(index: number): number {
    return decimalAt(this.bytes, this.valueStart(index), this.valueEnd(index))
  }

  /** The value of one line, unfolded. */
  value(index: number): string {
    const start = this.valueStart(index)
    const end = this.valueEnd(index)
    return this.isFolded(index) ? unfold(this.bytes, start, end) : latin1(this.bytes, start, end)
  }
}

/** A plain array: a small typed array costs ten times as much to allocate. */
function copyFields(size: number): readonly number[] {
  const copy = new Array<number>(size)
  for (let i = 0; i < size; i++) copy[i] = fields[i]!
  return copy
}
