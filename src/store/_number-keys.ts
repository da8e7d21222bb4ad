// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { loadTexts, saveTexts } from './_text-column.ts'

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

  *save(slotCount: number): Generator<Uint8Array> {
    yield* saveTexts(this.#values, slotCount)
  }

  load(next: () => Uint8Array<ArrayBuffer>, slotCount: number, isAlive: (slot: number) => boolean): void {
    for (const [slot, value] of loadTexts(next, slotCount).entries()) {
      if (isAlive(slot)) this.add(value, slot)
      else this.#values[slot] = ''
    }
  }

  remove(slot: number): void {
    this.#slots.delete(this.value(slot))
    this.#values[slot] = ''
  }

  value(slot: number): string {
    return this.#values[slot] ?? ''
  }
}
