// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get as httpGet } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { JsonChild } from './child.ts'
import type { World } from './world.ts'

const MAIN = path.resolve(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const POLL_MS = 25
const QUIET_MS = 1300 // longer than the node keeps what the system told it of drops
const SETTLE_MS_MAX = 120_000
const QUOTA_MIB = 65_536

export type NodePlan = {
  readonly stateDir: string
  readonly passive?: boolean
  readonly limits?: 'off' | 'default' // of the rate of replies; off when left out
  readonly receiver?: 'dgram' // else what the node takes by itself
  readonly threads?: number // that receive; else as many as the node takes by itself
  readonly quotaMiB?: number // of the disk; else so much that nothing is dropped or shortened for want of it
}

type Counters = Readonly<Record<string, number>>
/** What `/v1/stats` tells. */
export type Stats = {
  readonly sensors: Counters
  readonly store: Counters & { readonly trouble: string | null }
  readonly indicators: Counters
}

type Started = {
  readonly apiUrl: string
  readonly listeners: readonly { readonly endpoint: { readonly port: number }; readonly receiver: string }[]
}

/** A node in a process of its own, as an operator starts it, and what can be known of it from outside. */
export class BenchNode {
  readonly stateDir: string
  readonly readySeconds: number // from the start of the process until it says that it is ready
  readonly port: number
  readonly apiPort: number
  readonly receiver: string
  readonly #child: JsonChild
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(child: JsonChild, stateDir: string, readySeconds: number, { apiUrl, listeners }: Started) {
    this.#child = child
    this.stateDir = stateDir
    this.readySeconds = readySeconds
    this.port = listeners[0]!.endpoint.port
    this.receiver = listeners[0]!.receiver
    this.apiPort = Number(new URL(apiUrl).port)
  }

  static async start(world: World, plan: NodePlan): Promise<BenchNode> {
    const flags = ['--json', '--state-dir', plan.stateDir, '--sip', 'udp:127.0.0.1:0', '--api', '127.0.0.1:0']
    if (plan.passive === true) flags.push('--passive')
    const args = ['--disable-warning=ExperimentalWarning', MAIN, 'start', ...flags]
    const startedAt = performance.now()
    const child = new JsonChild(world, process.execPath, args, environment(world, plan))
    const started = await child.next<Started>()
    return new BenchNode(child, plan.stateDir, (performance.now() - startedAt) / 1000, started)
  }

  cpuSeconds = (): number => this.#child.cpuSeconds()
  rssSize = (): number => this.#child.rssSize()

  /** The body of an answer, whatever its status. */
  async get(target: string): Promise<{ status: number; body: string; firstByteMs: number; totalMs: number }> {
    const startedAt = performance.now()
    const request = httpGet({ host: '127.0.0.1', port: this.apiPort, path: target, agent: this.#agent })
    const [response] = await once(request, 'response')
    const chunks: Buffer[] = []
    let firstByteMs = 0
    for await (const chunk of response) {
      if (chunks.length === 0) firstByteMs = performance.now() - startedAt
      chunks.push(chunk)
    }
    const totalMs = performance.now() - startedAt
    return { status: response.statusCode, body: Buffer.concat(chunks).toString('latin1'), firstByteMs, totalMs }
  }

  async stats(): Promise<Stats> {
    return JSON.parse((await this.get('/v1/stats')).body) as Stats
  }

  /** Asks for the stats until `isSo`, or until so much time is over; the last answer. */
  async until(isSo: (stats: Stats) => boolean, timeoutMs = SETTLE_MS_MAX): Promise<Stats> {
    const endsAt = performance.now() + timeoutMs
    for (;;) {
      const stats = await this.stats()
      if (isSo(stats) || performance.now() > endsAt) return stats
      await sleep(POLL_MS)
    }
  }

  /**
   * Resolves when `sentCount` datagrams since its start are accounted for, or no more of them turn up; and when what was
   * taken is durable. `takenAt` is when the last of them was taken, to the length of a poll.
   */
  async settled(sentCount: number): Promise<{ stats: Stats; takenAt: number }> {
    let seen = -1
    let takenAt = performance.now()
    const stats = await this.until((stats) => {
      const count = stats.sensors.receivedCount! + kernelDrops(stats)
      const wasThere = seen === -1 && count >= sentCount // when it was first asked: no later than before the question
      if (count !== seen && !wasThere) takenAt = performance.now()
      seen = count
      const isThere = count >= sentCount || performance.now() - takenAt > QUIET_MS
      return isThere && stats.store.durableCount! >= stats.store.acceptedCount!
    })
    return { stats, takenAt }
  }

  /** Resolves when the index holds all that is durable. */
  indexed(timeoutMs?: number): Promise<Stats> {
    return this.until(
      ({ store }) => store.indexLagCount === 0 && store.durableCount! >= store.acceptedCount!,
      timeoutMs,
    )
  }

  /** Stops it as Ctrl-C does. */
  async stop(): Promise<void> {
    this.#agent.destroy()
    const { child } = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }
}

export const kernelDrops = ({ sensors }: Stats): number => sensors.kernelDropCount!

/** Nothing of the caller's own settings: no variable of ours, and an empty file in place of the usual one. */
function environment(
  world: World,
  { quotaMiB = QUOTA_MIB, limits = 'off', receiver, threads }: NodePlan,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SENTRYPEER_'))
  const file = world.once('empty configuration', () => {
    const empty = path.join(world.dir, 'empty.toml')
    writeFileSync(empty, '')
    return empty
  })
  return {
    ...Object.fromEntries(inherited),
    SENTRYPEER_CONFIG_FILE: file,
    SENTRYPEER_STATE_QUOTA_MIB: String(quotaMiB),
    ...(limits === 'off' ? { SENTRYPEER_SIP_REPLY_LIMIT_OFF: 'true' } : {}),
    ...(receiver === undefined ? {} : { SENTRYPEER_SIP_RECEIVER: receiver }),
    ...(threads === undefined ? {} : { SENTRYPEER_SIP_RECEIVER_THREADS: String(threads) }),
  }
}
