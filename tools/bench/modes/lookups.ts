// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { runJson } from '../child.ts'
import { type Balance, balanceOf, countKept, stopAndCount } from '../kept.ts'
import { largeState } from '../large-state.ts'
import { sendLoad } from '../load.ts'
import { BenchNode } from '../node.ts'
import { Random } from '../random.ts'
import { median } from '../statistics.ts'
import { fixed, percent, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const CONNECTION_COUNT = 32
const EVENT_RATE = 20_000
const PACED_RATE = 20_000 // lookups a second
const RUN_SECONDS = 5
const MARGIN_SECONDS = 1 // events arrive before and after the lookups too
const OVERHEAD_SECONDS = 15
const PATH_COUNT = 20_000
const WARM_SECONDS = 2

type Answers = {
  readonly answeredCount: number
  readonly okCount: number
  readonly notFoundCount: number
  readonly otherCount: number
  readonly errorCount: number
  readonly seconds: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
  readonly cpuSeconds: number
}
type Case = { readonly name: string; readonly eventRate: number; readonly pacedRate: number | null }
type Run = Answers & { readonly repliedPart: number; readonly balance: Balance; readonly cpuUs: number }

const CASES: readonly Case[] = [
  { name: 'no events', eventRate: 0, pacedRate: null },
  { name: 'as many as it answers', eventRate: EVENT_RATE, pacedRate: null },
  { name: `${whole(PACED_RATE)} a second asked`, eventRate: EVENT_RATE, pacedRate: PACED_RATE },
]

/** Lookups of addresses and numbers over kept-alive connections, with a million of them known, while events arrive. */
export async function lookups(world: World): Promise<Report> {
  const stateDir = await largeState(world)
  const paths = writePaths(world)
  const seconds = world.options.seconds ?? RUN_SECONDS
  const found = new Map<Case, Run[]>(CASES.map((one) => [one, []]))
  for (const [one, runs] of found) {
    world.say(`  ${one.name}, ${whole(one.eventRate)} events/s:`)
    while (runs.length < world.options.runs && world.hasTime(seconds + OVERHEAD_SECONDS)) {
      const run = await measureOnce(world, { stateDir, paths, seconds, ...one })
      runs.push(run)
      world.say(
        `    ${whole(run.answeredCount / run.seconds)}/s, p50 ${run.p50Us} µs, p99 ${run.p99Us} µs, ${whole(run.balance.lostCount)} events lost`,
      )
    }
  }
  return {
    tables: [
      {
        title: `Lookups, ${CONNECTION_COUNT} connections, ${whole(world.options.eventCount)} addresses known`,
        columns: ['', 'events/s', 'lookups/s', 'p50 ms', 'p99 ms', 'errors', 'events lost', 'answered', 'CPU µs'],
        rows: [...found].map(([one, runs]) => rowOf(one, runs)),
      },
    ],
    notes: [
      'To be reached: 20,000 lookups/s, p99 at most 5 ms, no event lost, while 20,000 events/s arrive and each has a reply.',
      'CPU µs is that of the node for each lookup, events included. Limits of the rate of replies were off.',
    ],
    figures: { cases: [...found].map(([one, runs]) => ({ ...one, runs })) },
  }
}

function rowOf({ name, eventRate }: Case, runs: readonly Run[]): string[] {
  const of = (figure: (run: Run) => number): number => median(runs.map(figure))
  return [
    name,
    whole(eventRate),
    whole(of((run) => run.answeredCount / run.seconds)),
    fixed(
      of((run) => run.p50Us / 1000),
      2,
    ),
    fixed(
      of((run) => run.p99Us / 1000),
      2,
    ),
    whole(runs.reduce((sum, run) => sum + run.errorCount + run.otherCount, 0)),
    whole(runs.reduce((sum, run) => sum + run.balance.lostCount, 0)),
    eventRate === 0 ? '–' : percent(of((run) => run.repliedPart)),
    fixed(
      of((run) => run.cpuUs),
      1,
    ),
  ]
}

/** Seven of ten ask for an address that is known, two for numbers, one for an address that never came. */
function writePaths(world: World): string {
  const random = new Random(1)
  const file = path.join(world.dir, 'paths')
  const one = (): string => {
    const kind = random.below(10)
    if (kind === 0) return `/v1/ip-addresses/198.51.100.${random.below(256)}`
    if (kind < 3) return `/v1/phone-numbers/9011442072${random.digits(6)}`
    const source = random.below(world.options.eventCount) // the source addresses of load.c
    return `/v1/ip-addresses/127.${1 + Math.floor(source / 64_000)}.${Math.floor(source / 250) % 256}.${1 + (source % 250)}`
  }
  writeFileSync(file, `${Array.from({ length: PATH_COUNT }, one).join('\n')}\n`)
  return file
}

type Plan = Case & { readonly stateDir: string; readonly paths: string; readonly seconds: number }

async function measureOnce(world: World, { stateDir, paths, seconds, eventRate, pacedRate }: Plan): Promise<Run> {
  const { recordCount } = await countKept(world, stateDir)
  const node = await BenchNode.start(world, { stateDir })
  await node.indexed()
  const ask = (length: number, rate: number | null) =>
    runJson<Answers>(world, world.programs().http, [
      ...['--target', `127.0.0.1:${node.apiPort}`, '--paths', paths, '--connections', String(CONNECTION_COUNT)],
      ...['--seconds', String(length), ...(rate === null ? [] : ['--rate', String(rate)])],
    ])
  await ask(WARM_SECONDS, null)
  const send = () =>
    sendLoad(world, {
      port: node.port,
      traffic: 'varied',
      rate: eventRate,
      amount: { seconds: seconds + 2 * MARGIN_SECONDS },
      sourceCount: 2000,
      awaitReplies: true,
    })
  const sending = eventRate === 0 ? null : send()
  sending?.catch(() => {}) // told when it is waited for
  if (sending !== null) await new Promise((resolve) => setTimeout(resolve, 1000 * MARGIN_SECONDS))
  const cpuBefore = node.cpuSeconds()
  const answers = await ask(seconds, pacedRate)
  const cpuUs = (1e6 * (node.cpuSeconds() - cpuBefore)) / answers.answeredCount
  const load = await sending
  const sentCount = load?.sentCount ?? 0
  const { stats } = await node.settled(sentCount)
  const found = await stopAndCount(world, node)
  return {
    ...answers,
    cpuUs,
    repliedPart: load === null ? Number.NaN : load.repliedCount / load.sentCount,
    balance: balanceOf(sentCount, found.recordCount - recordCount, stats),
  }
}
