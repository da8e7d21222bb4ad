// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint } from '../../core/event.ts'
import type { Refusals } from './refusals.ts'

export const PACINGS = ['none', 'natural', 'tarpit'] as const
/** Whether answers come at once, as fast as from the device, or refusals slower than that. */
export type Pacing = (typeof PACINGS)[number]

const RINGING_MS = { least: 300, spread: 1_200 } // from the INVITE on
const ANSWER_MS = { least: 2_500, spread: 4_000 } // likewise: below 7 s, so that no dialer gives up
const TARPIT_MS = { least: 200, spread: 2_800 }

/** When what is answered. The times are drawn for a call, and are the same when it is tried again. */
export class Pace {
  readonly #pacing: Pacing
  readonly #draws: Pick<Refusals, 'number'>

  constructor(pacing: Pacing, draws: Pick<Refusals, 'number'>) {
    this.#pacing = pacing
    this.#draws = draws
  }

  /** From the INVITE to ringing and to the last answer, ms. */
  call(source: Endpoint, callId: string): { ringing: number; final: number } {
    if (this.#pacing === 'none') return { ringing: 0, final: 0 }
    const ringing = this.#draw(source, `ringing\n${callId}`, RINGING_MS)
    return { ringing, final: ringing + this.#draw(source, `answer\n${callId}`, ANSWER_MS) - RINGING_MS.least }
  }

  /** From a request that is refused to its refusal, ms. */
  refusal(source: Endpoint, callId: string): number {
    return this.#pacing === 'tarpit' ? this.#draw(source, `tarpit\n${callId}`, TARPIT_MS) : 0
  }

  #draw(source: Endpoint, purpose: string, { least, spread }: { least: number; spread: number }): number {
    return least + this.#draws.number(source, purpose, spread)
  }
}
