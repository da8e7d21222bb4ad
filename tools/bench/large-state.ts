// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { sendLoad } from './load.ts'
import { BenchError } from './native.ts'
import { BenchNode, kernelDrops } from './node.ts'
import { whole } from './table.ts'
import type { World } from './world.ts'

const CHUNK_COUNT = 50_000
const FROM_RATE = 20_000
const RATE_MIN = 1000
const MAX_RATE = 100_000
const INDEX_MS_MAX = 300_000

/** Sends events from new sources, one from each, until the node knows so many; as fast as it keeps them all. */
export async function growTo(world: World, node: BenchNode, count: number): Promise<void> {
  let rate = FROM_RATE
  const before = await node.stats()
  let known = before.indicators.ipAddressCount!
  let sentCount = before.sensors.receivedCount! + kernelDrops(before)
  while (known < count) {
    const chunk = Math.min(CHUNK_COUNT, count - known)
    const load = { traffic: 'varied', rate, amount: { count: chunk }, sourceCount: chunk, burstCount: 1 } as const
    // Sources and messages go on behind all that were sent, kept or not, so that each event is of a new address.
    await sendLoad(world, { ...load, port: node.port, firstSource: sentCount, firstMessage: sentCount })
    sentCount += chunk
    const now = (await node.settled(sentCount)).stats.indicators.ipAddressCount!
    if (now === known) throw new BenchError(`The node stays at ${known} addresses, though more were sent`)
    rate = Math.round(now - known < chunk ? Math.max(RATE_MIN, rate / 1.5) : Math.min(MAX_RATE, rate * 1.25))
    known = now
  }
  const behind = (await node.stats()).store.indexLagCount!
  world.say(`  ${whole(known)} indicators; ${whole(behind)} events are still to be indexed`)
  const left = (await node.indexed(INDEX_MS_MAX)).store.indexLagCount!
  if (left > 0) world.say(`  ${whole(left)} of them are not indexed after ${INDEX_MS_MAX / 1000} s; it goes on without`)
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
