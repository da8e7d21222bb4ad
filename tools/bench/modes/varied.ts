// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import path from 'node:path'
import { runJson } from '../child.ts'
import { type Balance, balanceOf, type Kept, stopAndCount } from '../kept.ts'
import { type MeasurePlan, runLoad, startWarm, type WarmNode } from '../measure.ts'
import { median } from '../statistics.ts'
import { fixed, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const REINDEX = path.join(import.meta.dirname, '..', 'reindex.ts')
const RATE = 20_000 // low enough for any node to keep all
const COLD_SECONDS = 5
const RUN_SECONDS = 25 // behind those: by then all code is compiled
const SOURCE_COUNT = 39_989 // a prime, so that a message meets each source before it meets one again
const OVERHEAD_SECONDS = 45
const CENT_THOUSAND = 100_000

type Run = {
  readonly balance: Balance
  readonly found: Kept
  readonly journalBytes: number // of a record
  readonly rowBytes: number // of the index, for each of its rows
  readonly cold: Costs
  readonly warm: Costs
  readonly answeredPart: number
}

/** CPU seconds of 100,000 events. */
type Costs = {
  readonly indexed: number // until all are in the index
  readonly kept: number // the same without the index: less what making the index anew takes
}

/** What a day's traffic costs: distinct messages, half of them calls, from many sources. */
export async function varied(world: World): Promise<Report> {
  const runs: Run[] = []
  const seconds = world.options.seconds ?? RUN_SECONDS
  while (runs.length < world.options.runs && world.hasTime(COLD_SECONDS + seconds + OVERHEAD_SECONDS)) {
    const run = await measureOnce(world, seconds)
    runs.push(run)
    const { journalBytes, rowBytes, warm, cold } = run
    const cpu = ({ kept, indexed }: Costs): string => `${fixed(kept, 2)} / ${fixed(indexed, 2)}`
    world.say(
      `  ${fixed(journalBytes, 0)} + ${fixed(rowBytes, 0)} B, ${cpu(warm)} s of CPU, before that ${cpu(cold)} s`,
    )
  }
  const of = (figure: (run: Run) => number, digits: number): string => fixed(median(runs.map(figure)), digits)
  const sum = (figure: (run: Run) => number): string => whole(runs.reduce((total, run) => total + figure(run), 0))
  const rows = [
    ['journal, bytes an event', of((run) => run.journalBytes, 0), '≤ 150'],
    ['index, bytes a distinct row', of((run) => run.rowBytes, 0), '≤ 150'],
    ['CPU s of 100,000 events, without the index', of(({ warm }) => warm.kept, 2), '≤ 1.0'],
    ['CPU s of 100,000 events, all indexed', of(({ warm }) => warm.indexed, 2), '≤ 2.0'],
    ['… by a node that has just started, without the index', of(({ cold }) => cold.kept, 2), ''],
    ['… all indexed', of(({ cold }) => cold.indexed, 2), ''],
    ['events lost', sum(({ balance }) => balance.lostCount), '0'],
    ['events that the index misses', sum(({ found }) => found.recordCount - found.indexedCount), '0'],
    ['answered, part of all', of((run) => run.answeredPart, 3), '1.000'],
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

/** The first seconds of a node's life, and then those that are like all further ones. */
async function measureOnce(world: World, seconds: number): Promise<Run> {
  const rate = world.options.rate ?? RATE
  const coldSeconds = Math.min(COLD_SECONDS, seconds)
  const plan = { traffic: 'varied', rate, seconds: coldSeconds, sourceCount: SOURCE_COUNT, burstCount: 1 } as const
  const started = await startWarm(world, plan)
  const { node } = started
  const cold = await measurePart(world, plan, started)
  const warmed = { node, warm: { ...cold.load, sentCount: cold.sentCount }, stats: cold.stats }
  const warm = await measurePart(world, { ...plan, seconds }, warmed)
  const found = await stopAndCount(world, node)
  const made = await runJson<{ coldSeconds: number; warmSeconds: number }>(world, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    REINDEX,
    node.stateDir,
    String(cold.stats.store.durableCount!),
  ])
  world.remove(node.stateDir)
  const costs = ({ cpuSeconds, takenCount }: typeof cold, madeSeconds: number): Costs => ({
    indexed: (CENT_THOUSAND * cpuSeconds) / takenCount,
    kept: CENT_THOUSAND * (cpuSeconds / takenCount - madeSeconds),
  })
  return {
    balance: balanceOf(warm.sentCount, found.recordCount, warm.stats),
    found,
    journalBytes: found.journalSize / found.recordCount,
    rowBytes: found.indexSize / found.rowCount,
    cold: costs(cold, made.coldSeconds),
    warm: costs(warm, made.warmSeconds),
    answeredPart: (cold.load.repliedCount + warm.load.repliedCount) / (cold.load.sentCount + warm.load.sentCount),
  }
}

/** As `runLoad`, and until all is in the index. */
async function measurePart(world: World, plan: MeasurePlan, warmed: WarmNode) {
  const { node } = warmed
  await node.indexed()
  const cpuBefore = node.cpuSeconds()
  const run = await runLoad(world, plan, warmed)
  await node.indexed()
  return { ...run, cpuSeconds: node.cpuSeconds() - cpuBefore }
}
