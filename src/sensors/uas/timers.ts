// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const TIMER_COUNT_MAX = 20_000 // of all calls together

export type Timer = { cancel(): void }

export type Timers = {
  /** Calls back once after so long; null when so many run already that the caller has to do without. */
  after(ms: number, task: () => void): Timer | null
}

/** Timers that do not keep the process alive, and none of which outlives its owner. */
export class ActiveTimers implements Timers, Disposable {
  readonly #active = new Set<NodeJS.Timeout>()
  readonly #onError: (error: unknown) => void

  /** `onError` is told what a task throws: one call's bug must not end all others. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get count(): number {
    return this.#active.size
  }

  after(ms: number, task: () => void): Timer | null {
    if (this.#active.size >= TIMER_COUNT_MAX) return null
    const timeout = setTimeout(() => {
      this.#active.delete(timeout)
      try {
        task()
      } catch (error) {
        this.#onError(error)
      }
    }, ms)
    timeout.unref()
    this.#active.add(timeout)
    return {
      cancel: () => {
        clearTimeout(timeout)
        this.#active.delete(timeout)
      },
    }
  }

  [Symbol.dispose](): void {
    for (const timeout of this.#active) clearTimeout(timeout)
    this.#active.clear()
  }
}
