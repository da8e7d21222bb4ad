// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BLOCK_HEADER_SIZE } from './block.ts'
import type { BlockPlace } from './segment.ts'

const COUNT_MIN = 64 // blocks there is room for at first

/** Where a block lies: what is needed to read it. */
export type PackedPlace = { readonly at: number; readonly size: number; readonly firstId: number }

/** The blocks of a segment in the order of their ids, 24 bytes each: a quiet hour has up to 72,000. */
export class BlockTable {
  #at = new Float64Array(COUNT_MIN)
  #firstId = new Float64Array(COUNT_MIN)
  #recordCount = new Uint32Array(COUNT_MIN)
  #size = new Uint32Array(COUNT_MIN)
  #count = 0

  get count(): number {
    return this.#count
  }

  get lastId(): number {
    return this.#count === 0 ? 0 : this.#endId(this.#count - 1) - 1
  }

  add({ at, header }: BlockPlace): void {
    if (this.#count === this.#at.length) this.#grow()
    this.#at[this.#count] = at
    this.#firstId[this.#count] = header.firstId
    this.#recordCount[this.#count] = header.recordCount
    this.#size[this.#count] = BLOCK_HEADER_SIZE + header.storedSize
    this.#count++
  }

  place(index: number): PackedPlace | null {
    if (index < 0 || index >= this.#count) return null
    return { at: this.#at[index] ?? 0, size: this.#size[index] ?? 0, firstId: this.#firstId[index] ?? 0 }
  }

  /** The index of the block that holds `id`, or of the first one behind it. */
  indexOf(id: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#endId(middle) <= id) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The index of the last block that holds an id below `before`; −1 when none does. */
  lastIndexBelow(before: number): number {
    const index = this.indexOf(before)
    return index < this.#count && (this.#firstId[index] ?? 0) < before ? index : index - 1
  }

  #endId(index: number): number {
    return (this.#firstId[index] ?? 0) + (this.#recordCount[index] ?? 0)
  }

  #grow(): void {
    const grown = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    const room = 2 * this.#count
    this.#at = grown(this.#at, new Float64Array(room))
    this.#firstId = grown(this.#firstId, new Float64Array(room))
    this.#recordCount = grown(this.#recordCount, new Uint32Array(room))
    this.#size = grown(this.#size, new Uint32Array(room))
  }
}
