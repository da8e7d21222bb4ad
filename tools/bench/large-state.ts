// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { sendLoad } from './load.ts'
import { BenchNode } from './node.ts'
import { whole } from './table.ts'
import type { World } from './world.ts'

const CHUNK_COUNT = 50_000
const FROM_RATE = 20_000
const MAX_RATE = 100_000
const INDEX_MS_MAX = 300_000

/** Sends events from new sources, one from each, until the node knows so many; as fast as it keeps them all. */
export async function growTo(world: World, node: BenchNode, count: number): Promise<void> {
  let rate = FROM_RATE
  let known = (await node.stats()).indicators.ipAddressCount!
  while (known < count) {
    const chunk = Math.min(CHUNK_COUNT, count - known)
    const load = { traffic: 'varied', rate, amount: { count: chunk }, sourceCount: chunk, burstCount: 1 } as const
    const before = await node.stats()
    // Messages go on where they ended, or an event would look like one that was there before.
    await sendLoad(world, { ...load, port: node.port, firstSource: known, firstMessage: known })
    const { stats } = await node.settled(before.sensors.receivedCount! + chunk)
    const now = stats.indicators.ipAddressCount!
    if (now === known) throw new Error(`The node stays at ${known} addresses, though more were sent`)
    rate = now - known < chunk ? Math.max(1000, rate / 1.5) : Math.min(MAX_RATE, rate * 1.25)
    known = now
  }
  const behind = (await node.stats()).store.indexLagCount!
  world.say(`  ${whole(known)} indicators; ${whole(behind)} events are still to be indexed`)
  await node.indexed(INDEX_MS_MAX)
}

/** The folder of a stopped node that holds as many events as were asked for, each from another address. Made once. */
export function largeState(world: World): Promise<string> {
  return world.once('large state', async () => {
    world.say(`  making a state of ${whole(world.options.eventCount)} events:`)
    const node = await BenchNode.start(world, { stateDir: world.stateDir(), passive: true })
    await growTo(world, node, world.options.eventCount)
    await node.stop()
    return node.stateDir
  })
}
