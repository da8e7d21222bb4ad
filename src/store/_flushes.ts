// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Outlet } from './outlet.ts'

type RingEnds = readonly { readonly outlet: Outlet; readonly end: number }[]
type Flush = { readonly token: number; readonly indexed: boolean }

/** Ids of the newest record that was taken, is durable, is indexed. */
export type Positions = { readonly taken: number; readonly durable: number; readonly indexed: number }

/** The flushes that wait: for what lay in the rings to be taken, then for that to be durable, or indexed. */
export class Flushes {
  #draining: (Flush & { readonly ends: RingEnds })[] = []
  #waiting: (Flush & { readonly position: number })[] = []

  add(flush: Flush, outlets: readonly Outlet[]): void {
    this.#draining.push({ ...flush, ends: outlets.map((outlet) => ({ outlet, end: outlet.end })) })
  }

  /** Takes what they wait for, as far as there is room; the rest is taken in its turns. */
  drain(): void {
    for (const { ends } of this.#draining) for (const { outlet, end } of ends) outlet.drain(end)
  }

  /** Removes those that wait for nothing more, and returns their tokens. */
  takeDone({ taken, durable, indexed }: Positions): number[] {
    const drained = this.#draining.filter(isDrained)
    for (const { ends, ...flush } of drained) this.#waiting.push({ ...flush, position: taken })
    this.#draining = this.#draining.filter((flush) => !isDrained(flush))
    const isDone = (flush: { position: number; indexed: boolean }): boolean =>
      durable >= flush.position && (!flush.indexed || indexed >= flush.position)
    const done = this.#waiting.filter(isDone)
    this.#waiting = this.#waiting.filter((flush) => !isDone(flush))
    return done.map(({ token }) => token)
  }

  /** Whether any waits for more than that to be durable. */
  wantMore(durable: number): boolean {
    return this.#draining.length > 0 || this.#waiting.some(({ position }) => position > durable)
  }
}

const isDrained = ({ ends }: { ends: RingEnds }): boolean => ends.every(({ outlet, end }) => outlet.isTaken(end))
