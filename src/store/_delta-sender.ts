// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DeltaBatch } from './delta-batch.ts'
import type { DeltaWindow } from './delta-window.ts'

const SEND_MS = 20 // between two batches, so that a flood of one source is one row
const UNAPPLIED_COUNT_MAX = 64 // batches under way

/** How many batches the main thread has applied, in shared memory. */
export type AppliedCount = Int32Array<SharedArrayBuffer>

export const createAppliedCount = (): AppliedCount => new Int32Array(new SharedArrayBuffer(4))

/** Hands over what a window sums: at once when nothing was sent lately, else a little later. */
export class DeltaSender implements Disposable {
  readonly #window: DeltaWindow
  readonly #applied: AppliedCount
  readonly #post: (batch: DeltaBatch) => void
  #sentCount = 0
  #isHeld = false
  #sentAt = Number.NEGATIVE_INFINITY // monotonic ms
  #timer: NodeJS.Timeout | null = null

  constructor(window: DeltaWindow, applied: AppliedCount, post: (batch: DeltaBatch) => void) {
    this.#window = window
    this.#applied = applied
    this.#post = post
  }

  /** Whether the main thread keeps up, so that what is under way to it stays within a bound. */
  get hasRoom(): boolean {
    return ((this.#sentCount - Atomics.load(this.#applied, 0)) | 0) < UNAPPLIED_COUNT_MAX
  }

  /** How many batches were sent; it wraps. */
  get sentCount(): number {
    return this.#sentCount
  }

  /** Nothing is due for so long; what cannot wait is sent nevertheless. */
  hold(ms: number): void {
    this.#isHeld = true
    this.#sentAt = performance.now() + ms - SEND_MS
  }

  /** Ends a hold. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#sentAt = Number.NEGATIVE_INFINITY
    this.sendIfDue()
  }

  sendIfDue(): void {
    if (this.#window.isEmpty) return
    const waitMs = this.#sentAt + SEND_MS - performance.now()
    if (waitMs <= 0) this.send()
    else this.#timer ??= setTimeout(() => this.send(), waitMs)
  }

  send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#window.isEmpty) return
    this.#sentAt = performance.now()
    this.post(this.#window.take())
  }

  /** Sends what no window sums. */
  post(batch: DeltaBatch): void {
    if (batch.rowCount === 0) return
    this.#sentCount = (this.#sentCount + 1) | 0
    this.#post(batch)
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
