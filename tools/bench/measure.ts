// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Balance, balanceOf, type Kept, stopAndCount, toldLost } from './kept.ts'
import { type LoadResult, sendLoad } from './load.ts'
import { BenchNode, type NodePlan, type Stats } from './node.ts'
import type { TrafficKind } from './traffic.ts'
import type { World } from './world.ts'

const WARM_RATE = 20_000 // datagrams a second before what is measured, so that the code is compiled by then
const WARM_SECONDS = 1
const COUNTERS_LATE_SECONDS = 0.1

export type MeasurePlan = Omit<NodePlan, 'stateDir'> & {
  readonly traffic: TrafficKind
  readonly rate: number
  readonly seconds: number
  readonly sourceCount: number
  readonly burstCount?: number
}

/** One run of a load against a node of its own. */
export type Measured = {
  readonly rate: number // asked for
  readonly offered: number // datagrams a second that were sent
  readonly kept: number // events a second, until the last of them was taken
  readonly receiver: string
  readonly sentCount: number
  readonly repliedCount: number
  readonly cpuUs: number // of the node for each event kept, with what was indexed meanwhile
  readonly rssSize: number
  readonly lostCount: number // of what was sent in the run
  readonly coldLostCount: number // of what was sent before it, to a node that had just started
  readonly lagCount: number // events that the index was behind by when all was durable
  readonly balance: Balance // of warm-up and run together
  readonly bytes: number // of the journal for each record
  readonly load: LoadResult
  readonly found: Kept
}

/** A node that was started and has compiled its code, with what it was sent for that. */
export type WarmNode = { readonly node: BenchNode; readonly warm: LoadResult; readonly stats: Stats }

export async function startWarm(world: World, plan: MeasurePlan): Promise<WarmNode> {
  const node = await BenchNode.start(world, { ...plan, stateDir: world.stateDir() })
  const rate = Math.min(WARM_RATE, plan.rate)
  const warm = await sendLoad(world, {
    ...plan,
    port: node.port,
    rate,
    amount: { count: Math.round(rate * WARM_SECONDS) },
    awaitReplies: plan.passive !== true,
  })
  return { node, warm, stats: (await node.settled(warm.sentCount)).stats }
}

/** What is measured of a warm node until all that it took is durable. Nothing is stopped or counted yet. */
export async function runLoad(world: World, plan: MeasurePlan, { node, warm, stats: before }: WarmNode) {
  const cpuBefore = node.cpuSeconds()
  const load = await sendLoad(world, {
    ...plan,
    port: node.port,
    amount: { seconds: plan.seconds },
    firstMessage: warm.sentCount, // no message twice from one source, which the index would fold into one row
    awaitReplies: plan.passive !== true,
  })
  const endedAt = performance.now()
  const sentCount = warm.sentCount + load.sentCount
  const { stats, takenAt } = await node.settled(sentCount)
  // Replies tell to 10 ms when the last datagram was taken. The counters of the node may be late themselves.
  const lateSeconds = (takenAt - endedAt) / 1000
  const drainSeconds = load.repliedCount > 0 ? load.drainSeconds : lateSeconds > COUNTERS_LATE_SECONDS ? lateSeconds : 0
  return {
    load,
    sentCount,
    stats,
    cpuSeconds: node.cpuSeconds() - cpuBefore,
    takenCount: stats.store.durableCount! - before.store.durableCount!,
    seconds: load.seconds + drainSeconds,
    rssSize: node.rssSize(),
  }
}

/** Starts, warms, loads, stops, counts. */
export async function measure(world: World, plan: MeasurePlan): Promise<Measured> {
  const warmed = await startWarm(world, plan)
  const run = await runLoad(world, plan, warmed)
  const { node } = warmed
  const found = await stopAndCount(world, node)
  world.remove(node.stateDir)
  const { load, stats } = run
  const balance = balanceOf(run.sentCount, found.recordCount, stats)
  const coldLostCount = toldLost(warmed.stats)
  return {
    rate: plan.rate,
    offered: load.sentCount / load.seconds,
    kept: run.takenCount / run.seconds,
    receiver: node.receiver,
    sentCount: load.sentCount,
    repliedCount: load.repliedCount,
    cpuUs: (1e6 * run.cpuSeconds) / run.takenCount,
    rssSize: run.rssSize,
    lagCount: stats.store.indexLagCount!,
    lostCount: balance.lostCount - coldLostCount,
    coldLostCount,
    balance,
    bytes: found.journalSize / found.recordCount,
    load,
    found,
  }
}
