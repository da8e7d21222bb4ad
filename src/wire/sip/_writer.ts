// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { CR, HT, isBlank, LF, NUL, SP } from './_bytes.ts'

/** Bytes put one after another into a buffer that grows and is used again. */
export class Writer {
  #bytes: Buffer = Buffer.alloc(4_096)
  #size = 0

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  reset(): void {
    this.#size = 0
  }

  /** Text, one byte a character. */
  text(text: string): void {
    this.#reserve(text.length)
    this.#size += this.#bytes.write(text, this.#size, 'latin1')
  }

  /** Bytes as they are. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    if (bytes instanceof Buffer) bytes.copy(this.#bytes, this.#size, start, end)
    else this.#bytes.set(bytes.subarray(start, end), this.#size)
    this.#size += end - start
  }

  /**
   * A header value as it lies in a message, put on one line: the line ends of a folded value become, with the white
   * space around them, one space (RFC 3261 §7.3.1); a stray CR and a NUL one space each.
   */
  oneLine(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    const out = this.#bytes
    const from = this.#size
    let to = from
    let textEnd = from // after the last byte that is no white space
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte !== LF) {
        out[to++] = byte === CR || byte === NUL ? SP : byte
        if (byte !== SP && byte !== HT && byte !== CR) textEnd = to
      } else {
        to = textEnd
        while (at + 1 < end && isBlank(bytes[at + 1])) at++
        if (to > from) out[to++] = SP
      }
    }
    this.#size = to
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    const copy = Buffer.allocUnsafe(this.#size)
    this.#bytes.copy(copy, 0, 0, this.#size)
    return copy
  }

  #reserve(size: number): void {
    const needed = this.#size + size
    if (needed <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
  }
}

/** Text from outside for one header line: each CR, LF and NUL becomes a space, so that it cannot end the line. */
export function safeText(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === CR || code === LF || code === NUL)
      return text.replaceAll('\r', ' ').replaceAll('\n', ' ').replaceAll('\0', ' ')
  }
  return text
}
