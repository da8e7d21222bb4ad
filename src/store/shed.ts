// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage, type SipMessage } from '../wire/sip/message.ts'

const KEPT_HEADERS = ['via', 'from', 'to', 'contact', 'call-id', 'cseq', 'user-agent', 'authorization'].map((name) => ({
  name,
  begin: Buffer.from(`${name}: `),
}))
const KEPT_VALUE_SIZE = 128 // characters of each
const KEPT_URI_SIZE = 256
const KEPT_JUNK_SIZE = 64 // bytes of what is not SIP
const LINE_END = Buffer.from('\r\n')
const SPACE = Buffer.from(' ')
const VERSION = Buffer.from('SIP/2.0')

/**
 * The shortened copy that is kept when there is no room for all: still a message, with what indicators are made of,
 * so that it is read in the same way as a whole one.
 */
export function shedRaw(bytes: Uint8Array): Uint8Array {
  const short = new Uint8Array(bytes.length)
  const size = writeShed(bytes, 0, bytes.length, short, 0)
  return size < bytes.length ? short.subarray(0, size) : bytes
}

/**
 * Writes the shortened copy of what lies from `start` to `end` to `target`, and returns its size. When it would not be
 * smaller it returns the size of the whole, and what it wrote means nothing; it never writes more than that.
 */
export function writeShed(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const message = parseMessage(bytes, start, end)
  const wholeSize = end - start
  const out = new Writer(target, at, at + wholeSize)
  if (message.kind === 'non-sip') out.write(bytes, start, Math.min(end, start + KEPT_JUNK_SIZE))
  else {
    writeStartLine(message, out)
    for (const { name, begin } of KEPT_HEADERS) writeHeader(message, message.find(name), begin, out)
    out.write(LINE_END, 0, LINE_END.length)
  }
  return out.isFull ? wholeSize : out.at - at
}

function writeStartLine(message: SipMessage, out: Writer): void {
  const { bytes, uriStart, uriEnd, versionStart, versionEnd } = message
  if (message.kind === 'response') out.writeText(`SIP/2.0 ${message.status ?? 0}`)
  else {
    out.writeText(`${message.method} `)
    out.write(bytes, uriStart, Math.min(uriEnd, uriStart + KEPT_URI_SIZE))
    out.write(SPACE, 0, SPACE.length)
    if (versionEnd > versionStart) out.write(bytes, versionStart, versionEnd)
    else out.write(VERSION, 0, VERSION.length)
  }
  out.write(LINE_END, 0, LINE_END.length)
}

function writeHeader(message: SipMessage, index: number, begin: Uint8Array, out: Writer): void {
  if (index < 0) return
  out.write(begin, 0, begin.length)
  if (message.isFolded(index)) out.writeText(message.value(index).slice(0, KEPT_VALUE_SIZE))
  else {
    const start = message.valueStart(index)
    out.write(message.bytes, start, Math.max(start, Math.min(message.valueEnd(index), start + KEPT_VALUE_SIZE)))
  }
  out.write(LINE_END, 0, LINE_END.length)
}

/** Writes up to a bound, and tells when that was reached. */
class Writer {
  readonly #target: Uint8Array
  readonly #end: number
  at: number
  isFull = false

  constructor(target: Uint8Array, at: number, end: number) {
    this.#target = target
    this.#end = end
    this.at = at
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.at + end - start > this.#end) this.isFull = true
    else for (let i = start; i < end; i++) this.#target[this.at++] = bytes[i]!
  }

  writeText(text: string): void {
    this.write(Buffer.from(text, 'latin1'), 0, text.length)
  }
}
