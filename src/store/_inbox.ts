// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const TURN_MS = 8 // spent on messages in one turn of the event loop, and the end of the last of them

/**
 * Handles messages in their order, a few milliseconds of each turn of the event loop: a port hands over all that has
 * gathered in one turn, and in a flood that would hold up every question. What gathers here is bounded by the sender.
 */
export class Inbox<T> {
  readonly #handle: (message: T) => void
  #waiting: T[] = []
  #next = 0 // of those that wait
  #turn: NodeJS.Immediate | null = null
  #turnAt = 0 // monotonic ms
  #isPaused = false

  constructor(handle: (message: T) => void) {
    this.#handle = handle
  }

  push(message: T): void {
    this.#waiting.push(message)
    if (this.#turn === null) this.#begin()
    this.#work(this.#turnAt + TURN_MS)
  }

  /** Handles nothing until `resume`. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    if (this.#turn === null && this.#waiting.length > 0) this.#begin()
  }

  /** Handles all that waits, now. */
  drain(): void {
    this.#work(Number.POSITIVE_INFINITY)
  }

  #begin(): void {
    this.#turnAt = performance.now()
    this.#turn = setImmediate(() => {
      this.#turn = null
      if (this.#waiting.length === 0 || this.#isPaused) return
      this.#begin()
      this.#work(this.#turnAt + TURN_MS)
    })
  }

  #work(until: number): void {
    while (!this.#isPaused && this.#next < this.#waiting.length && performance.now() < until) {
      const message = this.#waiting[this.#next++] as T
      this.#handle(message)
    }
    if (this.#next < this.#waiting.length) return
    this.#waiting = []
    this.#next = 0
  }
}
