// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Observation } from '../core/event.ts'
import { eventRecordSize, RECORD_SIZE_MAX, writeEventRecord } from './record.ts'
import { shedRaw } from './shed.ts'

const BATCH_SIZE = 262_144 // bytes after which a batch is sent at once
const BATCH_MS = 5 // how long the first record of a batch waits for others

/** Bytes handed over but not yet durable: above the first, raw messages are shortened; above the second, events are lost. */
export const QUEUE_SIZE = { shed: 33_554_432, max: 67_108_864 } as const

/** Gathers observations into batches for the store thread, and keeps what waits there within a bound. */
export class Outbox {
  readonly #post: (bytes: Uint8Array<ArrayBuffer>) => void
  #batch = new Uint8Array(BATCH_SIZE + RECORD_SIZE_MAX)
  #size = 0
  #waitingSize = 0
  #timer: NodeJS.Timeout | null = null
  acceptedCount = 0
  droppedCount = 0

  constructor(post: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#post = post
  }

  get waitingSize(): number {
    return this.#waitingSize + this.#size
  }

  add(observation: Observation): void {
    if (this.waitingSize >= QUEUE_SIZE.max) {
      this.droppedCount++
      return
    }
    const shed = this.waitingSize >= QUEUE_SIZE.shed && observation.transport !== 'rtp'
    const kept = shed ? { ...observation, bytes: shedRaw(observation.bytes) } : observation
    if (this.#size + eventRecordSize(kept) > this.#batch.length) this.send()
    this.#size += writeEventRecord(kept, this.#batch, this.#size, kept.bytes.length < observation.bytes.length)
    this.acceptedCount++
    if (this.#size >= BATCH_SIZE) this.send()
    else this.#timer ??= setTimeout(() => this.send(), BATCH_MS)
  }

  /** Sends what has gathered. */
  send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#size === 0) return
    this.#waitingSize += this.#size
    this.#post(this.#batch.slice(0, this.#size))
    this.#size = 0
  }

  /** So many bytes of what was sent are durable now. */
  settle(size: number): void {
    this.#waitingSize -= size
  }
}
