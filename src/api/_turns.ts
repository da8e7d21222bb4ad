// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { finished, type Writable } from 'node:stream'
import { Problem } from './problem.ts'

const COUNT_MAX = 4
const WAITING_MAX = 64

/** Lets a few answers be worked on at once. An answer has its turn until the last byte of it left or the client went. */
export class Turns {
  #count = 0
  readonly #waiting = new Set<() => void>()

  /** Resolves when the answer has its turn. Throws the problem BUSY when too many wait already. */
  async take(answer: Writable): Promise<void> {
    if (this.#count < COUNT_MAX) {
      this.#start(answer)
      return
    }
    if (this.#waiting.size >= WAITING_MAX) {
      throw new Problem('BUSY', `${WAITING_MAX} requests for events wait already. Come back in a few seconds`)
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(() => {
      this.#start(answer)
      resolve()
    })
    await promise
  }

  #start(answer: Writable): void {
    this.#count++
    finished(answer, () => {
      this.#count--
      const [next] = this.#waiting
      if (next === undefined) return
      this.#waiting.delete(next)
      next()
    })
  }
}
