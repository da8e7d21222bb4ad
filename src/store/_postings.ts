// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Which rows of a group hold a key, for all keys of the group: numbers of 32 bits, sorted, the upper 19 of a key's hash
 * above the place of a row in its group. They lie in the table `keys` in pieces that fit a page; the id of a piece is the
 * group and the first hash in it, and no hash lies in two pieces. So groups are only ever added at the table's end.
 */
export const GROUP_SIZE = 4096 // rows
const PLACE_BITS = 13
const PLACE_MASK = (1 << PLACE_BITS) - 1
const HASH_BITS = 32 - PLACE_BITS
/** Stands for all rows of a group: a key that more rows hold is not worth a list. */
const ALL = PLACE_MASK
const LIST_COUNT_MAX = GROUP_SIZE / 64
const PIECE_COUNT_MAX = 1000 // numbers; with its header a piece stays within a page of 4,096 bytes

export type Piece = { readonly id: number; readonly bytes: Uint8Array }

const partOf = (hash: number): number => hash >>> PLACE_BITS

/** Where a key's piece begins to be looked for: it is the last one whose id is no larger. */
export const pieceIdAt = (group: number, hash: number): number => group * 2 ** HASH_BITS + partOf(hash)
export const groupOfPiece = (id: number): number => Math.floor(id / 2 ** HASH_BITS)
export const groupOfRow = (n: number): number => Math.floor(n / GROUP_SIZE)

/** Gathers the keys of the rows of one group. */
export class Postings {
  #entries = new Uint32Array(4 * GROUP_SIZE)
  #count = 0

  add(hash: number, place: number): void {
    if (this.#count === this.#entries.length) {
      const grown = new Uint32Array(2 * this.#count)
      grown.set(this.#entries)
      this.#entries = grown
    }
    this.#entries[this.#count++] = (hash & ~PLACE_MASK) | place
  }

  clear(): void {
    this.#count = 0
  }

  pack(group: number): Piece[] {
    const entries = this.#entries.subarray(0, this.#count).sort()
    const pieces: Piece[] = []
    let out = new Writer()
    for (let from = 0, to = 0; from < entries.length; from = to) {
      const part = partOf(entries[from]!)
      while (to < entries.length && partOf(entries[to]!) === part) to++
      const list = to - from > LIST_COUNT_MAX ? Uint32Array.of((part << PLACE_BITS) | ALL) : entries.subarray(from, to)
      if (out.count + list.length > PIECE_COUNT_MAX) {
        pieces.push(out.finish(group))
        out = new Writer()
      }
      out.add(list)
    }
    if (out.count > 0) pieces.push(out.finish(group))
    return pieces
  }
}

class Writer {
  readonly #bytes = Buffer.allocUnsafe(4 * PIECE_COUNT_MAX)
  count = 0

  add(list: Uint32Array): void {
    for (const entry of list) this.#bytes.writeUInt32LE(entry, 4 * this.count++)
  }

  finish(group: number): Piece {
    return { id: pieceIdAt(group, this.#bytes.readUInt32LE(0)), bytes: this.#bytes.subarray(0, 4 * this.count) }
  }
}

/** The places of the rows that may hold the key, ascending; `all` when too many do. */
export function placesIn(piece: Uint8Array, hash: number): number[] | 'all' {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength)
  const count = piece.byteLength >> 2
  const part = partOf(hash)
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (partOf(view.getUint32(4 * middle, true)) < part) low = middle + 1
    else high = middle
  }
  const places: number[] = []
  for (; low < count; low++) {
    const entry = view.getUint32(4 * low, true)
    if (partOf(entry) !== part) break
    const place = entry & PLACE_MASK
    if (place === ALL) return 'all'
    if (place !== places.at(-1)) places.push(place)
  }
  return places
}
