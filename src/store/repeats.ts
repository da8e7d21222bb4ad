// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import type { StoredObservation } from './record.ts'

/** What a repeat must know of the event it repeats. */
export type Original = {
  readonly id: number
  readonly at: number
  readonly ip: string
  readonly numbers: readonly string[]
}

const GENERATION_MS = 32_000 // 64·T1: for so long a client retransmits (RFC 3261 §17.1), so each is found for 32 to 64 s
const GENERATION_COUNT_MAX = 32_768

/**
 * Recognises UDP retransmissions: the same bytes from the same address and port to the same socket. Two generations of
 * at most 32,768 datagrams; what falls out is taken for a new event.
 */
export class Repeats {
  #young = new Map<string, Original>()
  #old = new Map<string, Original>()
  #turnAt = 0

  /** The event that this datagram repeats, or null when it is new. */
  find(observation: StoredObservation): Original | null {
    const key = keyOf(observation)
    return this.#young.get(key) ?? this.#old.get(key) ?? null
  }

  remember(observation: StoredObservation, original: Original): void {
    const stale = observation.at >= this.#turnAt || observation.at < this.#turnAt - GENERATION_MS // the clock may step back
    if (stale || this.#young.size >= GENERATION_COUNT_MAX) {
      this.#old = this.#young
      this.#young = new Map()
      this.#turnAt = observation.at + GENERATION_MS
    }
    this.#young.set(keyOf(observation), original)
  }
}

function keyOf({ source, destination, bytes, size }: StoredObservation): string {
  return `${source.ip} ${source.port} ${destination.ip} ${destination.port} ${size} ${hash('md5', bytes, 'base64')}`
}
