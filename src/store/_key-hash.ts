// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'

export const SECRET_SIZE = 8 // bytes

/** What a key is of: the same text is another key as a number than as a user agent. */
export const DIMENSION = { ip: 1, number: 2, method: 3, userAgent: 4, fold: 5 } as const
export type Dimension = keyof typeof DIMENSION

export const createSecret = (): Uint8Array => new Uint8Array(randomBytes(SECRET_SIZE))

/**
 * Keys of the index as numbers of 32 bits: HalfSipHash-1-3 (https://github.com/veorq/SipHash) over the characters. Only
 * who knows the secret can choose texts whose keys are alike, and so make a question look at rows that do not answer it.
 */
export class KeyHash {
  readonly #k0: number
  readonly #k1: number
  readonly #state = new Int32Array(4)

  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, SECRET_SIZE)
    this.#k0 = view.getInt32(0, true)
    this.#k1 = view.getInt32(4, true)
  }

  of(dimension: Dimension, text: string): number {
    this.#absorb(dimension, text)
    return this.#squeeze(FINAL_WORD)
  }

  /** A whole number of 53 bits, for keys that are taken for the text itself: no two texts are alike in it by chance. */
  wide(dimension: Dimension, text: string): number {
    this.#absorb(dimension, text)
    return this.#squeeze(FINAL_WORD) * 2 ** 21 + (this.#squeeze(NEXT_WORD) >>> 11)
  }

  #absorb(dimension: Dimension, text: string): void {
    const state = this.#state
    state[0] = this.#k0 ^ DIMENSION[dimension]
    state[1] = this.#k1
    state[2] = this.#k0 ^ 0x6c796765
    state[3] = this.#k1 ^ 0x74656462 ^ text.length
    const evenSize = text.length & ~1
    for (let at = 0; at < evenSize; at += 2) absorbWord(state, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16))
    if (evenSize < text.length) absorbWord(state, text.charCodeAt(evenSize))
  }

  #squeeze(word: number): number {
    const state = this.#state
    state[2]! ^= word
    for (let i = 0; i < FINAL_ROUND_COUNT; i++) absorbWord(state, 0)
    return (state[1]! ^ state[3]!) >>> 0
  }
}

const FINAL_ROUND_COUNT = 3
const FINAL_WORD = 0xff
const NEXT_WORD = 0xee

/** One round. */
function absorbWord(state: Int32Array, word: number): void {
  let v0 = state[0]!
  let v1 = state[1]!
  let v2 = state[2]!
  let v3 = state[3]! ^ word
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  state[0] = v0 ^ word
  state[1] = v1
  state[2] = v2
  state[3] = v3
}
