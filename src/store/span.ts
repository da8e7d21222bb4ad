// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const NOTHING = new Uint8Array(0)

/** A text that lies in some bytes, one character a byte; or none. Set anew for each event, so it is read at once. */
export class Span {
  bytes: Uint8Array = NOTHING
  start = -1
  end = -1

  get isAbsent(): boolean {
    return this.start < 0
  }

  get size(): number {
    return this.end - this.start
  }

  clear(): void {
    this.start = -1
    this.end = -1
  }

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  /** For a text that stands nowhere as it is: a value that was folded, a number that was escaped. */
  setText(text: string | null): void {
    if (text === null) this.clear()
    else this.set(Buffer.from(text, 'latin1'), 0, text.length)
  }

  /** Whether as many characters of both are the same. */
  isLike(other: Span, sizeMax: number): boolean {
    if (this.isAbsent || other.isAbsent) return this.isAbsent === other.isAbsent
    const size = Math.min(this.size, sizeMax)
    if (size !== Math.min(other.size, sizeMax)) return false
    for (let i = 0; i < size; i++) if (this.bytes[this.start + i] !== other.bytes[other.start + i]) return false
    return true
  }

  /** The text, or so many characters of it; null when there is none. */
  text(sizeMax = Number.POSITIVE_INFINITY): string | null {
    if (this.start < 0) return null
    const size = Math.min(this.size, sizeMax)
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, size).toString('latin1')
  }
}
