// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const EMPTY = new Uint8Array()

/** Reads numbers and vectors one after another. Beyond the end all is 0 and empty, and `isShort` says so ever after. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at: number
  #isShort = false

  constructor(bytes: Uint8Array = EMPTY, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get isShort(): boolean {
    return this.#isShort
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  skip(size: number): void {
    this.bytes(size)
  }

  bytes(size: number): Uint8Array {
    if (this.#isShort || this.#at + size > this.#bytes.length) {
      this.#isShort = true
      return EMPTY
    }
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  /** Big endian, of up to 4 bytes. */
  number(size: number): number {
    let value = 0
    for (const byte of this.bytes(size)) value = value * 256 + byte
    return value
  }

  /** What follows a size of so many bytes. RFC 8446 §3.4. */
  vector(sizeSize: number): Uint8Array {
    return this.bytes(this.number(sizeSize))
  }
}
