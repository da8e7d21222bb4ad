// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import path from 'node:path'
import { runJson } from './child.ts'
import { type BenchNode, kernelDrops, type Stats } from './node.ts'
import type { World } from './world.ts'

const COUNT = path.join(import.meta.dirname, 'count.ts')

/** What lies in the folder of a stopped node. */
export type Kept = {
  readonly recordCount: number // events and retransmissions in the journal
  readonly repeatCount: number // of them retransmissions
  readonly journalSize: number
  readonly rowCount: number // of the index
  readonly indexedCount: number // events and retransmissions that its rows stand for
  readonly indexSize: number
}

/** Counts in a fresh process. */
export const countKept = (world: World, stateDir: string): Promise<Kept> =>
  runJson<Kept>(world, process.execPath, ['--disable-warning=ExperimentalWarning', COUNT, stateDir])

/** Where each datagram went. `unaccountedCount` is what nobody tells of: 0 when the node's counters are honest. */
export type Balance = {
  readonly sentCount: number
  readonly keptCount: number
  readonly lostCount: number // sent and not kept
  readonly kernelDropCount: number
  readonly shedCount: number // dropped by the node before the journal, and counted
  readonly unaccountedCount: number
}

/** What the node says so far of datagrams that came and were not kept. */
export const toldLost = (stats: Stats): number => kernelDrops(stats) + stats.store.droppedCount!

export function balanceOf(sentCount: number, keptCount: number, stats: Stats): Balance {
  const kernelDropCount = kernelDrops(stats)
  const shedCount = stats.store.droppedCount! // the only counter of what a node took from the system and did not keep
  return {
    sentCount,
    keptCount,
    lostCount: sentCount - keptCount,
    kernelDropCount,
    shedCount,
    unaccountedCount: sentCount - keptCount - kernelDropCount - shedCount,
  }
}

/** Stops the node and counts what it kept. */
export async function stopAndCount(world: World, node: BenchNode): Promise<Kept> {
  await node.stop()
  return countKept(world, node.stateDir)
}
