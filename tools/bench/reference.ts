// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { climb } from './ladder.ts'
import { loadEcho } from './load.ts'
import { median } from './statistics.ts'
import { whole } from './table.ts'
import type { World } from './world.ts'

const FROM_RATE = 100_000
const MAX_RATE = 2_000_000
const PROBE_SECONDS = 1
const OFFERED_PART_MIN = 0.9

export type Reference = {
  readonly perSecond: number // datagrams a second, the median of the runs
  readonly cpuUs: number // of the reference for each
  readonly loadCpuUs: number // of the load generator for each: what the sender itself took of the machine
  readonly runs: readonly number[]
}

/** The most that the bare C program takes on this machine just now without loss, measured once in a call. */
export function reference(world: World, receiveOnly: boolean): Promise<Reference> {
  return world.once(`reference ${receiveOnly}`, () => find(world, receiveOnly))
}

async function find(world: World, receiveOnly: boolean): Promise<Reference> {
  world.say(`  reference in C, ${receiveOnly ? 'receive only' : 'a reply to each'}:`)
  const run = async (rate: number, seconds: number) => {
    const { traffic, sourceCount } = world.options
    const plan = { traffic, rate, amount: { seconds }, sourceCount }
    const { sent, echo } = await loadEcho(world, plan, receiveOnly)
    const perSecond = echo.receivedCount / Math.max(echo.busySeconds, sent.seconds)
    const isWhole = echo.receivedCount === sent.sentCount && (receiveOnly || sent.repliedCount === sent.sentCount)
    return { sent, echo, perSecond, isWhole, offered: sent.sentCount / sent.seconds }
  }
  const holds = async (rate: number): Promise<boolean> => {
    const { isWhole, perSecond, offered } = await run(rate, PROBE_SECONDS)
    const isGood = isWhole && perSecond >= OFFERED_PART_MIN * rate
    world.say(`    ${whole(offered)}/s offered: ${isWhole ? 'no loss' : 'loss'}, ${whole(perSecond)}/s`)
    return isGood
  }
  const mayGoOn = () => world.hasTime(PROBE_SECONDS + 2)
  const rate = await climb({ from: FROM_RATE, max: MAX_RATE, holds, mayGoOn })
  const runs = []
  for (let i = 0; i < world.options.runs; i++) runs.push(await run(rate, world.options.seconds ?? 3))
  // A run that a busy machine spoilt would make the node look better than it is.
  const sound = runs.filter(({ isWhole }) => isWhole).map(({ perSecond }) => perSecond)
  return {
    perSecond: sound.length > 0 ? median(sound) : rate,
    cpuUs: median(runs.map(({ echo }) => (1e6 * echo.cpuSeconds) / echo.receivedCount)),
    loadCpuUs: median(runs.map(({ sent }) => (1e6 * sent.cpuSeconds) / sent.sentCount)),
    runs: runs.map(({ perSecond }) => perSecond),
  }
}
