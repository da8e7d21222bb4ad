// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const HEX = '0123456789abcdef'
const DIGITS = '0123456789'
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Chance that a seed repeats (xorshift32): the traffic of two calls is the same, so that their figures compare. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0 || 1
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % count
  }

  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  hex(count: number): string {
    return this.#text(HEX, count)
  }

  digits(count: number): string {
    return this.#text(DIGITS, count)
  }

  letters(count: number): string {
    return this.#text(LETTERS, count)
  }

  #text(alphabet: string, count: number): string {
    let text = ''
    for (let i = 0; i < count; i++) text += alphabet[this.below(alphabet.length)]
    return text
  }
}
