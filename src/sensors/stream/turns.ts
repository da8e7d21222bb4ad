// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { LimitKey } from '../reply-limit.ts'
import type { Allowance } from './input.ts'
import type { StreamLimits } from './limits.ts'

const BUSY_MS = 10 // how soon to ask again whether there is room for more events

/** One that has bytes to be worked on. */
export type Worker = {
  /** What it shares its turn with: the connections of one source. */
  readonly sourceKey: LimitKey
  /** Works within the allowance, and takes what it used from it. True when nothing is left to do. Does not throw. */
  work(allowance: Allowance): boolean
}

export type TurnDeps = {
  readonly limits: Pick<StreamLimits, 'sourceTurn' | 'totalTurn'>
  /** Whether events come faster than they are kept; nothing is worked on until that is over. */
  readonly isBusy: () => boolean
}

/**
 * Shares the event loop between the sources of all connections, the datagrams and the API: in each turn every source
 * gets the same allowance, however many connections it has, and all together no more than one turn may take. Who has
 * more to do goes on in a later turn, behind the others.
 */
export class StreamTurns {
  readonly #deps: TurnDeps
  readonly #waiting = new Map<LimitKey, Set<Worker>>() // by source, those who waited longest first
  #isScheduled = false
  #turnCount = 0

  constructor(deps: TurnDeps) {
    this.#deps = deps
  }

  /** Turns in which something was worked on. */
  get turnCount(): number {
    return this.#turnCount
  }

  /** Has it work as soon as it is its turn, and again until it is done. */
  add(worker: Worker): void {
    const siblings = this.#waiting.get(worker.sourceKey)
    if (siblings === undefined) this.#waiting.set(worker.sourceKey, new Set([worker]))
    else siblings.add(worker)
    this.#schedule(0)
  }

  #schedule(afterMs: number): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const run = () => {
      this.#isScheduled = false
      this.#run()
    }
    if (afterMs === 0) setImmediate(run)
    else setTimeout(run, afterMs).unref()
  }

  #run(): void {
    if (this.#deps.isBusy()) {
      this.#schedule(BUSY_MS)
      return
    }
    this.#turnCount++
    const { sourceTurn, totalTurn } = this.#deps.limits
    const total = { ...totalTurn }
    let sourceCount = this.#waiting.size // those that come back in this turn stand behind them
    for (const [sourceKey, workers] of this.#waiting) {
      if (sourceCount-- === 0 || total.messageCount <= 0 || total.size <= 0) break
      this.#waiting.delete(sourceKey)
      const allowance = { ...sourceTurn }
      workOff(workers, allowance)
      total.messageCount -= sourceTurn.messageCount - allowance.messageCount
      total.size -= sourceTurn.size - allowance.size
      const added = this.#waiting.get(sourceKey) // while they worked
      for (const worker of added ?? []) workers.add(worker)
      if (workers.size > 0) this.#waiting.set(sourceKey, workers)
    }
    if (this.#waiting.size > 0) this.#schedule(0)
  }
}

/** The connections of one source after another; one that is not done goes behind the others. */
function workOff(workers: Set<Worker>, allowance: Allowance): void {
  for (const worker of [...workers]) {
    if (allowance.messageCount <= 0 || allowance.size <= 0) return
    workers.delete(worker)
    if (!worker.work(allowance)) workers.add(worker)
  }
}
