// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { listenApi } from './api/api.ts'
import type { Config } from './config.ts'
import type { Event } from './core/event.ts'
import { ensureCertificate, followCertificate, readCertificate } from './daemon/_certificate.ts'
import { followJournal } from './daemon/_follow.ts'
import { announceNode, readAdminKey, readNodeId } from './daemon/_identity.ts'
import { ownAddresses } from './daemon/_own-addresses.ts'
import { listenReceivers, sumCounters } from './daemon/_receivers.ts'
import { keepVector } from './daemon/_vectors.ts'
import { openJsonLog } from './logs/json-log.ts'
import { openSyslog } from './logs/syslog.ts'
import { listenSensors } from './sensors/sensors.ts'
import type { Listener, Sensors } from './sensors/types.ts'
import { type ClockOffset, createClock, createClockOffset } from './store/clock.ts'
import { collectGarbage } from './store/garbage.ts'
import { openStore } from './store/store.ts'
import type { Store, StoreStatus } from './store/types.ts'
import { VERSION } from './version.ts'

const MIB = 1_048_576
const FLUSH_MS = 1000 // how long a stop waits for a disk that takes nothing

/** What a node tells once everything listens. */
export type Started = {
  readonly version: string
  readonly nodeId: string
  readonly listeners: readonly Listener[]
  readonly apiUrl: string | null
  readonly stateDir: string
  /** What opening the state folder had to mend, in words. */
  readonly repairs: readonly string[]
  readonly readyMs: number // since the process started
}

export type DaemonDeps = {
  readonly signal: AbortSignal
  readonly log: Logger
  readonly onReady?: (started: Started) => void
  /** Moves the node's clock; for tests. */
  readonly clockOffset?: ClockOffset
}

/**
 * Runs a node until the signal; start order is dependency order, stop is its reverse. Resolves with what was kept.
 * Throws DaemonError when it cannot start, and the error of a part whose failure leaves it useless.
 */
export async function runDaemon(config: Config, deps: DaemonDeps): Promise<StoreStatus> {
  const { log, signal, clockOffset = createClockOffset() } = deps
  const now = createClock(clockOffset)
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {}) // it is awaited below, unless the start fails first
  await using parts = new AsyncDisposableStack()
  const { state } = config
  const store = parts.use(
    await openStore({ dir: state.dir, quotaSize: state.quotaMiB * MIB }, { clockOffset, onFatal: failed.reject }),
  )
  const nodeId = readNodeId(state.dir)
  parts.use(await openLogs(config, { store, log, nodeId, signal }))
  const sensors = parts.use(await listenForAttackers(config, { store, log, now, clockOffset, onFatal: failed.reject }))
  let ready = false
  const adminKey = readAdminKey(state.dir)
  const startedAt = now()
  let apiUrl: string | null = null
  if (config.api.enabled) {
    const api = await listenApi(config.api, {
      store,
      now,
      log,
      node: { id: nodeId, version: VERSION, startedAt },
      adminKey,
      sensors: () => ({ listeners: sensors.listeners, counters: sensors.counters() }),
      ready: () => ready,
    })
    parts.use(api)
    apiUrl = api.url
    parts.use(announceNode(state.dir, { url: api.url, version: VERSION, startedAt }))
  }
  collectGarbage()
  ready = true
  const { repairs } = store.status()
  const { listeners } = sensors
  deps.onReady?.({
    version: VERSION,
    nodeId,
    listeners,
    apiUrl,
    stateDir: state.dir,
    repairs,
    readyMs: performance.now(),
  })
  if (!signal.aborted) await Promise.race([once(signal, 'abort'), failed.promise])
  ready = false
  return await stop(parts, sensors, store, log) // not just return: that would dispose of the parts at once
}

/** Closes the sensors first, so that what is counted as kept is all that was seen. */
async function stop(parts: AsyncDisposableStack, sensors: Sensors, store: Store, log: Logger): Promise<StoreStatus> {
  await sensors[Symbol.asyncDispose]()
  const waited = new AbortController()
  await Promise.race([store.flush(), setTimeout(FLUSH_MS, undefined, { signal: waited.signal }).catch(() => {})])
  waited.abort()
  const status = store.status()
  const unsaved = status.acceptedCount - status.durableCount
  if (unsaved > 0) log.error(`${unsaved} events could not be saved: ${status.trouble ?? 'the disk is too slow'}`)
  await parts.disposeAsync()
  return status
}

type ListenDeps = {
  readonly store: Store
  readonly log: Logger
  readonly now: () => number
  readonly clockOffset: ClockOffset
  readonly onFatal: (error: Error) => void
}

/** Datagrams are received in threads of their own, connections here. */
async function listenForAttackers(config: Config, deps: ListenDeps): Promise<Sensors> {
  const { store, log } = deps
  const listen = config.sip.enabled ? config.sip.listen : []
  const datagrams = listen.filter(({ transport }) => transport === 'udp')
  const streams = listen.filter(({ transport }) => transport !== 'udp')
  const isSecure = streams.some(({ transport }) => transport === 'tls' || transport === 'wss')
  const files = config.sip.tls
  if (isSecure)
    ensureCertificate(files, {
      stateDir: config.state.dir,
      subject: config.sip.personas.default.certificate,
      now: deps.now(),
    })
  const credentials = isSecure ? { credentials: readCertificate(files) } : {}
  const keep = (bytes: Uint8Array, error: unknown): void => {
    const path = keepVector(config.state.dir, bytes, error)
    if (path !== null) log.warn({ path }, 'a packet uncovered a bug; it is kept, please report it')
  }
  await using parts = new AsyncDisposableStack()
  const receivers = parts.use(
    await listenReceivers(
      { ...config.sip, listen: datagrams },
      {
        clockOffset: deps.clockOffset,
        openInlet: () => store.openInlet(),
        log: {
          info: (object, text) => log.info(object, text),
          warn: (object, text) => log.warn(object, text),
          error: (object, text) => log.error(object, text),
        },
        keepVector: keep,
        onFatal: deps.onFatal,
      },
    ),
  )
  const connections = parts.use(
    await listenSensors(
      { ...config.sip, listen: streams, ...credentials },
      {
        now: deps.now,
        random: (size) => randomBytes(size),
        observe: (observation) => store.append(observation),
        observeDatagram: () => {
          throw new Error('datagrams belong to the threads that receive')
        },
        isBusy: () => store.isBusy(),
        log,
        keepVector: keep,
        ownAddresses,
      },
    ),
  )
  if (isSecure) parts.use(followCertificate(files, { renew: (renewed) => connections.renewCredentials(renewed), log }))
  const owned = parts.move()
  return {
    listeners: [...receivers.listeners, ...connections.listeners],
    counters: () => sumCounters([receivers.counters(), connections.counters()]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The logs that other programs read. Each follows the journal by itself, so that a slow one holds up nobody. */
async function openLogs(
  config: Config,
  deps: { store: Store; log: Logger; nodeId: string; signal: AbortSignal },
): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const onTrouble = (text: string): void => deps.log.error(text)
  const follow = (log: AsyncDisposable & { write(event: Event): void | Promise<void> }): void => {
    parts.use(log)
    parts.use(
      followJournal(deps.store, {
        write: (event) => log.write(event),
        onTrouble: (error) => onTrouble(`a log stopped following the journal for now: ${error.message}`),
      }),
    )
  }
  const identity = { nodeId: deps.nodeId, version: VERSION, onTrouble, signal: deps.signal }
  if (config.jsonLog.enabled) follow(await openJsonLog(config.jsonLog, identity))
  if (config.syslog.enabled) follow(await openSyslog(config.syslog, identity))
  return parts.move()
}
