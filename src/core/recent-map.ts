// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * A map of at most `countMax` entries that forgets what was not used lately: two generations, the older of which is
 * dropped when the younger holds half of all. The half used last is there for certain. Moving each entry to the end of
 * one Map on every use looks simpler, but a Map keeps the places of what was deleted and steps over them ever after.
 */
export class RecentMap<K, V extends {}> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  constructor(countMax: number) {
    this.#half = Math.max(1, Math.floor(countMax / 2))
  }

  /** Entries held; one that moved from the older generation counts twice. */
  get count(): number {
    return this.#young.size + this.#old.size
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
