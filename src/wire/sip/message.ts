// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { latin1 } from './_bytes.ts'
import { checkMessage } from './_check.ts'
import { readContentLength } from './_content-length.ts'
import { DEFECTS, type Defect, type DefectCode, type DefectSeverity } from './_defects.ts'
import { equalsLower, idOfName, UNKNOWN } from './_header-names.ts'
import { splitList } from './_list.ts'
import { FIELD_SIZE, FOLDED, ID_MASK, note, scanMessage, scanned } from './_scan.ts'
import { readStartLine, startLine } from './_start-line.ts'
import { looksLikeTls } from './_tls.ts'
import { unfold } from './_unfold.ts'

export type { Defect, DefectCode, DefectSeverity }
export { DEFECTS, looksLikeTls, splitList }

/** One header field line as it lies in the bytes; offsets, the value trimmed and perhaps over several lines. */
export type FieldRange = {
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly folded: boolean
}

const NO_DEFECTS: readonly Defect[] = []

/**
 * Reads a SIP message out of `bytes` from `start` to `end`, a datagram or what a framer cut. Never throws: what is
 * wrong stands in `defects`. The message refers to the bytes, and is good only as long as they are not written over.
 */
export function parseMessage(bytes: Uint8Array, start = 0, end = bytes.length): SipMessage {
  if (scanMessage(bytes, start, end)) readStartLine(bytes, scanned.lineStart, scanned.lineEnd)
  else {
    note('empty', start)
    startLine.kind = 'non-sip'
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
  readonly #fields: Int32Array
  readonly #lineStart: number
  readonly #methodEnd: number
  readonly #uriStart: number
  readonly #uriEnd: number
  readonly #versionStart: number
  readonly #versionEnd: number
  readonly #status: number
  readonly #scanDefects: readonly { code: DefectCode; at: number }[]
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
    this.#fields = scanned.fields.slice(0, isSip ? scanned.fieldCount * FIELD_SIZE : 0)
    this.#lineStart = scanned.lineStart
    this.#methodEnd = startLine.methodEnd
    this.#uriStart = startLine.uriStart
    this.#uriEnd = startLine.uriEnd
    this.#versionStart = startLine.versionStart
    this.#versionEnd = startLine.versionEnd
    this.#status = startLine.status
    this.#scanDefects = scanned.defects.length === 0 ? NO_DEFECTS : scanned.defects
  }

  /** As received; null when this is no request. */
  get method(): string | null {
    return this.kind === 'request' ? latin1(this.bytes, this.#lineStart, this.#methodEnd) : null
  }

  /** As received; null when this is no request or has none. */
  get requestUri(): string | null {
    if (this.kind !== 'request' || this.#uriEnd === this.#uriStart) return null
    return latin1(this.bytes, this.#uriStart, this.#uriEnd)
  }

  /** As received, `SIP/2.0` in nearly all; null when there is none. */
  get version(): string | null {
    if (this.kind === 'non-sip' || this.#versionEnd === this.#versionStart) return null
    return latin1(this.bytes, this.#versionStart, this.#versionEnd)
  }

  /** 100–699; null when this is no response, or its code is none. */
  get status(): number | null {
    return this.kind === 'response' && this.#status >= 0 ? this.#status : null
  }

  /**
   * The value of the first header of that name, canonical or compact, in any case: unfolded, trimmed, latin1.
   * Undefined when there is none. A value may hold NUL and other control bytes, but no line end.
   */
  header(name: string): string | undefined {
    const index = this.#find(name, 0)
    return index < 0 ? undefined : this.#value(index)
  }

  /** The value of each header line of that name, in order; lists are not split. */
  headers(name: string): string[] {
    const values: string[] = []
    for (let index = this.#find(name, 0); index >= 0; index = this.#find(name, index + 1)) {
      values.push(this.#value(index))
    }
    return values
  }

  /** Each header line in order, with its name as received. */
  allHeaders(): { name: string; value: string }[] {
    return Array.from({ length: this.#fields.length / FIELD_SIZE }, (_, index) => {
      const { nameStart, nameEnd } = this.#range(index)
      return { name: latin1(this.bytes, nameStart, nameEnd), value: this.#value(index) }
    })
  }

  /** Where each header line of that name lies, in order; what must be copied verbatim is copied from there. */
  ranges(name: string): FieldRange[] {
    const ranges: FieldRange[] = []
    for (let index = this.#find(name, 0); index >= 0; index = this.#find(name, index + 1)) {
      ranges.push(this.#range(index))
    }
    return ranges
  }

  /** Number and method of the CSeq header; null when it is absent or has not that form. */
  get cseq(): { number: number; method: string } | null {
    const parts = /^(\d{1,20})[ \t]+([^ \t]+)$/.exec(this.header('cseq') ?? '')
    return parts && { number: Number(parts[1]), method: parts[2]! }
  }

  /** What the Content-Length headers say; null when there is none, one is not a number, or two differ. */
  get contentLength(): number | null {
    const length = readContentLength(this.headers('content-length'))
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

  #find(name: string, from: number): number {
    const lower = name.toLowerCase()
    const id = idOfName(lower)
    const fields = this.#fields
    for (let index = from; index * FIELD_SIZE < fields.length; index++) {
      const found = fields[index * FIELD_SIZE + 4]! & ID_MASK
      if (found !== id) continue
      if (id !== UNKNOWN) return index
      if (equalsLower(this.bytes, fields[index * FIELD_SIZE]!, fields[index * FIELD_SIZE + 1]!, lower)) return index
    }
    return -1
  }

  #range(index: number): FieldRange {
    const base = index * FIELD_SIZE
    const fields = this.#fields
    return {
      nameStart: fields[base]!,
      nameEnd: fields[base + 1]!,
      valueStart: fields[base + 2]!,
      valueEnd: fields[base + 3]!,
      folded: (fields[base + 4]! & FOLDED) !== 0,
    }
  }

  #value(index: number): string {
    const { valueStart, valueEnd, folded } = this.#range(index)
    return folded ? unfold(this.bytes, valueStart, valueEnd) : latin1(this.bytes, valueStart, valueEnd)
  }
}
