// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { CR, isBlank, LF, SP } from './_bytes.ts'
import { readContentLength } from './_content-length.ts'
import { HEADER_SECTION_SIZE_MAX, LINE_SIZE_MAX, MESSAGE_SIZE_MAX } from './_scan.ts'
import { readStartLine, startLine } from './_start-line.ts'
import { looksLikeTls } from './_tls.ts'
import { parseMessage } from './message.ts'

/** Why a stream cannot be cut into messages any more. */
export type BadReason =
  | 'tls' // a TLS ClientHello
  | 'not-sip' // the first line is no SIP start line, or cannot become one
  | 'headers-too-large'
  | 'message-too-large' // header section and body together are above the bound
  | 'content-length-missing'
  | 'content-length-syntax'
  | 'content-length-conflict'

/**
 * What a stream held. Where only Content-Length is to blame (missing, wrong, too large) the message stands before the
 * `bad` frame, cut at its blank line, so that it can be answered.
 */
export type Frame =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** CRLFCRLF between messages, to be answered by CRLF. RFC 5626 §3.5.1. */
  | { readonly kind: 'ping' }
  /** The last frame of a stream: close it after answering what came before. `bytes`: what was taken and is in no frame. */
  | { readonly kind: 'bad'; readonly reason: BadReason; readonly bytes: Uint8Array }

export type FramerLimits = { readonly bufferSize: number } // bytes held for one message

const DEFAULT_LIMITS: FramerLimits = { bufferSize: MESSAGE_SIZE_MAX }
const EMPTY = Buffer.alloc(0)
const FIRST_WORD_SIZE_MAX = 128 // bytes; a method or version longer than this is none
const KEPT_BUFFER_SIZE_MAX = 8_192 // bytes; an idle connection holds no larger buffer

/**
 * Cuts a stream into SIP messages by Content-Length. RFC 3261 §18.3, §7.5. Each byte is looked at a bounded number of
 * times however the stream is cut into segments. Frames hold copies.
 */
export class StreamFramer {
  readonly #limits: FramerLimits
  #buffer: Buffer = EMPTY
  #start = 0 // of what is in no frame yet
  #end = 0
  #scan = 0 // up to here the header section was searched for its end
  #lineStart = 0 // of the line that is being searched
  #inFirstWord = true
  #inFirstLine = true
  #messageEnd = -1 // known once the header section is complete
  #afterCrlf = false // a lone CRLF stands before #start
  #isDead = false
  #movedSize = 0

  constructor(limits: FramerLimits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  /** Bytes taken that are in no frame yet. */
  get pendingSize(): number {
    return this.#end - this.#start
  }

  /** A copy of those bytes: the evidence when a connection ends inside a message. */
  get pending(): Uint8Array {
    return this.#copy(this.#start, this.#end)
  }

  /** Bytes that were copied inside so far, beside taking them in: the work that must stay linear. */
  get movedSize(): number {
    return this.#movedSize
  }

  /** Takes what arrived and returns what that completed, in order. After a `bad` frame everything is ignored. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = []
    for (let from = 0; from < bytes.length && !this.#isDead; ) {
      const part = bytes.subarray(from, from + this.#limits.bufferSize - this.pendingSize)
      if (part.length === 0) this.#fail('message-too-large', frames)
      this.#append(part)
      from += part.length
      while (!this.#isDead && this.#step(frames)) {}
    }
    if (this.pendingSize === 0 && this.#buffer.length > KEPT_BUFFER_SIZE_MAX) this.#moveTo(EMPTY)
    return frames
  }

  /** Takes one frame out, or learns where it ends. False when more bytes are needed. */
  #step(frames: Frame[]): boolean {
    if (this.#messageEnd >= 0) {
      if (this.#messageEnd > this.#end) return false
      this.#emit(this.#messageEnd, frames)
      return this.pendingSize > 0
    }
    if (this.#scan === this.#start && !this.#skipLineEnds(frames)) return false
    return this.#searchHeaders(frames)
  }

  /** What stands between messages. True when a message begins at #start. */
  #skipLineEnds(frames: Frame[]): boolean {
    while (this.#start < this.#end) {
      const byte = this.#buffer[this.#start]
      if (byte === CR) {
        if (this.#start + 1 === this.#end) break
        if (this.#buffer[this.#start + 1] !== LF) return this.#fail('not-sip', frames)
        this.#start += 2
        if (this.#afterCrlf) frames.push({ kind: 'ping' })
        this.#afterCrlf = !this.#afterCrlf
      } else if (byte === LF) {
        this.#start++
        this.#afterCrlf = false
      } else break
    }
    this.#scan = this.#lineStart = this.#start
    return this.#start < this.#end && this.#buffer[this.#start] !== CR
  }

  /** Goes on searching for the blank line. True when it was found. */
  #searchHeaders(frames: Frame[]): boolean {
    const buffer = this.#buffer
    for (; this.#scan < this.#end; this.#scan++) {
      const byte = buffer[this.#scan]!
      if (this.#inFirstWord && !this.#checkFirstWord(byte, frames)) return false
      if (byte === LF) {
        const lineEnd = this.#scan
        if (lineEnd === this.#lineStart || (lineEnd === this.#lineStart + 1 && buffer[this.#lineStart] === CR)) {
          return this.#endHeaders(lineEnd + 1, frames)
        }
        if (this.#inFirstLine && !this.#checkFirstLine(lineEnd)) return this.#fail('not-sip', frames)
        this.#inFirstLine = false
        this.#lineStart = lineEnd + 1
      }
      const size = this.#scan - this.#start
      if (size >= (this.#inFirstLine ? LINE_SIZE_MAX : HEADER_SECTION_SIZE_MAX)) {
        return this.#fail('headers-too-large', frames)
      }
    }
    return false
  }

  /** The first word of SIP is printable and short, so that most of what is not SIP is known before its first line ends. */
  #checkFirstWord(byte: number, frames: Frame[]): boolean {
    const size = this.#scan - this.#start
    const first = this.#buffer[this.#start]
    if (first === 0x16) {
      const held = this.#buffer.subarray(this.#start, this.#scan + 1)
      if (held.length >= 6 && looksLikeTls(held)) return this.#fail('tls', frames)
      if (held.length < 3 ? held.length < 2 || held[1] === 0x03 : looksLikeTls(held)) return true
    }
    if (isBlank(byte) && size > 0) this.#inFirstWord = false
    else if (byte <= SP || byte > 0x7e || size > FIRST_WORD_SIZE_MAX) return this.#fail('not-sip', frames)
    return true
  }

  #checkFirstLine(lineEnd: number): boolean {
    readStartLine(this.#buffer, this.#start, lineEnd)
    return startLine.kind !== 'non-sip'
  }

  /** The header section is complete: Content-Length says where the message ends. */
  #endHeaders(bodyStart: number, frames: Frame[]): boolean {
    const length = readContentLength(parseMessage(this.#buffer, this.#start, bodyStart))
    const isSize = length.kind === 'size'
    if (isSize && bodyStart + length.size - this.#start <= this.#limits.bufferSize) {
      this.#messageEnd = bodyStart + length.size
      return true
    }
    this.#emit(bodyStart, frames)
    return this.#fail(isSize ? 'message-too-large' : `content-length-${length.kind}`, frames)
  }

  #emit(end: number, frames: Frame[]): void {
    frames.push({ kind: 'message', bytes: this.#copy(this.#start, end) })
    this.#start = this.#scan = this.#lineStart = end
    this.#inFirstWord = this.#inFirstLine = true
    this.#messageEnd = -1
    this.#afterCrlf = false
  }

  #fail(reason: BadReason, frames: Frame[]): false {
    frames.push({ kind: 'bad', reason, bytes: this.pending })
    this.#isDead = true
    this.#buffer = EMPTY
    this.#start = this.#end = 0
    return false
  }

  #append(bytes: Uint8Array): void {
    if (this.#isDead) return
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length)
    this.#buffer.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** Moves what is pending to the front, of a larger buffer unless this one is half free then: each byte moves seldom. */
  #makeRoom(size: number): void {
    const needed = this.pendingSize + size
    const isEnough = needed * 2 <= this.#buffer.length || this.#buffer.length >= this.#limits.bufferSize
    const grownSize = Math.min(this.#limits.bufferSize, Math.max(1_024, needed * 2))
    this.#moveTo(isEnough ? this.#buffer : Buffer.alloc(grownSize))
  }

  #moveTo(target: Buffer): void {
    const by = this.#start
    this.#movedSize += this.pendingSize
    this.#buffer.copy(target, 0, by, this.#end)
    this.#buffer = target
    this.#start = 0
    this.#end -= by
    this.#scan -= by
    this.#lineStart -= by
    if (this.#messageEnd >= 0) this.#messageEnd -= by
  }

  #copy(start: number, end: number): Uint8Array {
    return Buffer.copyBytesFrom(this.#buffer, start, end - start)
  }
}
