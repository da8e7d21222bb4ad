// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * A map of at most `countMax` entries that forgets what was not used lately: two generations, of which the older one
 * goes when the younger is half of all. Kept in order of use, a Map of this size would take longer and longer to find
 * its oldest entry, since V8 steps over each one deleted before it.
 */
export class RecentMap<V> {
  readonly #half: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor(countMax: number) {
    this.#half = Math.max(1, Math.floor(countMax / 2))
  }

  /** Entries held; one that moved from the older generation counts twice. */
  get count(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
