// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const STEP_FACTOR = 2
const PRECISION = 1.06 // it ends when a rate that holds and one that does not are so close
const TRIES_MAX = 16

export type LadderOptions = {
  readonly from: number
  readonly max: number
  /** Whether everything went well at that rate. */
  readonly holds: (rate: number) => Promise<boolean>
  /** Whether there is time for another try. */
  readonly mayGoOn?: () => boolean
}

/** The highest rate that holds, found by doubling and then halving the distance; 0 when none was found. */
export async function climb({ from, max, holds, mayGoOn = () => true }: LadderOptions): Promise<number> {
  let good = 0
  let bad = Number.POSITIVE_INFINITY
  let rate = from
  for (let tries = 0; tries < TRIES_MAX && mayGoOn(); tries++) {
    if (await holds(rate)) good = Math.max(good, rate)
    else bad = Math.min(bad, rate)
    if (good >= max || bad <= good * PRECISION) break
    rate = Math.round(nextRate(good, bad, max))
    if (rate < 1) break
  }
  return good
}

function nextRate(good: number, bad: number, max: number): number {
  if (good === 0) return bad / STEP_FACTOR
  if (bad === Number.POSITIVE_INFINITY) return Math.min(max, good * STEP_FACTOR)
  return Math.sqrt(good * bad)
}
