// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const COUNT_MIN = 1024 // a power of 2
const SLOTS_PER_ENTRY = 2

/** Things by whole numbers that are hashes already, so that the lowest bits say where to look. Its user keeps it small. */
export class KeyTable<T> {
  #slots = new Int32Array(SLOTS_PER_ENTRY * COUNT_MIN) // a place in the columns, counted from 1
  #keys = new Float64Array(COUNT_MIN)
  readonly #values: T[] = []

  get(key: number): T | undefined {
    const place = this.#slots[this.#slotOf(key)]!
    return place === 0 ? undefined : this.#values[place - 1]
  }

  set(key: number, value: T): void {
    const slot = this.#slotOf(key)
    const place = this.#slots[slot]!
    if (place > 0) {
      this.#values[place - 1] = value
      return
    }
    this.#keys[this.#values.length] = key
    this.#slots[slot] = this.#values.push(value)
    if (this.#values.length === this.#keys.length) this.#grow()
  }

  /** Where the key is, or would be. */
  #slotOf(key: number): number {
    const mask = this.#slots.length - 1
    let slot = key & mask
    for (let place = this.#slots[slot]!; place > 0 && this.#keys[place - 1] !== key; place = this.#slots[slot]!)
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const keys = this.#keys
    this.#keys = new Float64Array(2 * keys.length)
    this.#keys.set(keys)
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (const [i, key] of keys.entries()) this.#slots[this.#slotOf(key)] = i + 1
  }
}
