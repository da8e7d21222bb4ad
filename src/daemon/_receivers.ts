// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DaemonError, type ErrorCode } from '../core/errors.ts'
import { COUNTER_NAMES, createCounters } from '../sensors/counters.ts'
import type { SensorsConfig } from '../sensors/sensors.ts'
import type { Listener, SensorCounters, Sensors } from '../sensors/types.ts'
import type { ClockOffset } from '../store/clock.ts'
import type { InletInit } from '../store/inlet.ts'
import type { FromReceiver, ReceiveInit } from './_receive-messages.ts'

const WAIT_MS = 50 // how long a thread waits inside the system for datagrams: also how late it hears that it should stop
const CORES_OF_ONE = 3 // with so many or fewer, a second thread would only take from the others
const THREADS_MAX = 8

export type ReceiverDeps = {
  readonly clockOffset: ClockOffset
  readonly openInlet: () => InletInit
  readonly log: Record<'info' | 'warn' | 'error', (object: object, text: string) => void>
  readonly keepVector: (bytes: Uint8Array, error: unknown) => void
  /** A bug ended a thread: nothing is received any more, so the node must stop. */
  readonly onFatal: (error: Error) => void
}

/** How many threads receive when nobody says it. */
export function receiverThreads(cores = availableParallelism()): number {
  return cores <= CORES_OF_ONE ? 1 : Math.min(THREADS_MAX, Math.floor(cores / 2))
}

/** Receives on the UDP addresses in threads of their own. Throws as `listenSensors` does, and then nothing stays open. */
export async function listenReceivers(
  config: SensorsConfig & { readonly receiverThreads: number },
  deps: ReceiverDeps,
): Promise<Sensors> {
  if (config.listen.length === 0) return NONE
  await using parts = new AsyncDisposableStack()
  const first = parts.use(await ReceiveThread.start({ ...config, waitMs: WAIT_MS }, deps))
  const threads = [first]
  const isBatch = first.listeners.every(({ receiver }) => receiver === 'recvmmsg')
  const count = isBatch ? config.receiverThreads || receiverThreads() : 1
  if (count > 1) {
    // Sockets that share an address must all say so, the first too; it was opened alone to find out who else is there.
    const listen = first.listeners.map(({ endpoint }) => ({
      transport: 'udp' as const,
      host: endpoint.ip,
      port: endpoint.port,
    }))
    await first[Symbol.asyncDispose]()
    threads.pop()
    const shared = { ...config, listen, shared: true, waitMs: WAIT_MS, replyLimit: shareOf(config.replyLimit, count) }
    for (let i = 0; i < count; i++) threads.push(parts.use(await ReceiveThread.start(shared, deps)))
  }
  const owned = parts.move()
  return {
    listeners: threads[0]?.listeners ?? [],
    counters: () => sumCounters(threads.map((thread) => thread.counters())),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const NONE: Sensors = { listeners: [], counters: createCounters, async [Symbol.asyncDispose]() {} }

/** The system deals out datagrams by address and port, so a source with one port keeps its rate, and all together theirs. */
function shareOf(limit: SensorsConfig['replyLimit'], count: number): SensorsConfig['replyLimit'] {
  const part = ({ rate }: { readonly rate: number }) => ({ rate: Math.max(1, Math.floor(rate / count)) })
  return { ...limit, prefix: part(limit.prefix), total: part(limit.total) }
}

export function sumCounters(all: readonly SensorCounters[]): SensorCounters {
  const sum = createCounters()
  for (const one of all) for (const name of COUNTER_NAMES) sum[name] += one[name]
  return sum
}

/** The main thread's end of one of them. */
class ReceiveThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #counters: Float64Array<SharedArrayBuffer>
  readonly #exited: Promise<void>
  #isStopping = false
  listeners: readonly Listener[] = []

  static async start(config: SensorsConfig, deps: ReceiverDeps): Promise<ReceiveThread> {
    const thread = new ReceiveThread(config, deps)
    await thread.#listening
    return thread
  }

  readonly #listening: Promise<void>

  private constructor(config: SensorsConfig, deps: ReceiverDeps) {
    this.#counters = new Float64Array(new SharedArrayBuffer(8 * COUNTER_NAMES.length))
    const inlet = deps.openInlet()
    const init: ReceiveInit = { config, clockOffset: deps.clockOffset, inlet, counters: this.#counters }
    // Threads run from the same kind of file as this one: .ts in a checkout, .js in the package.
    const url = new URL(`./receive-worker${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(url, { workerData: init, transferList: [inlet.doorbell] })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#listening = promise
    const fail = (error: Error): void => {
      if (this.listeners.length === 0) reject(error)
      else if (!this.#isStopping) deps.onFatal(error)
    }
    this.#worker.on('error', (error) => fail(error as Error))
    this.#worker.on('exit', () => fail(new Error('The thread that receives datagrams has ended')))
    this.#worker.on('message', (message: FromReceiver) => {
      if (message.kind === 'log') deps.log[message.level](message.object, message.text)
      else if (message.kind === 'vector') deps.keepVector(message.bytes, message.error)
      else if (message.kind === 'failed') fail(errorOf(message.code, message.message))
      else {
        this.listeners = message.listeners
        resolve()
      }
    })
  }

  counters(): SensorCounters {
    const counters = createCounters()
    for (const [index, name] of COUNTER_NAMES.entries()) counters[name] = this.#counters[index] ?? 0
    return counters
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    this.#worker.postMessage('stop')
    await this.#exited
  }
}

function errorOf(code: ErrorCode | null, message: string): Error {
  return code === null ? new Error(message) : new DaemonError(code, message)
}
