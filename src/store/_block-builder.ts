// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BLOCK_SIZE_MAX, ID_MAX, SALT_SIZE, serializeBlock } from './block.ts'
import { RECORD_SIZE_MIN, type StoredRepeat, writeRepeatRecord } from './record.ts'
import { hourOf } from './retention.ts'

const BLOCK_SIZE = 131_072 // bytes of records after which a block is sealed
const NO_SALT = new Uint8Array(SALT_SIZE) // until the segment is known
const ID_PER_MS = 1000 // an id is at least the microsecond of its block, so ids of all times and folders differ
const CLOCK_ID_MAX = ID_MAX - 2 ** 40 // a clock beyond the year 2250 must not use up the ids

/** A block that waits to be written. */
export type SealedBlock = {
  readonly bytes: Buffer
  readonly firstId: number
  readonly lastId: number
  readonly hour: number
  readonly recordCount: number
}

/** Gives records their ids and gathers them into a block, all of one hour; hands it on, packed, when the next does not fit. */
export class BlockBuilder {
  readonly #onSealed: (block: SealedBlock) => void
  readonly #block = Buffer.allocUnsafe(BLOCK_SIZE_MAX)
  readonly #view = new DataView(this.#block.buffer, this.#block.byteOffset, BLOCK_SIZE_MAX)
  #size = 0
  #hour = -1
  #firstId = 0
  #firstAt = 0
  #lastAt = 0
  #count = 0
  #lastId: number

  /** `lastId` is that of the newest record there is. */
  constructor(lastId: number, onSealed: (block: SealedBlock) => void) {
    this.#lastId = lastId
    this.#onSealed = onSealed
  }

  /** Of the newest record that was taken. */
  get lastId(): number {
    return this.#lastId
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Takes the record of that size that starts at `at`; returns its id. */
  append(bytes: Uint8Array, at: number, size: number, happenedAt: number, now: number): number {
    this.#makeRoom(size, happenedAt, now)
    this.#block.set(bytes.subarray(at, at + size), this.#size)
    return this.#take(size, happenedAt)
  }

  appendRepeat(repeat: StoredRepeat, now: number): number {
    this.#makeRoom(RECORD_SIZE_MIN, repeat.at, now)
    return this.#take(writeRepeatRecord(repeat, this.#view, this.#size), repeat.at)
  }

  /** Hands on what has gathered. */
  seal(): void {
    if (this.isEmpty) return
    const facts = {
      recordCount: this.#count,
      firstId: this.#firstId,
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
    }
    const bytes = serializeBlock(this.#block.subarray(0, this.#size), facts, NO_SALT)
    const { recordCount, firstId } = facts
    this.#count = 0
    this.#size = 0
    this.#onSealed({ bytes, firstId, lastId: this.#lastId, hour: this.#hour, recordCount })
  }

  #makeRoom(size: number, happenedAt: number, now: number): void {
    const hour = hourOf(happenedAt)
    if (this.#size + size > BLOCK_SIZE || hour !== this.#hour) this.seal()
    if (!this.isEmpty) return
    this.#hour = hour
    const byClock = Math.floor(now * ID_PER_MS)
    this.#firstId = Math.max(this.#lastId + 1, byClock < CLOCK_ID_MAX ? byClock : 0)
    this.#firstAt = happenedAt
    this.#lastAt = happenedAt
  }

  #take(size: number, happenedAt: number): number {
    this.#size += size
    this.#lastAt = Math.max(this.#lastAt, happenedAt)
    this.#lastId = this.#firstId + this.#count++
    return this.#lastId
  }
}
