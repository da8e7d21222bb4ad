// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { growTo } from '../large-state.ts'
import { BenchNode } from '../node.ts'
import { median, percentile } from '../statistics.ts'
import { fixed, mib, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const COUNTS = [10_000, 100_000] // and as many as the large state holds
const PAGE_COUNT = 50
const WARM_COUNT = 20

type Found = {
  readonly count: number
  readonly pageMs: readonly number[]
  readonly legacyFirstMs: readonly number[]
  readonly legacyTotalMs: readonly number[]
  readonly rssSize: number
}

/** The first page of what is known, and the whole list as the original gave it, as the number of addresses grows. */
export async function lists(world: World): Promise<Report> {
  const found: Found[] = []
  const node = await BenchNode.start(world, { stateDir: world.stateDir(), passive: true })
  const { eventCount } = world.options
  const counts = [...COUNTS.filter((count) => count < eventCount), eventCount]
  for (const count of counts) {
    if (!world.hasTime(count / 10_000)) {
      world.say(`  ${whole(count)}: left out, since the time is over`)
      break
    }
    world.say(`  up to ${whole(count)}:`)
    await growTo(world, node, count)
    found.push(await measureAt(world, node, count))
  }
  await node.stop()
  // Other modes use this state, unless they made one before.
  if (found.at(-1)?.count === eventCount) world.once('large state', () => Promise.resolve(node.stateDir))
  const rows = found.map((one) => [
    whole(one.count),
    ...[0.5, 0.99].map((part) => fixed(percentile(one.pageMs, part), 2)),
    fixed(median(one.legacyFirstMs), 1),
    fixed(median(one.legacyTotalMs), 0),
    mib(one.rssSize),
  ])
  return {
    tables: [
      {
        title: 'Lists, ms',
        columns: ['addresses', 'page p50', 'page p99', 'legacy first byte', 'legacy whole', 'RSS'],
        rows,
      },
    ],
    notes: ['A page is /v1/ip-addresses; it should take at most 5 ms. Legacy is /ip-addresses, which lists them all.'],
    figures: { found },
  }
}

async function measureAt(world: World, node: BenchNode, count: number): Promise<Found> {
  const rssSize = node.rssSize()
  for (let i = 0; i < WARM_COUNT; i++) await node.get('/v1/ip-addresses')
  const pageMs: number[] = []
  for (let i = 0; i < PAGE_COUNT; i++) pageMs.push((await node.get('/v1/ip-addresses')).totalMs)
  const legacyFirstMs: number[] = []
  const legacyTotalMs: number[] = []
  for (let i = 0; i < world.options.runs; i++) {
    const { firstByteMs, totalMs } = await node.get('/ip-addresses')
    legacyFirstMs.push(firstByteMs)
    legacyTotalMs.push(totalMs)
  }
  world.say(
    `    page ${fixed(median(pageMs), 2)} ms, legacy ${fixed(median(legacyFirstMs), 1)} to ${fixed(median(legacyTotalMs), 0)} ms`,
  )
  return { count, pageMs, legacyFirstMs, legacyTotalMs, rssSize }
}
