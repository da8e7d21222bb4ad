// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { CR, HT, isBlank, LF, NUL, SP } from './_bytes.ts'

/** Bytes put one after another into a buffer that grows and is used again. */
export class Writer {
  #bytes: Buffer = Buffer.alloc(4_096)
  #size = 0

  reset(): void {
    this.#size = 0
  }

  /** Text of our own, one byte a character. */
  text(text: string): void {
    this.#reserve(text.length)
    this.#size += this.#bytes.write(text, this.#size, 'latin1')
  }

  /** Text that may come from outside: each CR, LF and NUL becomes a space, so that it cannot end the line. */
  safeText(text: string): void {
    const start = this.#size
    this.text(text)
    for (let at = start; at < this.#size; at++) if (isUnsafe(this.#bytes[at]!)) this.#bytes[at] = SP
  }

  /**
   * A header value as it lies in a message, put on one line: the line ends of a folded value become, with the white
   * space around them, one space (RFC 3261 §7.3.1); a stray CR and a NUL one space each.
   */
  value(bytes: Uint8Array, start: number, end: number): void {
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

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
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

function isUnsafe(byte: number): boolean {
  return byte === CR || byte === LF || byte === NUL
}
