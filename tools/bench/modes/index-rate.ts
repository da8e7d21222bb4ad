// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setTimeout as sleep } from 'node:timers/promises'
import { type Balance, balanceOf, type Kept, stopAndCount } from '../kept.ts'
import { runLoad, startWarm } from '../measure.ts'
import type { BenchNode } from '../node.ts'
import { median } from '../statistics.ts'
import { fixed, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const SOURCE_COUNT = 19_997 // a prime, so that a message meets each source before it meets one again
const RATE = 60_000
const RUN_SECONDS = 4
const DRAIN_SECONDS_MAX = 90
const LOOK_MS = 100

type Run = {
  readonly rowsPerSecond: number // from the first event to the last row
  readonly drainedPerSecond: number // events indexed a second once no more came
  readonly lagCountMax: number
  readonly catchUpSeconds: number
  readonly balance: Balance
  readonly found: Kept
}

/** More distinct events than the index must stand, and then the time until it holds them all. */
export async function indexRate(world: World): Promise<Report> {
  const runs: Run[] = []
  const seconds = world.options.seconds ?? RUN_SECONDS
  while (runs.length < world.options.runs && world.hasTime(seconds + DRAIN_SECONDS_MAX)) {
    const run = await measureOnce(world, seconds)
    runs.push(run)
    world.say(
      `  ${whole(run.rowsPerSecond)} rows/s, ${whole(run.drainedPerSecond)} events/s once all was sent, at most ${whole(run.lagCountMax)} behind`,
    )
  }
  const of = (figure: (run: Run) => number): number => median(runs.map(figure))
  const sum = (figure: (run: Run) => number): string => whole(runs.reduce((total, run) => total + figure(run), 0))
  const rows = [
    ['distinct rows a second, while events come', whole(of((run) => run.rowsPerSecond)), '≥ 50,000'],
    ['events a second, once no more come', whole(of((run) => run.drainedPerSecond)), ''],
    ['events behind, at most', whole(of((run) => run.lagCountMax)), ''],
    [
      'seconds to catch up',
      fixed(
        of((run) => run.catchUpSeconds),
        1,
      ),
      '',
    ],
    [
      'rows of all events, part',
      fixed(
        of(({ found }) => found.rowCount / found.recordCount),
        2,
      ),
      '',
    ],
    ['events lost', sum(({ balance }) => balance.lostCount), ''],
    ['events that the index misses', sum(({ found }) => found.recordCount - found.indexedCount), '0'],
  ]
  const rate = whole(world.options.rate ?? RATE)
  return {
    tables: [{ title: `Index, ${rate} distinct events/s offered, no replies`, columns: ['', 'median', 'reach'], rows }],
    notes: [],
    figures: { runs },
  }
}

async function measureOnce(world: World, seconds: number): Promise<Run> {
  const rate = world.options.rate ?? RATE
  const plan = { traffic: 'varied', passive: true, rate, seconds, sourceCount: SOURCE_COUNT, burstCount: 1 } as const
  const warmed = await startWarm(world, plan)
  const { node } = warmed
  await node.indexed()
  const startedAt = performance.now()
  const watch = watchLag(node)
  const { stats, sentCount, takenCount } = await runLoad(world, plan, warmed)
  const endedAt = performance.now()
  await node.indexed(DRAIN_SECONDS_MAX * 1000)
  const indexedAt = performance.now()
  const lagCountMax = Math.max(await watch.stop(), stats.store.indexLagCount!)
  const found = await stopAndCount(world, node)
  world.remove(node.stateDir)
  const rowsOfRun = (found.rowCount * takenCount) / found.recordCount
  return {
    rowsPerSecond: (1000 * rowsOfRun) / (indexedAt - startedAt),
    drainedPerSecond: (1000 * stats.store.indexLagCount!) / (indexedAt - endedAt),
    lagCountMax,
    catchUpSeconds: (indexedAt - endedAt) / 1000,
    balance: balanceOf(sentCount, found.recordCount, stats),
    found,
  }
}

/** Looks at the lag until it is stopped; the largest that it saw. */
function watchLag(node: BenchNode): { stop(): Promise<number> } {
  let lagCountMax = 0
  let isWatching = true
  const watching = (async () => {
    while (isWatching) {
      lagCountMax = Math.max(lagCountMax, (await node.stats()).store.indexLagCount!)
      await sleep(LOOK_MS)
    }
  })()
  watching.catch(() => {}) // told by stop()
  return {
    stop: async () => {
      isWatching = false
      await watching
      return lagCountMax
    },
  }
}
