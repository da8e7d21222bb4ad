// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setTimeout as sleep } from 'node:timers/promises'
import { balanceOf, stopAndCount } from '../kept.ts'
import { type LoadPlan, sendLoad } from '../load.ts'
import { BenchNode, type Stats } from '../node.ts'
import { percentile } from '../statistics.ts'
import { fixed, mib, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'
import { capacity } from './throughput.ts'

const FLOOD_SECONDS = 60
const AFTER_SECONDS = 30
const CALM_SECONDS = 3
const FACTOR = 2
const LOOK_MS = 1000
const ASK_MS = 20
const NORMAL_MS = 5 // or twice what was before: answers are called normal again
const NORMAL_COUNT = 25 // that many in a row: half a second

type Look = {
  readonly at: number // seconds since the flood began
  readonly rssSize: number
  readonly lagCount: number
  readonly durableCount: number
}
type Answer = { readonly at: number; readonly ms: number }

/** Twice what the node can take: whether it stays alive, answers, tells what it lost, and is soon itself again. */
export async function flood(world: World): Promise<Report> {
  const { rate: capable } =
    world.options.rate === null ? await capacity(world, 'replies', {}) : { rate: world.options.rate }
  const rate = FACTOR * capable
  const seconds = world.options.seconds ?? FLOOD_SECONDS
  const node = await BenchNode.start(world, { stateDir: world.stateDir() })
  const { traffic, sourceCount } = world.options
  const load: Omit<LoadPlan, 'rate' | 'amount'> = { port: node.port, traffic, sourceCount }
  const calm = await sendLoad(world, { ...load, rate: capable / 4, amount: { seconds: CALM_SECONDS } })
  await node.settled(calm.sentCount)
  await node.indexed()
  world.say(`  ${whole(rate)} datagrams/s for ${seconds} s:`)
  const watch = watchNode(world, node)
  await sleep(1000 * CALM_SECONDS)
  const startedAt = watch.seconds()
  const flooded = await sendLoad(world, { ...load, rate, amount: { seconds }, awaitReplies: true })
  const endedAt = watch.seconds()
  const { takenAt } = await node.settled(calm.sentCount + flooded.sentCount)
  const drainedAt = watch.secondsAt(takenAt)
  await sleep(1000 * (world.options.quick ? 2 : AFTER_SECONDS))
  const last = await node.stats()
  const { looks, answers } = await watch.stop()
  const found = await stopAndCount(world, node)
  world.remove(node.stateDir)
  const sentCount = calm.sentCount + flooded.sentCount
  const balance = balanceOf(sentCount, found.recordCount, last)
  const during = (from: number, to: number): number[] =>
    answers.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms)
  const before = during(0, startedAt)
  const normalMs = Math.max(NORMAL_MS, 2 * percentile(before, 0.99))
  const figures = {
    rate,
    sent: flooded,
    balance,
    rssBeforeSize: looks.find(({ at }) => at >= startedAt)?.rssSize ?? Number.NaN,
    rssPeakSize: Math.max(...looks.map(({ rssSize }) => rssSize)),
    rssAfterSize: looks.at(-1)?.rssSize ?? Number.NaN,
    answerMs: { before: percentile(before, 0.99), during: percentile(during(startedAt, endedAt), 0.99) },
    answerMaxMs: Math.max(...answers.map(({ ms }) => ms)),
    drainSeconds: drainedAt - endedAt,
    normalAfterSeconds: normalAfter(answers, endedAt, normalMs),
    lagAtEndCount: looks.find(({ at }) => at >= endedAt)?.lagCount ?? Number.NaN,
    lagShrinksPerSecond: shrinkRate(looks, endedAt),
    shortenedCount: last.store.shedRawCount!,
    rss: looks.map(({ at, rssSize }) => [Math.round(at), rssSize]),
  }
  return { tables: tablesOf(figures, seconds), notes: [], figures }
}

type Figures = {
  readonly rate: number
  readonly balance: ReturnType<typeof balanceOf>
  readonly rssBeforeSize: number
  readonly rssPeakSize: number
  readonly rssAfterSize: number
  readonly answerMs: { readonly before: number; readonly during: number }
  readonly answerMaxMs: number
  readonly drainSeconds: number
  readonly normalAfterSeconds: number
  readonly lagAtEndCount: number
  readonly lagShrinksPerSecond: number
  readonly shortenedCount: number
}

function tablesOf(found: Figures, seconds: number): Report['tables'] {
  const { balance } = found
  return [
    {
      title: `Flood, ${whole(found.rate)} datagrams/s for ${seconds} s`,
      columns: ['', 'figure'],
      rows: [
        [
          'RSS before, at most, at the end',
          [found.rssBeforeSize, found.rssPeakSize, found.rssAfterSize].map(mib).join(', '),
        ],
        ['answers p99 before, during, ms', `${fixed(found.answerMs.before, 1)}, ${fixed(found.answerMs.during, 1)}`],
        ['longest answer, ms', fixed(found.answerMaxMs, 0)],
        ['all taken after the last datagram, s', fixed(found.drainSeconds, 1)],
        ['answers normal after the last datagram, s', fixed(found.normalAfterSeconds, 1)],
        ['events behind in the index then', whole(found.lagAtEndCount)],
        ['the lag shrinks by, events/s', whole(found.lagShrinksPerSecond)],
      ],
    },
    {
      title: 'Where each datagram went',
      columns: ['', 'datagrams'],
      rows: [
        ['sent', whole(balance.sentCount)],
        ['kept in the journal', whole(balance.keptCount)],
        ['  of them shortened', whole(found.shortenedCount)],
        ['dropped by the system, full receive buffer', whole(balance.kernelDropCount)],
        ['dropped by the node, full queue', whole(balance.shedCount)],
        ['unaccounted for', whole(balance.unaccountedCount)],
      ],
    },
  ]
}

/** Seconds from the end of the flood to the first of so many answers in a row that took no longer than usual. */
function normalAfter(answers: readonly Answer[], endedAt: number, normalMs: number): number {
  let inRow = 0
  for (const [i, { at, ms }] of answers.entries()) {
    inRow = at >= endedAt && ms <= normalMs ? inRow + 1 : 0
    if (inRow === NORMAL_COUNT) return answers[i - NORMAL_COUNT + 1]!.at - endedAt
  }
  return Number.NaN
}

/** Events a second by which the index came nearer to the journal, once nothing more arrived. */
function shrinkRate(looks: readonly Look[], from: number): number {
  const after = looks.filter(({ at }) => at >= from)
  const first = after[0]
  const end = after.find(({ lagCount }) => lagCount === 0) ?? after.at(-1)
  if (first === undefined || end === undefined || end === first) return Number.NaN
  return (first.lagCount - end.lagCount) / (end.at - first.at)
}

/** Asks for an address as a user would, and looks at memory and counters, until it is stopped. */
function watchNode(world: World, node: BenchNode) {
  const startedAt = performance.now()
  const secondsAt = (at: number): number => (at - startedAt) / 1000
  const seconds = (): number => secondsAt(performance.now())
  const looks: Look[] = []
  const answers: Answer[] = []
  let isWatching = true
  const ask = async (): Promise<void> => {
    while (isWatching) {
      const at = seconds()
      const answered = await node.get('/v1/ip-addresses/127.1.0.1').catch(() => null)
      answers.push({ at, ms: answered?.totalMs ?? Number.POSITIVE_INFINITY }) // no answer is the longest of all
      await sleep(ASK_MS)
    }
  }
  const look = async (): Promise<void> => {
    while (isWatching) {
      looks.push(lookAt(await node.stats(), node, seconds()))
      const { at, rssSize, lagCount, durableCount } = looks.at(-1)!
      if (looks.length % 10 === 0)
        world.say(
          `    ${fixed(at, 0)} s: ${mib(rssSize)}, ${whole(durableCount)} kept, index ${whole(lagCount)} behind`,
        )
      await sleep(LOOK_MS)
    }
  }
  const watching = Promise.all([ask(), look()])
  watching.catch(() => {}) // told by stop()
  return {
    seconds,
    secondsAt,
    stop: async () => {
      isWatching = false
      await watching
      return { looks, answers }
    },
  }
}

const lookAt = ({ store }: Stats, node: BenchNode, at: number): Look => ({
  at,
  rssSize: node.rssSize(),
  lagCount: store.indexLagCount!,
  durableCount: store.durableCount!,
})
