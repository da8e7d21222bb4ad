// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import path from 'node:path'
import { runJson } from '../child.ts'
import { type Balance, balanceOf, type Kept, stopAndCount } from '../kept.ts'
import { runLoad, startWarm } from '../measure.ts'
import { median } from '../statistics.ts'
import { fixed, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const REINDEX = path.join(import.meta.dirname, '..', 'reindex.ts')
const SOURCE_COUNT = 19_997 // a prime, so that a message meets each source before it meets one again
const RATE = 10_000 // low enough for any node to keep all
const RUN_SECONDS = 10
const OVERHEAD_SECONDS = 30
const CENT_THOUSAND = 100_000

type Run = {
  readonly balance: Balance
  readonly found: Kept
  readonly journalBytes: number // of a record
  readonly rowBytes: number // of the index, for each of its rows
  readonly cpuIndexed: number // CPU seconds of 100,000 events until all are in the index
  readonly cpuKept: number // the same without the index: less what making the index anew takes
  readonly answeredPart: number
}

/** What a day's traffic costs: distinct messages, half of them calls, from many sources. */
export async function varied(world: World): Promise<Report> {
  const runs: Run[] = []
  const seconds = world.options.seconds ?? RUN_SECONDS
  while (runs.length < world.options.runs && world.hasTime(seconds + OVERHEAD_SECONDS)) {
    const run = await measureOnce(world, seconds)
    runs.push(run)
    const { journalBytes, rowBytes, cpuIndexed, cpuKept } = run
    world.say(
      `  ${fixed(journalBytes, 0)} + ${fixed(rowBytes, 0)} B, ${fixed(cpuKept, 2)} / ${fixed(cpuIndexed, 2)} s of CPU`,
    )
  }
  const of = (figure: (run: Run) => number): number => median(runs.map(figure))
  const row = (name: string, text: string, reach: string): string[] => [name, text, reach]
  const sum = (figure: (run: Run) => number): string => whole(runs.reduce((total, run) => total + figure(run), 0))
  const rows = [
    row(
      'journal, bytes an event',
      fixed(
        of((run) => run.journalBytes),
        0,
      ),
      '≤ 150',
    ),
    row(
      'index, bytes a distinct row',
      fixed(
        of((run) => run.rowBytes),
        0,
      ),
      '≤ 150',
    ),
    row(
      'CPU s of 100,000 events, without the index',
      fixed(
        of((run) => run.cpuKept),
        2,
      ),
      '≤ 1.0',
    ),
    row(
      'CPU s of 100,000 events, all indexed',
      fixed(
        of((run) => run.cpuIndexed),
        2,
      ),
      '≤ 2.0',
    ),
    row(
      'events lost',
      sum(({ balance }) => balance.lostCount),
      '0',
    ),
    row(
      'events that the index misses',
      sum(({ found }) => found.recordCount - found.indexedCount),
      '0',
    ),
    row(
      'answered, part of all',
      fixed(
        of((run) => run.answeredPart),
        3,
      ),
      '1.000',
    ),
  ]
  return {
    tables: [
      {
        title: `Varied traffic, about 530 bytes, ${whole(SOURCE_COUNT)} sources`,
        columns: ['', 'median', 'reach'],
        rows,
      },
    ],
    notes: ['Without the index: the CPU time of all, less that of making the same index anew from the journal.'],
    figures: { runs },
  }
}

async function measureOnce(world: World, seconds: number): Promise<Run> {
  const rate = world.options.rate ?? RATE
  const plan = { traffic: 'varied', rate, seconds, sourceCount: SOURCE_COUNT, burstCount: 1 } as const
  const warmed = await startWarm(world, plan)
  const { node } = warmed
  await node.indexed()
  const cpuBefore = node.cpuSeconds()
  const { load, stats, sentCount, takenCount } = await runLoad(world, plan, warmed)
  await node.indexed()
  const cpuIndexed = (CENT_THOUSAND * (node.cpuSeconds() - cpuBefore)) / takenCount
  const found = await stopAndCount(world, node)
  const { cpuSeconds } = await runJson<{ cpuSeconds: number }>(world, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    REINDEX,
    node.stateDir,
  ])
  world.remove(node.stateDir)
  return {
    balance: balanceOf(sentCount, found.recordCount, stats),
    found,
    journalBytes: found.journalSize / found.recordCount,
    rowBytes: found.indexSize / found.rowCount,
    cpuIndexed,
    cpuKept: cpuIndexed - (CENT_THOUSAND * cpuSeconds) / found.recordCount,
    answeredPart: load.repliedCount / load.sentCount,
  }
}
