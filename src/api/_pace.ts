// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Does one piece of work in a turn of the event loop, whoever waits for it, in the order in which they came: so many
 * long answers hold up a lookup or a datagram no longer than one does.
 */
export class Pace {
  readonly #waiting = new Set<() => void>()
  #isSet = false

  /** Calls it in a turn of its own. */
  wait(work: () => void): void {
    this.#waiting.add(work)
    this.#set()
  }

  forget(work: () => void): void {
    this.#waiting.delete(work)
  }

  #set(): void {
    if (this.#isSet) return
    this.#isSet = true
    setImmediate(() => {
      this.#isSet = false
      const [work] = this.#waiting
      if (work === undefined) return
      this.#waiting.delete(work)
      if (this.#waiting.size > 0) this.#set()
      work()
    })
  }
}
