// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { CR, LF, NUL, SP } from './_bytes.ts'
import { unfoldInto } from './_unfold.ts'

/** Bytes put one after another into a buffer that grows and is used again. */
export class Writer {
  #bytes: Buffer = Buffer.alloc(4_096)
  #size = 0

  reset(): void {
    this.#size = 0
  }

  /** Text of ASCII and latin1 as it is. */
  text(text: string): void {
    this.#reserve(text.length)
    this.#size += this.#bytes.write(text, this.#size, 'latin1')
  }

  /** A value that came from outside: each CR, LF and NUL becomes a space, so that it cannot end the line. */
  safeText(text: string): void {
    const start = this.#size
    this.text(text)
    this.#makeSafe(start)
  }

  /** Bytes of a header value as received, in one line, made safe like `safeText`. */
  value(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    const from = this.#size
    this.#size = unfoldInto(this.#bytes, from, bytes, start, end)
    this.#makeSafe(from)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#size)
  }

  #reserve(size: number): void {
    const needed = this.#size + size
    if (needed <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }

  #makeSafe(start: number): void {
    const bytes = this.#bytes
    for (let at = start; at < this.#size; at++) {
      const byte = bytes[at]!
      if (byte === LF || byte === CR || byte === NUL) bytes[at] = SP
    }
  }
}
