// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { RingReader } from './ring.ts'

const PAUSE_MS = 5 // between two looks while datagrams come, so that many are taken together
const IDLE_COUNT = 20 // looks that found nothing before it asks to be rung for
const PRESSED_SHARE = 0.25 // of the ring
const BUSY_SHARE = 0.5 // of the time of the thread that fills it
const TURN_MS = 20 // how long one turn may go on taking

export type OutletDeps = {
  /** Takes some of the records that lie end to end in `bytes` from `start` to `end`; returns where it stopped. */
  readonly take: (bytes: Uint8Array, start: number, end: number) => number
  /** Whether there is room for more just now. */
  readonly mayTake: () => boolean
}

/** The store's end of a ring: takes what comes in spans of whole records, and sleeps when nothing comes. */
export class Outlet {
  readonly #ring: RingReader
  readonly #deps: OutletDeps
  #timer: NodeJS.Timeout | NodeJS.Immediate | null = null
  #idleCount = 0
  #isClosed = false

  constructor(ring: RingReader, deps: OutletDeps) {
    this.#ring = ring
    this.#deps = deps
  }

  /** Whether what can wait should: much lies in the ring, or the thread that fills it needs the machine. */
  get isPressed(): boolean {
    return this.#ring.usedSize > PRESSED_SHARE * this.#ring.capacity || this.#ring.writerBusyShare > BUSY_SHARE
  }

  /** Called when the bell rings: there is something, or will be soon. */
  wake(): void {
    if (this.#isClosed) return
    this.#idleCount = 0
    this.#timer ??= setImmediate(() => this.#turn())
  }

  /** The place behind all that is there now, for `drain`. */
  get end(): number {
    return this.#ring.end
  }

  /** Takes what lies before that place, as long as there is room for it; returns whether all of it was taken. */
  drain(end: number): boolean {
    while (!this.isTaken(end) && this.#deps.mayTake() && this.#takeNext());
    return this.isTaken(end)
  }

  /** Whether all that lay before that place was taken. */
  isTaken(end: number): boolean {
    return this.#ring.isRead(end)
  }

  /** Takes what is there, whether there is room for it or not, and stops. */
  close(): void {
    this.#isClosed = true
    while (this.#takeNext());
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
  }

  #turn(): void {
    const until = performance.now() + TURN_MS
    let isMore = this.#deps.mayTake() && this.#takeNext()
    this.#idleCount = isMore ? 0 : this.#idleCount + 1
    while (isMore && performance.now() < until) isMore = this.#deps.mayTake() && this.#takeNext()
    this.#timer = null
    if (isMore) this.#timer = setImmediate(() => this.#turn())
    else if (this.#idleCount < IDLE_COUNT || !this.#ring.sleep()) this.#timer = setTimeout(() => this.#turn(), PAUSE_MS)
  }

  #takeNext(): boolean {
    const span = this.#ring.next()
    if (span === null) return false
    this.#ring.release(this.#deps.take(this.#ring.bytes, span.start, span.end) - span.start)
    return true
  }
}
