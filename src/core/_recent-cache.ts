// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * A map of bounded size that keeps what was asked for lately: two generations, the older of which is dropped when the
 * younger is full. Moving each entry to the end of one map on every use looks simpler, but a map keeps the places of
 * what was deleted, and one key that is asked for all the time makes a long chain of them.
 */
export class RecentCache<K, V extends {}> {
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  readonly #generationCount: number // entries of one generation

  /** Holds the last `count` entries used for certain, and at most twice as many. */
  constructor(count: number) {
    this.#generationCount = count
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const aged = this.#old.get(key)
    if (aged !== undefined) this.set(key, aged)
    return aged
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#generationCount && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
