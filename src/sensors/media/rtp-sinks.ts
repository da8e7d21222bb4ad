// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { canonicalIp } from '../../core/address.ts'
import type { SensorLog } from '../boundary.ts'
import { systemCode } from '../listen-error.ts'
import { openSink, PacketPace, type RtpSink, type SinkDeps } from './rtp-sink.ts'

export type { RtpSink, SinkCall } from './rtp-sink.ts'

export const SINKS_LIMITS = {
  readyCount: 4, // sockets bound in advance for each host
  usedCount: 200, // calls whose media is received at once
  bindAttemptCount: 20, // ports tried before it is left for later
  retryMs: 5000,
  bufferSize: 65_536, // bytes that wait in the system for one socket, asked for
} as const

export type RtpSinksConfig = {
  /** Even ones of these ports are used, as the persona's device would. */
  readonly ports: { readonly from: number; readonly count: number }
  /** The IP addresses that SIP listens on, wildcards as they are. */
  readonly hosts: readonly string[]
}

export type RtpSinksDeps = SinkDeps & {
  random(size: number): Uint8Array
  readonly log: Pick<SensorLog, 'warn'>
}

export type RtpSinks = AsyncDisposable & {
  /**
   * A sink on that address of ours, or null: all are in use, none is bound just now, or nothing listens there. It closes
   * itself after 30 s, so one that is forgotten is not lost for ever.
   */
  take(localIp: string): RtpSink | null
  readonly usedCount: number
  readonly readyCount: number
  /** Resolves when nothing is being bound any more. */
  settled(): Promise<void>
}

/** Binds a few sockets on each host and keeps as many ready. A host on which none can be bound is tried again later. */
export async function openRtpSinks(config: RtpSinksConfig, deps: RtpSinksDeps): Promise<RtpSinks> {
  const pools = new Map(config.hosts.map((host) => [canonicalIp(host) ?? host, new Pool(host, config.ports, deps)]))
  const used = new Set<RtpSink>()
  const total = new PacketPace(deps)
  const settled = async () => void (await Promise.all([...pools.values()].map((pool) => pool.settled())))
  for (const pool of pools.values()) pool.fill()
  await settled()
  return {
    take: (localIp) => {
      if (used.size >= SINKS_LIMITS.usedCount) return null
      const pool = pools.get(localIp) ?? pools.get(localIp.includes(':') ? '::' : '0.0.0.0')
      const socket = pool?.take()
      if (socket === undefined) return null
      const sink = openSink(socket, deps, total, () => used.delete(sink))
      used.add(sink)
      return sink
    },
    get usedCount() {
      return used.size
    },
    get readyCount() {
      return [...pools.values()].reduce((sum, pool) => sum + pool.readyCount, 0)
    },
    settled,
    async [Symbol.asyncDispose]() {
      for (const sink of [...used]) sink.close()
      await Promise.all([...pools.values()].map((pool) => pool[Symbol.asyncDispose]()))
    },
  }
}

/** The bound sockets of one host that no call has yet. What comes to them is thrown away. */
class Pool implements AsyncDisposable {
  readonly #host: string
  readonly #ports: RtpSinksConfig['ports']
  readonly #deps: RtpSinksDeps
  readonly #ready: Socket[] = []
  #filling: Promise<void> | null = null
  #stopRetry: (() => void) | null = null
  #isClosed = false

  constructor(host: string, ports: RtpSinksConfig['ports'], deps: RtpSinksDeps) {
    this.#host = host
    this.#ports = ports
    this.#deps = deps
  }

  get readyCount(): number {
    return this.#ready.length
  }

  take(): Socket | undefined {
    const socket = this.#ready.shift()
    if (socket !== undefined) this.fill()
    return socket
  }

  /** Begins to bind what is missing, unless that is being done or put off. */
  fill(): void {
    if (this.#isClosed || this.#filling !== null || this.#stopRetry !== null) return
    this.#filling = this.#bindMissing().finally(() => {
      this.#filling = null
    })
  }

  async settled(): Promise<void> {
    await this.#filling
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#stopRetry?.()
    await this.#filling
    for (const socket of this.#ready.splice(0)) socket.close()
  }

  async #bindMissing(): Promise<void> {
    while (!this.#isClosed && this.#ready.length < SINKS_LIMITS.readyCount) {
      const socket = await this.#bindAny()
      if (socket === null) {
        this.#retryLater()
        return
      }
      socket.on('error', () => this.#drop(socket))
      this.#ready.push(socket)
    }
  }

  #drop(socket: Socket): void {
    const index = this.#ready.indexOf(socket)
    if (index === -1) return
    this.#ready.splice(index, 1)
    socket.close()
    this.fill()
  }

  #retryLater(): void {
    const stop = this.#deps.after(SINKS_LIMITS.retryMs, () => {
      this.#stopRetry = null
      this.fill()
    })
    this.#stopRetry = stop
  }

  /** A socket on some even port of the range; null when none could be bound. */
  async #bindAny(): Promise<Socket | null> {
    for (let attempt = 1; ; attempt++) {
      const port = this.#anyPort()
      try {
        return await bindUdp(this.#host, port)
      } catch (error) {
        const isTaken = systemCode(error) === 'EADDRINUSE'
        if (isTaken && attempt < SINKS_LIMITS.bindAttemptCount) continue
        const where = { ip: this.#host, port }
        this.#deps.log.warn(
          { err: error, ...where },
          'No port for the media of calls could be bound; trying again later',
        )
        return null
      }
    }
  }

  /** Any, and not one after the other: a port that was used lately may still be sent to. */
  #anyPort(): number {
    const { from, count } = this.#ports
    const first = from + (from % 2)
    const evenCount = Math.max(1, Math.floor((from + count - first + 1) / 2))
    const [high = 0, low = 0] = this.#deps.random(2)
    return first + 2 * (((high << 8) | low) % evenCount)
  }
}

/** Throws the system's own error. */
async function bindUdp(address: string, port: number): Promise<Socket> {
  const isIpv6 = address.includes(':')
  const socket = createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    ipv6Only: isIpv6,
    recvBufferSize: SINKS_LIMITS.bufferSize,
    lookup: (literal, _options, callback) => callback(null, literal, isIpv6 ? 6 : 4), // it is an address: nothing is asked
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address, port, exclusive: true })
    await listening
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}
