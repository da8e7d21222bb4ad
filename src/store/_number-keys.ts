// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Finds the rows of numbers by their text. */
export class NumberKeys {
  readonly #slots = new Map<string, number>()
  readonly #values: string[] = [] // by row

  find(value: string): number {
    return this.#slots.get(value) ?? -1
  }

  add(value: string, slot: number): void {
    this.#slots.set(value, slot)
    this.#values[slot] = value
  }

  remove(slot: number): void {
    this.#slots.delete(this.value(slot))
    this.#values[slot] = ''
  }

  value(slot: number): string {
    return this.#values[slot] ?? ''
  }
}
