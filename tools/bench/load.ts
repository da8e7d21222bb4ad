// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { JsonChild, runJson } from './child.ts'
import type { TrafficKind } from './traffic.ts'
import type { World } from './world.ts'

export type LoadPlan = {
  readonly port: number
  readonly traffic: TrafficKind
  readonly rate: number
  readonly amount: { readonly seconds: number } | { readonly count: number }
  readonly sourceCount: number
  readonly firstSource?: number
  readonly firstMessage?: number
  readonly burstCount?: number // datagrams of one source in a row; else as the rate asks
  readonly awaitReplies?: boolean
}

export type LoadResult = {
  readonly sentCount: number
  readonly repliedCount: number
  readonly sendErrorCount: number
  readonly seconds: number
  readonly drainSeconds: number // from the last datagram to the last reply
  readonly cpuSeconds: number
  readonly segmented: boolean
}

export const loadArguments = (plan: LoadPlan, traffic: string): string[] => [
  ...['--target', `127.0.0.1:${plan.port}`, '--traffic', traffic, '--rate', String(plan.rate)],
  ...('seconds' in plan.amount ? ['--seconds', String(plan.amount.seconds)] : ['--count', String(plan.amount.count)]),
  ...['--sources', String(plan.sourceCount), '--first-source', String(plan.firstSource ?? 0)],
  ...['--first-message', String(plan.firstMessage ?? 0)],
  ...(plan.burstCount === undefined ? [] : ['--burst', String(plan.burstCount)]),
  ...['--linger', plan.awaitReplies === true ? '500' : '0'],
]

/** Sends, and resolves when all is sent and, when asked for, answered. */
export async function sendLoad(world: World, plan: LoadPlan): Promise<LoadResult> {
  const result = await runJson<LoadResult>(
    world,
    world.programs().load,
    loadArguments(plan, world.traffic(plan.traffic)),
  )
  if (!result.segmented) world.say('  this system cuts no datagrams (UDP_SEGMENT): the load itself costs more')
  return result
}

export type EchoResult = {
  readonly receivedCount: number
  readonly repliedCount: number
  readonly kernelDropCount: number
  readonly busySeconds: number // from the first datagram to the last
  readonly cpuSeconds: number
}

/** The same load against the reference. */
export async function loadEcho(
  world: World,
  plan: Omit<LoadPlan, 'port'>,
  receiveOnly: boolean,
): Promise<{ sent: LoadResult; echo: EchoResult }> {
  const echo = new JsonChild(world, world.programs().echo, receiveOnly ? ['--receive-only'] : [])
  const { port } = await echo.next<{ port: number }>()
  const sent = await sendLoad(world, { ...plan, port, awaitReplies: !receiveOnly })
  echo.kill('SIGTERM')
  return { sent, echo: await echo.next<EchoResult>() }
}
