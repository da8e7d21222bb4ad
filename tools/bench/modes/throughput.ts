// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { climb } from '../ladder.ts'
import { type Measured, type MeasurePlan, measure } from '../measure.ts'
import { type Reference, reference } from '../reference.ts'
import { median } from '../statistics.ts'
import { fixed, mib, percent, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const FROM_RATE = 20_000
const MAX_RATE = 1_500_000
const PROBE_SECONDS = 2
const RUN_SECONDS = 4
const OVERHEAD_SECONDS = 8 // of starting, warming, stopping and counting
const OFFERED_PART_MIN = 0.9
const MORE_THREADS = 2 // what sip.receiver_threads can be set to where the machine is not needed for more
const MORE_THREADS_SECONDS = 60
const STEP_DOWN = 0.93 // when a rate that held once does not hold again
const STEPS_DOWN_MAX = 6

type Kind = Pick<MeasurePlan, 'passive' | 'receiver' | 'threads'>

export const replies = (world: World): Promise<Report> => throughput(world, 'replies', {})
export const receive = (world: World): Promise<Report> => throughput(world, 'receive', { passive: true })
export const dgram = (world: World): Promise<Report> => throughput(world, 'dgram', { receiver: 'dgram' })

/** The rate that a node keeps without loss, and answers in full, found once in a call. */
export function capacity(world: World, name: string, kind: Kind): Promise<{ rate: number; runs: Measured[] }> {
  return world.once(`capacity ${name}`, () => findCapacity(world, kind))
}

function planOf(world: World, kind: Kind, rate: number, seconds: number): MeasurePlan {
  const { traffic, sourceCount } = world.options
  return { ...kind, traffic, sourceCount, rate, seconds }
}

function isGood({ lostCount, kept, rate, repliedCount, sentCount }: Measured, kind: Kind): boolean {
  const isAnswered = kind.passive === true || repliedCount >= sentCount
  return lostCount === 0 && isAnswered && kept >= OFFERED_PART_MIN * rate
}

async function findCapacity(world: World, kind: Kind): Promise<{ rate: number; runs: Measured[] }> {
  const { options } = world
  const seconds = options.seconds ?? RUN_SECONDS
  const runSeconds = seconds + OVERHEAD_SECONDS
  const run = async (rate: number, length: number): Promise<Measured> => {
    const result = await measure(world, planOf(world, kind, rate, length))
    world.say(`    ${describe(result, kind)}`)
    return result
  }
  world.say('  the node:')
  const probeSeconds = Math.min(PROBE_SECONDS, seconds)
  let rate = options.rate
  rate ??= await climb({
    from: FROM_RATE,
    max: MAX_RATE,
    holds: async (tried) => isGood(await run(tried, probeSeconds), kind),
    mayGoOn: () => world.hasTime((options.runs + 2) * runSeconds),
  })
  let runs: Measured[] = []
  for (let step = 0; ; step++) {
    runs = []
    const mayStepDown = options.rate === null && step < STEPS_DOWN_MAX && world.hasTime(options.runs * runSeconds)
    world.say(`  measured at ${whole(rate)}/s:`)
    while (runs.length < options.runs && world.hasTime(runSeconds)) {
      runs.push(await run(rate, seconds))
      if (mayStepDown && !isGood(runs.at(-1)!, kind)) break
    }
    if (!mayStepDown || runs.every((one) => isGood(one, kind))) break
    rate = Math.round(rate * STEP_DOWN)
  }
  return { rate, runs }
}

function describe(
  { offered, kept, lostCount, coldLostCount, balance, repliedCount, sentCount, cpuUs }: Measured,
  kind: Kind,
): string {
  const answered = kind.passive === true ? '' : `, ${percent(repliedCount / sentCount)} answered`
  const { kernelDropCount, shedCount, unaccountedCount } = balance
  const whose = `${whole(kernelDropCount)} by the system, ${whole(shedCount)} by the node, ${whole(unaccountedCount)} unaccounted`
  const cold = coldLostCount === 0 ? '' : ` and ${whole(coldLostCount)} before`
  const lost = balance.lostCount === 0 ? 'no loss' : `${whole(lostCount)}${cold} lost (${whose})`
  return `${whole(offered)}/s offered: ${whole(kept)}/s kept, ${lost}${answered}, ${fixed(cpuUs, 1)} µs`
}

async function throughput(world: World, name: string, kind: Kind): Promise<Report> {
  const bare = await reference(world, kind.passive === true)
  const { runs } = await capacity(world, name, kind)
  const rows = [rowOf(runs.length > 0 ? `node (${runs[0]!.receiver})` : 'node', runs, bare)]
  const figures: Record<string, unknown> = { reference: bare, runs }
  const notes: string[] = []
  if (kind.passive !== true)
    notes.push('The limits of the rate of replies were off (sip.reply_limit.off), save where the row says otherwise.')
  if (name === 'replies' && runs.length > 0) {
    const limited = await withDefaultLimits(world, runs)
    rows.push(rowOf('node, default reply limits', limited, bare))
    figures.defaultLimits = limited
  }
  if (name === 'replies' && world.hasTime(MORE_THREADS_SECONDS)) {
    world.say(`  with ${MORE_THREADS} threads that receive:`)
    const more = await capacity(world, 'replies of more threads', { threads: MORE_THREADS })
    if (more.runs.length > 0)
      rows.push(rowOf(`node (${more.runs[0]!.receiver}, ${MORE_THREADS} threads)`, more.runs, bare))
    figures.moreThreads = more.runs
  }
  notes.push('Lost cold: of the 20,000 datagrams a second that reach a node just started, before it is measured.')
  if (name === 'dgram' && runs.some(({ receiver }) => receiver !== 'dgram'))
    notes.push('The node did not take node:dgram when told to (sip.receiver): this is no figure of the fallback.')
  rows.push(['C reference', whole(bare.perSecond), '0', '–', '–', '–', fixed(bare.cpuUs, 2), '–', '–', '–', '100.0 %'])
  notes.push(`The load generator took ${fixed(bare.loadCpuUs, 2)} µs of CPU for each datagram, on the same processors.`)
  const columns = [
    '',
    'kept/s',
    'lost',
    'lost cold',
    'unaccounted',
    'answered',
    'CPU µs',
    'RSS',
    'B/event',
    'index lag',
    'of C',
  ]
  return { tables: [{ title: TITLES[name]!, columns, rows }], notes, figures }
}

const TITLES: Readonly<Record<string, string>> = {
  replies: 'Events kept, a reply to each',
  receive: 'Events kept, no replies',
  dgram: 'Events kept, a reply to each, received by node:dgram',
}

/** At the rate that the node stood without limits. */
async function withDefaultLimits(world: World, runs: readonly Measured[]): Promise<Measured[]> {
  world.say('  with the default limits of the rate of replies:')
  const result = await measure(world, {
    ...planOf(world, {}, runs[0]!.rate, world.options.seconds ?? RUN_SECONDS),
    limits: 'default',
  })
  world.say(`    ${describe(result, {})}`)
  return [result]
}

function rowOf(name: string, runs: readonly Measured[], bare: Reference): string[] {
  const of = (figure: (run: Measured) => number): number => median(runs.map(figure))
  return [
    name,
    whole(of(({ kept }) => kept)),
    whole(runs.reduce((sum, { lostCount }) => sum + lostCount, 0)),
    whole(runs.reduce((sum, { coldLostCount }) => sum + coldLostCount, 0)),
    whole(runs.reduce((sum, { balance }) => sum + balance.unaccountedCount, 0)),
    percent(of(({ repliedCount, sentCount }) => repliedCount / sentCount)),
    fixed(
      of(({ cpuUs }) => cpuUs),
      1,
    ),
    mib(of(({ rssSize }) => rssSize)),
    fixed(
      of(({ bytes }) => bytes),
      0,
    ),
    whole(of(({ lagCount }) => lagCount)),
    percent(of(({ kept }) => kept) / bare.perSecond),
  ]
}
