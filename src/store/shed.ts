// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage, type SipMessage } from '../wire/sip/message.ts'

const KEPT_VALUE_SIZE = 128 // characters of each
/** Addresses are kept whole or left out: what a cut leaves of one may dial another number. */
const WHOLE_SIZE: Readonly<Record<string, number>> = { from: 512, to: 2048, contact: 512, 'refer-to': 2048 }
const NAMES = ['via', 'from', 'to', 'contact', 'call-id', 'cseq', 'user-agent', 'authorization', 'refer-to']
const KEPT_HEADERS = NAMES.map(keptHeader)
const SERVER = keptHeader('server') // what a response says in place of a user agent
const KEPT_URI_SIZE = 2048 // characters, as many as a number is looked for in
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
  if (message.kind === 'non-sip') out.write(bytes, start, junkEnd(bytes, start, end))
  else {
    writeStartLine(message, out)
    for (const header of KEPT_HEADERS) writeHeader(message, header, out)
    if (message.kind === 'response' && message.find('user-agent') < 0) writeHeader(message, SERVER, out)
    out.write(LINE_END, 0, LINE_END.length)
  }
  lastShed.isCut = out.isCut
  return out.isFull ? wholeSize : out.at - at
}

/** Whether the copy that `writeShed` wrote last lacks a part of what it is made of, a user agent apart. */
export const lastShed = { isCut: false }

function writeStartLine(message: SipMessage, out: Writer): void {
  const { bytes, uriStart, uriEnd, versionStart, versionEnd } = message
  if (message.kind === 'response') out.writeText(`SIP/2.0 ${message.status ?? 0}`)
  else {
    out.writeText(`${message.method} `)
    if (uriEnd - uriStart > KEPT_URI_SIZE) out.isCut = true
    out.write(bytes, uriStart, Math.min(uriEnd, uriStart + KEPT_URI_SIZE))
    out.write(SPACE, 0, SPACE.length)
    if (versionEnd > versionStart) out.write(bytes, versionStart, versionEnd)
    else out.write(VERSION, 0, VERSION.length)
  }
  out.write(LINE_END, 0, LINE_END.length)
}

type KeptHeader = { readonly name: string; readonly begin: Uint8Array; readonly wholeSize: number | null }

function keptHeader(name: string): KeptHeader {
  return { name, begin: Buffer.from(`${name}: `), wholeSize: WHOLE_SIZE[name] ?? null }
}

/** The beginning of what is no message may look like one: then less of it is kept. */
function junkEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= KEPT_JUNK_SIZE) return end
  for (let size = KEPT_JUNK_SIZE; size > 0; size >>= 1)
    if (parseMessage(bytes, start, start + size).kind === 'non-sip') return start + size
  return end
}

function writeHeader(message: SipMessage, { name, begin, wholeSize }: KeptHeader, out: Writer): void {
  const index = message.find(name)
  if (index < 0) return
  const start = message.valueStart(index)
  const folded = message.isFolded(index) ? message.value(index) : null
  const size = folded?.length ?? Math.max(0, message.valueEnd(index) - start)
  if (size > (wholeSize ?? KEPT_VALUE_SIZE) && name !== 'user-agent') out.isCut = true
  if (wholeSize !== null && size > wholeSize) return
  const keptSize = Math.min(size, wholeSize ?? KEPT_VALUE_SIZE)
  out.write(begin, 0, begin.length)
  if (folded !== null) out.writeText(folded.slice(0, keptSize))
  else out.write(message.bytes, start, start + keptSize)
  out.write(LINE_END, 0, LINE_END.length)
}

const SMALL_SIZE = 16 // bytes; a loop is faster below

/** Writes up to a bound, and tells when that was reached. */
class Writer {
  readonly #target: Uint8Array
  readonly #end: number
  at: number
  isFull = false
  isCut = false

  constructor(target: Uint8Array, at: number, end: number) {
    this.#target = target
    this.#end = end
    this.at = at
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (this.at + size > this.#end) {
      this.isFull = true
      return
    }
    if (size < SMALL_SIZE) for (let i = 0; i < size; i++) this.#target[this.at + i] = bytes[start + i]!
    else this.#target.set(bytes.subarray(start, end), this.at)
    this.at += size
  }

  writeText(text: string): void {
    this.write(Buffer.from(text, 'latin1'), 0, text.length)
  }
}
