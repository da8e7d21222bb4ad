// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DaemonError } from '../core/errors.ts'
import type { Observation } from '../core/event.ts'
import { createAnswering } from './answering.ts'
import { type BindContext, type Bound, bind, distinctAddresses } from './bind.ts'
import type { SensorLog } from './boundary.ts'
import { createCounters } from './counters.ts'
import { type ListenAddress, listenError } from './listen-error.ts'
import { openFilesMax } from './open-files.ts'
import { ReplyGuard } from './reply-guard.ts'
import type { ReplyLimitConfig } from './reply-limit.ts'
import { seldom } from './seldom.ts'
import { ConnectionTable } from './stream/connection-table.ts'
import { STREAM_LIMITS, type StreamLimits } from './stream/limits.ts'
import type { TlsAcceptor, TlsCredentials, TlsVersion } from './stream/tls-acceptor.ts'
import { StreamTurns } from './stream/turns.ts'
import type { OpenSensors } from './types.ts'
import type { Pacing } from './uas/pacing.ts'
import type { Personas } from './uas/persona.ts'
import type { Interaction } from './uas/responder.ts'
import { startBatchLoop } from './udp/batch-loop.ts'
import type { ReceivedDatagram } from './udp/datagram.ts'
import type { DatagramHandler, Datagrams } from './udp/datagrams.ts'
import { KernelDrops } from './udp/kernel-drops.ts'
import { type BatchDeps, BatchReceiver, canReceiveBatches } from './udp/linux/batch-receiver.ts'
import { warnOfSmallBuffer } from './udp/udp.ts'

const TROUBLE_LOG_MS = 60_000 // at most one log line of trouble in so long
const ADDRESS_REFRESH_MS = 15_000 // how soon an address that has come is listened on

export type SensorsConfig = {
  readonly enabled: boolean
  readonly listen: readonly ListenAddress[]
  readonly interaction: Interaction
  readonly pacing: Pacing
  readonly replyLimit: ReplyLimitConfig
  readonly neverReply: readonly string[] // addresses and CIDRs
  /** Which device answers where. */
  readonly personas: Personas
  /** How datagrams are received; `auto` takes the fastest way that this system has. */
  readonly receiver: Receiver
  /** Whether other threads of this process bind the same UDP addresses, and share what comes. */
  readonly shared?: boolean
  /** How long this thread may wait inside the system for datagrams, ms; 0 where it has other things to do. */
  readonly waitMs?: number
  /** What listeners of TLS show; they need it. */
  readonly credentials?: TlsCredentials
  readonly tls?: { readonly minVersion: TlsVersion }
  /** What connections may take, where it is to differ from the defaults. */
  readonly stream?: Partial<StreamLimits>
}

export const RECEIVERS = ['auto', 'recvmmsg', 'dgram'] as const
export type Receiver = (typeof RECEIVERS)[number]

export type SensorDeps = {
  now(): number // ms since epoch
  /** Milliseconds from anywhere that no one sets back or forward, for how long things last; performance.now() if left out. */
  monotonicNow?(): number
  random(size: number): Uint8Array // unguessable
  observe(observation: Observation): void // from connections; its bytes are good during the call only
  /** From datagrams, likewise. */
  observeDatagram(datagram: ReceivedDatagram): void
  /** Called when datagrams that came together have been observed. */
  onBatch?(): void
  log: SensorLog
  /** Given a copy of each packet that met a bug. */
  keepVector?(bytes: Uint8Array, error: unknown): void
  /** All addresses of this machine as they are now, loopback included, in canonical text. */
  ownAddresses(): string[]
  /** Whether events come faster than they are kept. Connections then wait, which costs them nothing but time. */
  isBusy?(): boolean
}

/**
 * Listens on all of `config.listen`; resolves when each is bound. When not enabled it listens nowhere.
 * Throws DaemonError PORT_IN_USE, LISTEN_FAILED or CONFIG_INVALID, and then nothing stays open.
 * Disposing closes all sockets, after recording what open connections had sent so far.
 */
export async function listenSensors(config: SensorsConfig, deps: SensorDeps): Promise<OpenSensors> {
  const counters = createCounters()
  const limits = withinOpenFiles({ ...STREAM_LIMITS, ...config.stream }, deps.log)
  const connections = new ConnectionTable(limits, () => counters.shedConnectionCount++)
  const bound: Bound[] = []
  const { log } = deps
  const now = () => deps.now()
  const monotonicNow = () => deps.monotonicNow?.() ?? performance.now()
  const turns = new StreamTurns({ limits, isBusy: () => deps.isBusy?.() ?? false })
  const ownAddresses = () => addressesOrNone(deps)
  const isOwnPort = (port: number) => bound.some((one) => one.port === port)
  const guard = new ReplyGuard(config.neverReply, { now, ownAddresses, isOwnPort })
  const isBatch = choosesBatches(config.receiver)
  const listen = config.enabled ? distinctAddresses(config.listen, isBatch) : []
  await using stack = new AsyncDisposableStack()
  const answering = await createAnswering(config, deps, { counters, guard, monotonicNow })
  stack.use(answering)
  const { boundary, datagrams, fixed } = answering
  const onSendError = () => counters.sendErrorCount++
  const batch =
    isBatch && listen.some(({ transport }) => transport === 'udp')
      ? new BatchReceiver({
          handle: datagrams.handle,
          fixed,
          onBatch: () => deps.onBatch?.(),
          onReplyLost: () => {
            counters.sendErrorCount++
            counters.repliedCount-- // it was counted when it was put into the batch
          },
          onTrouble: warnOfTrouble(log, monotonicNow),
        })
      : null
  const tls = await createTlsAcceptor(config, listen)
  const context: BindContext = {
    listen,
    ownAddresses,
    udp: { handle: handleOne(datagrams, deps), fixed, onSendError, now, log },
    stream: {
      now,
      monotonicNow,
      boundary,
      limits,
      connections,
      turns,
      log,
      tls,
      httpServer: config.personas.default.webServer,
    },
    batch,
    shared: config.shared ?? false,
  }

  for (const address of listen) {
    try {
      bound.push(stack.use(await bind(address, context)))
    } catch (error) {
      throw listenError(address, error)
    }
  }
  warnOfSmallBuffer(Math.min(...bound.map((one) => one.receiveBufferSize ?? Number.POSITIVE_INFINITY)), log)
  if (batch !== null) stack.use(startBatchLoop(batch, config.waitMs ?? 0))
  const timer = startSweep(bound, connections, limits.sweepMs, monotonicNow)
  stack.defer(() => clearInterval(timer))
  const loopShare = eventLoopShare()
  const parts = stack.move()
  const dgramEndpoints = () =>
    bound.flatMap((one) =>
      one.listeners().flatMap(({ receiver, endpoint }) => (receiver === 'dgram' ? [endpoint] : [])),
    )
  const drops = new KernelDrops({ endpoints: dgramEndpoints, monotonicNow })
  const kernelDropCount = () => bound.reduce((sum, one) => sum + (one.dropCount() ?? 0), drops.count())
  return {
    get listeners() {
      return bound.flatMap((one) => one.listeners())
    },
    counters: () => ({ ...counters, kernelDropCount: kernelDropCount(), connectionCount: connections.count }),
    busyShare: () => batch?.busyShare() ?? loopShare(),
    share: () => batch?.share(),
    deal: (count) => batch?.deal(count),
    renewCredentials: (credentials) => tls?.renew(credentials),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

async function createTlsAcceptor(
  { credentials, tls }: SensorsConfig,
  listen: readonly ListenAddress[],
): Promise<TlsAcceptor | null> {
  if (!listen.some(({ transport }) => transport === 'tls' || transport === 'wss')) return null
  if (credentials === undefined)
    throw new DaemonError('CONFIG_INVALID', 'listeners of TLS need a certificate and its key')
  const { TlsAcceptor } = await import('./stream/tls-acceptor.ts')
  try {
    return new TlsAcceptor(credentials, tls?.minVersion ?? '1.2')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DaemonError('CONFIG_INVALID', `sip.tls: OpenSSL does not take the certificate: ${reason}`, {
      cause: error,
    })
  }
}

/** Node's own sockets hand over one datagram at a time. */
function handleOne(datagrams: Datagrams, deps: SensorDeps): DatagramHandler {
  return (...datagram) => {
    datagrams.handle(...datagram)
    deps.onBatch?.()
  }
}

function warnOfTrouble(log: SensorLog, monotonicNow: () => number): BatchDeps['onTrouble'] {
  const warnSeldom = seldom(TROUBLE_LOG_MS, monotonicNow)
  return (error, endpoint) =>
    warnSeldom(() => log.warn({ err: error, ...endpoint }, 'A UDP socket reported an error; it goes on'))
}

/** Which part of the time since its last call the event loop of this thread had work. */
function eventLoopShare(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}

/** Throws CONFIG_INVALID when batches are asked for where there are none. */
export function choosesBatches(receiver: Receiver): boolean {
  if (receiver === 'dgram') return false
  const canDo = canReceiveBatches()
  if (receiver === 'recvmmsg' && !canDo) {
    throw new DaemonError(
      'CONFIG_INVALID',
      'sip.receiver is "recvmmsg", which takes Linux on x64 or arm64 and Node 26 or later; "auto" takes what there is',
    )
  }
  return canDo
}

/** Asking for them can fail, for want of a file descriptor for instance. Then those known so far stay in use. */
function addressesOrNone(deps: SensorDeps): string[] {
  try {
    return deps.ownAddresses()
  } catch (error) {
    deps.log.warn({ err: error }, 'Cannot find out the addresses of this machine')
    return []
  }
}

/** One timer for all connections and addresses. It does not keep the process alive. */
function startSweep(
  bound: readonly Bound[],
  connections: ConnectionTable,
  sweepMs: number,
  monotonicNow: () => number,
): NodeJS.Timeout {
  let refreshedAt = monotonicNow()
  const timer = setInterval(() => {
    const at = monotonicNow()
    for (const connection of connections) connection.sweep(at)
    if (at - refreshedAt < ADDRESS_REFRESH_MS) return
    refreshedAt = at
    for (const one of bound) one.refresh()
  }, sweepMs)
  return timer.unref()
}

/** Connections take at most half of the files that may be open; the rest is for the store and the API. */
function withinOpenFiles(limits: StreamLimits, log: SensorLog): StreamLimits {
  const filesMax = openFilesMax() ?? Number.POSITIVE_INFINITY
  const connectionCountMax = Math.min(limits.connectionCountMax, Math.floor(filesMax / 2))
  if (connectionCountMax === limits.connectionCountMax) return limits
  log.warn(
    { connectionCountMax, openFilesMax: filesMax },
    'Fewer connections than usual can be open at once: raise the limit of open files (ulimit -n, LimitNOFILE=)',
  )
  return { ...limits, connectionCountMax }
}
