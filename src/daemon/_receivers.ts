// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DaemonError, type ErrorCode } from '../core/errors.ts'
import { distinctAddresses } from '../sensors/bind.ts'
import { COUNTER_NAMES, createCounters } from '../sensors/counters.ts'
import { choosesBatches, type SensorsConfig } from '../sensors/sensors.ts'
import type { Listener, SensorCounters, Sensors } from '../sensors/types.ts'
import type { ClockOffset } from '../store/clock.ts'
import type { InletInit } from '../store/inlet.ts'
import type { FromReceiver, ReceiveInit, ToReceiver } from './_receive-messages.ts'

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

/**
 * Receives on the UDP addresses in threads of their own. The first binds alone, and so finds out who else is there; then
 * the others join it. Throws as `listenSensors` does, and then nothing stays open.
 */
export async function listenReceivers(
  given: SensorsConfig & { readonly receiverThreads: number },
  deps: ReceiverDeps,
): Promise<Sensors> {
  if (given.listen.length === 0) return NONE
  const isBatch = choosesBatches(given.receiver)
  const count = isBatch ? given.receiverThreads || receiverThreads() : 1
  const listen = distinctAddresses(given.listen, isBatch)
  const config = { ...given, listen, waitMs: WAIT_MS, replyLimit: shareOf(given.replyLimit, count) }
  const threads: ReceiveThread[] = []
  await using parts = new AsyncDisposableStack()
  parts.defer(async () => void (await Promise.all(threads.map((thread) => thread[Symbol.asyncDispose]()))))
  const first = await ReceiveThread.start(config, deps)
  threads.push(first)
  if (count > 1) {
    await first.share()
    const ports = first.listeners.map(({ endpoint }) => endpoint.port) // of each address, in its order
    const bound = listen.map((address, i) => ({ ...address, port: ports[i] ?? address.port }))
    while (threads.length < count)
      threads.push(await ReceiveThread.start({ ...config, listen: bound, shared: true }, deps))
    first.deal(count)
  }
  const owned = parts.move()
  return {
    listeners: first.listeners,
    counters: () => sumCounters(threads.map((thread) => thread.counters())),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const NONE: Sensors = { listeners: [], counters: createCounters, async [Symbol.asyncDispose]() {} }

/** All datagrams of a network go to one thread, so that only the rate of all together has to be shared. */
function shareOf(limit: SensorsConfig['replyLimit'], count: number): SensorsConfig['replyLimit'] {
  return { ...limit, total: { rate: Math.max(1, Math.floor(limit.total.rate / count)) } }
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
  readonly #shared = Promise.withResolvers<void>()
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
    this.#shared.promise.catch(() => {}) // asked for only where there are several threads
    const fail = (error: Error): void => {
      this.#shared.reject(error)
      if (this.listeners.length === 0) reject(error)
      else if (!this.#isStopping) deps.onFatal(error)
    }
    this.#worker.on('error', (error) => fail(error as Error))
    this.#worker.on('exit', () => fail(new Error('The thread that receives datagrams has ended')))
    this.#worker.on('message', (message: FromReceiver) => {
      if (message.kind === 'log') deps.log[message.level](message.object, message.text)
      else if (message.kind === 'vector') this.#keep(message, deps)
      else if (message.kind === 'failed') fail(errorOf(message.code, message.message))
      else if (message.kind === 'shared') this.#shared.resolve()
      else {
        this.listeners = message.listeners
        resolve()
      }
    })
  }

  /** The disk may be full: no reason to stop a node. */
  #keep({ bytes, error }: Extract<FromReceiver, { kind: 'vector' }>, deps: ReceiverDeps): void {
    try {
      deps.keepVector(bytes, error)
    } catch (cause) {
      deps.log.error({ err: cause }, 'Cannot keep the packet that met a bug')
    }
  }

  /** Resolves when others may bind its addresses. */
  share(): Promise<void> {
    this.#tell('share')
    return this.#shared.promise
  }

  /** Deals out what comes among so many threads, of which this is the first. */
  deal(count: number): void {
    this.#tell({ count })
  }

  #tell(message: ToReceiver): void {
    this.#worker.postMessage(message)
  }

  counters(): SensorCounters {
    const counters = createCounters()
    for (const [index, name] of COUNTER_NAMES.entries()) counters[name] = this.#counters[index] ?? 0
    return counters
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true
    this.#tell('stop')
    await this.#exited
  }
}

function errorOf(code: ErrorCode | null, message: string): Error {
  return code === null ? new Error(message) : new DaemonError(code, message)
}
