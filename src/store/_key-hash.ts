// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import { KeyedHash } from './keyed-hash.ts'

export const SECRET_SIZE = 8 // bytes

/** What a key is of: the same text is another key as a number than as a user agent. */
export const DIMENSION = { ip: 1, number: 2, method: 3, userAgent: 4, fold: 5, source: 6 } as const
export type Dimension = keyof typeof DIMENSION

export const createSecret = (): Uint8Array => new Uint8Array(randomBytes(SECRET_SIZE))

/**
 * Keys of the index as numbers, by a keyed hash over the characters. Only who knows the secret can choose texts whose keys
 * are alike, and so make a question look at rows that do not answer it.
 */
export class KeyHash {
  readonly #hash: KeyedHash
  #characters = new DataView(new ArrayBuffer(1024))

  constructor(secret: Uint8Array) {
    this.#hash = new KeyedHash(Buffer.from(secret.subarray(0, SECRET_SIZE)))
  }

  /** 32 bits, unsigned. */
  of(dimension: Dimension, text: string): number {
    this.#hash.read(this.#write(text), 0, 2 * text.length, DIMENSION[dimension])
    return this.#hash.low >>> 0
  }

  /** A whole number of 53 bits, for keys that are taken for the text itself: no two texts are alike in it by chance. */
  wide(dimension: Dimension, text: string): number {
    return this.#hash.number(this.#write(text), 0, 2 * text.length, DIMENSION[dimension])
  }

  #write(text: string): DataView {
    if (2 * text.length > this.#characters.byteLength) this.#characters = new DataView(new ArrayBuffer(4 * text.length))
    for (let i = 0; i < text.length; i++) this.#characters.setUint16(2 * i, text.charCodeAt(i), true)
    return this.#characters
  }
}
