// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setTimeout as sleep } from 'node:timers/promises'
import { largeState } from '../large-state.ts'
import { BenchNode } from '../node.ts'
import { median } from '../statistics.ts'
import { fixed, mib, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const REST_MS = 2000 // after which a node is called idle
const OVERHEAD_SECONDS = 8

type Run = { readonly readySeconds: number; readonly rssSize: number }

/** From the start of the process until it says that it is ready, and what memory it takes then. */
export async function start(world: World): Promise<Report> {
  const empty: Run[] = []
  while (empty.length < world.options.runs) {
    const stateDir = world.stateDir()
    empty.push(await startOnce(world, stateDir))
    world.remove(stateDir)
  }
  const large: Run[] = []
  if (world.hasTime(world.options.eventCount / 8000)) {
    const stateDir = await largeState(world)
    while (large.length < world.options.runs && world.hasTime(OVERHEAD_SECONDS))
      large.push(await startOnce(world, stateDir))
  } else world.say('  the large state: left out, since there is too little time')
  const row = (name: string, runs: readonly Run[], reach: string): string[] => [
    name,
    fixed(median(runs.map(({ readySeconds }) => readySeconds)), 2),
    mib(median(runs.map(({ rssSize }) => rssSize))),
    reach,
  ]
  return {
    tables: [
      {
        title: 'Start',
        columns: ['', 'ready, s', 'RSS idle', 'reach'],
        rows: [
          row('empty', empty, '≤ 0.5 s, ≤ 110 MB'),
          row(`${whole(world.options.eventCount)} events and indicators`, large, '≤ 2 s, ≤ 300 MB'),
        ],
      },
    ],
    notes: ['From the node process, without npm. MiB; 110 MB are 105 MiB, 300 MB are 286 MiB.'],
    figures: { empty, large },
  }
}

async function startOnce(world: World, stateDir: string): Promise<Run> {
  const node = await BenchNode.start(world, { stateDir })
  await sleep(REST_MS)
  const run = { readySeconds: node.readySeconds, rssSize: node.rssSize() }
  await node.stop()
  world.say(`  ready after ${fixed(run.readySeconds, 2)} s, ${mib(run.rssSize)}`)
  return run
}
