// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { extname } from 'node:path'
import { MessageChannel, type Transferable, Worker } from 'node:worker_threads'
import { DaemonError } from '../core/errors.ts'
import { type AppliedCount, createAppliedCount } from './_delta-sender.ts'
import { Inbox } from './_inbox.ts'
import { type ClockOffset, createClock, createClockOffset } from './clock.ts'
import type { DeltaBatch } from './delta-batch.ts'
import { INLET_SIZE, type InletInit } from './inlet.ts'
import { LiveIndicators } from './live-indicators.ts'
import { lockStateDir } from './lock.ts'
import type { FromStore, SnapshotMark, StoreCounters, StoreInit, ToStore, WorkerInit } from './messages.ts'
import { Outbox, QUEUE_SIZE } from './outbox.ts'
import { exitOf, Reader } from './reader.ts'
import { createRing, RingReader } from './ring.ts'
import { loadSnapshot, saveSnapshot } from './snapshot.ts'
import type { CallPage, EventPage, IndexedEvent, JournalBatch, Store, StoreStatus } from './types.ts'

const SNAPSHOT_MS = 300_000
const SAVING_MS = 300 // how long what is added to indicators may wait for a snapshot; it is given up then
const LAST_SAVING_MS = 10_000 // the same at a stop
const PART_COUNT = 1024 // rows of a batch added to the indicators at once

export type StoreConfig = { readonly dir: string; readonly quotaSize: number } // bytes
export type StoreDeps = {
  /** Moves the clock of all threads of the store; for tests. */
  readonly clockOffset?: ClockOffset
  /** How often what lookups are answered from is saved for a quick start; for tests. */
  readonly snapshotMs?: number
  /** A bug ended the store thread: nothing is kept any more, so the node must stop. */
  readonly onFatal: (error: Error) => void
}

/** Opens the node's memory in a folder and brings it in order. Throws DaemonError STATE_* when it cannot. */
export async function openStore(config: StoreConfig, deps: StoreDeps): Promise<Store> {
  await using parts = new AsyncDisposableStack()
  parts.use(lockStateDir(config.dir))
  const clockOffset = deps.clockOffset ?? createClockOffset()
  const init: WorkerInit = { stateDir: config.dir, quotaSize: config.quotaSize, clockOffset }
  const live = new LiveIndicators({ now: createClock(clockOffset) })
  const snapshotMs = deps.snapshotMs ?? SNAPSHOT_MS
  const thread = parts.use(await startStoreThread({ ...init, snapshotMs }, live, deps.onFatal))
  const reader = parts.use(new Reader(() => spawn('reader-worker', init), deps.onFatal))
  const owned = parts.move()
  return {
    append: (observation) => thread.outbox.add(observation),
    openInlet: () => thread.openInlet(),
    isBusy: () => thread.outbox.waitingSize >= QUEUE_SIZE.shed,
    flush: (options) => thread.flush(options?.indexed ?? false),
    indicators: live,
    events: async (query) => (await reader.ask({ kind: 'events', query })) as EventPage,
    event: async (id) => (await reader.ask({ kind: 'event', id })) as IndexedEvent | undefined,
    call: async (query) =>
      (await reader.ask({ kind: 'call', query: { ...query, upTo: thread.counters.position } })) as CallPage,
    read: async (after, limit) =>
      (await reader.ask({ kind: 'read', after, limit, upTo: thread.counters.position })) as JournalBatch,
    position: () => thread.counters.position,
    onAdvance: (listener) => thread.onAdvance(listener),
    status: () => thread.status(config.quotaSize, live.evictedCount),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Threads run from the same kind of file as this one: .ts in a checkout, .js in the package. */
function spawn<T extends WorkerInit>(name: string, init: T): Worker {
  return new Worker(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url), { workerData: init })
}

async function startStoreThread(
  init: Omit<StoreInit, 'applied' | 'snapshot'>,
  live: LiveIndicators,
  onFatal: (error: Error) => void,
): Promise<StoreThreadClient> {
  const applied = createAppliedCount()
  const repairs: string[] = []
  const snapshot = loadSnapshot(init.stateDir, live, (repair) => repairs.push(repair))
  const worker = spawn<StoreInit>('store-worker', { ...init, applied, snapshot })
  const client = new StoreThreadClient({ worker, applied, stateDir: init.stateDir, repairs }, live, onFatal)
  await client.ready
  return client
}

/** The main thread's end of the store thread. */
class StoreThreadClient implements AsyncDisposable {
  readonly outbox: Outbox
  readonly ready: Promise<void>
  counters: StoreCounters = NOTHING
  readonly #worker: Worker
  readonly #live: LiveIndicators
  readonly #listeners = new Set<() => void>()
  readonly #flushes = new Map<number, () => void>()
  readonly #inbox: Inbox<FromStore | BatchPart>
  readonly #applied: AppliedCount
  readonly #stateDir: string
  #saving: Promise<void> | null = null
  #snapshotTrouble: string | null = null
  #lastMark: SnapshotMark | null = null
  #repairs: readonly string[]
  readonly #rings: RingReader[] = [] // read by the store thread; here only to see how full they are
  readonly #exited: Promise<unknown>
  #token = 0
  #stopping = false

  constructor(
    {
      worker,
      applied,
      stateDir,
      repairs,
    }: { worker: Worker; applied: AppliedCount; stateDir: string; repairs: readonly string[] },
    live: LiveIndicators,
    onFatal: (error: Error) => void,
  ) {
    this.#worker = worker
    this.#applied = applied
    this.#stateDir = stateDir
    this.#repairs = repairs
    this.#exited = exitOf(worker)
    this.#live = live
    this.outbox = new Outbox((bytes) => this.#post({ kind: 'batch', bytes }, [bytes.buffer]))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    let opened = false
    const fail = (error: Error): void => {
      if (!opened) reject(error)
      else if (!this.#stopping) onFatal(error)
    }
    worker.on('error', (error) => fail(error as Error))
    worker.on('exit', () => fail(new Error('The store thread has ended')))
    this.#inbox = new Inbox((message) => {
      if (message.kind === 'ready') {
        opened = true
        resolve()
      }
      this.#receive(message)
    })
    worker.on('message', (message: FromStore) => {
      if (message.kind === 'failed') fail(errorOf(message))
      else if (message.kind === 'batch') for (const part of partsOf(message.batch)) this.#inbox.push(part)
      else this.#inbox.push(message)
    })
  }

  flush(indexed: boolean): Promise<void> {
    this.outbox.send()
    const { promise, resolve } = Promise.withResolvers<void>()
    const token = ++this.#token
    this.#flushes.set(token, resolve)
    this.#post({ kind: 'flush', token, indexed })
    return promise
  }

  openInlet(): InletInit {
    const buffer = createRing(INLET_SIZE)
    this.#rings.push(new RingReader(buffer))
    const { port1, port2 } = new MessageChannel()
    this.#post({ kind: 'inlet', init: { buffer, doorbell: port2 } }, [port2])
    return { buffer, doorbell: port1 }
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  status(quotaSize: number, evictedIndicatorCount: number): StoreStatus {
    const { outbox, counters } = this
    const sum = (own: number, of: (ring: RingReader) => number): number =>
      this.#rings.reduce((total, ring) => total + of(ring), own)
    return {
      acceptedCount: sum(outbox.acceptedCount, (ring) => ring.counters.takenCount),
      durableCount: counters.durableCount,
      indexedCount: counters.indexedCount,
      repeatCount: counters.repeatCount,
      shedRawCount: counters.shedRawCount,
      droppedCount: sum(outbox.droppedCount, (ring) => ring.counters.lostCount),
      queuedSize: sum(outbox.waitingSize, (ring) => ring.usedSize),
      indexLagCount: counters.indexLagCount,
      evictedIndicatorCount,
      journalSize: counters.journalSize,
      indexSize: counters.indexSize,
      quotaSize,
      oldestAt: counters.oldestAt,
      repairs: this.#repairs,
      trouble: counters.trouble ?? this.#snapshotTrouble,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.outbox.send()
    this.#stopping = true
    this.#post({ kind: 'stop' })
    await this.#exited
    await this.#saving
    this.#inbox.drain()
    if (this.#lastMark !== null) await this.#save(this.#lastMark, LAST_SAVING_MS)
  }

  /** What the store thread sends meanwhile waits, so that what is saved is of one moment. */
  #saveSoon(mark: SnapshotMark): void {
    if (this.#saving !== null || this.#stopping) return
    this.#inbox.pause()
    this.#saving = this.#save(mark, SAVING_MS).finally(() => {
      this.#saving = null
      this.#inbox.resume()
    })
  }

  async #save(mark: SnapshotMark, withinMs: number): Promise<void> {
    try {
      const deadline = performance.now() + withinMs
      await saveSnapshot(this.#stateDir, this.#live, mark, { deadline, onSaved: () => this.#inbox.resume() })
      this.#snapshotTrouble = null
    } catch (error) {
      this.#snapshotTrouble = `the indicators cannot be saved, the next start takes longer: ${(error as Error).message}`
    }
  }

  #post(message: ToStore, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, [...transfer])
  }

  #receive(message: FromStore | BatchPart): void {
    if (message.kind === 'batch-part') {
      const { batch, from, to } = message
      this.#live.addBatch(batch, from, to)
      if (to === batch.rowCount) Atomics.add(this.#applied, 0, 1)
    } else if (message.kind === 'expired') for (const { lost, left } of message.expiries) this.#live.replace(lost, left)
    else if (message.kind === 'ready') {
      this.#repairs = [...this.#repairs, ...message.repairs]
      this.counters = message.counters
    } else if (message.kind === 'progress') {
      const moved = message.counters.position !== this.counters.position
      this.counters = message.counters
      this.outbox.settle(message.doneSize)
      if (moved) for (const listener of this.#listeners) listener()
    } else if (message.kind === 'mark') this.#saveSoon(message.mark)
    else if (message.kind === 'forget') this.#live.clear()
    else if (message.kind === 'stopped') this.#lastMark = message.mark
    else if (message.kind === 'flushed') {
      this.#flushes.get(message.token)?.()
      this.#flushes.delete(message.token)
    }
  }
}

/** Some rows of a batch: so many as are added without holding up anything else. */
type BatchPart = { readonly kind: 'batch-part'; readonly batch: DeltaBatch; readonly from: number; readonly to: number }

function* partsOf(batch: DeltaBatch): Generator<BatchPart> {
  for (let from = 0; from < batch.rowCount; from += PART_COUNT) {
    yield { kind: 'batch-part', batch, from, to: Math.min(from + PART_COUNT, batch.rowCount) }
  }
}

const NOTHING: StoreCounters = {
  position: 0,
  durableCount: 0,
  indexedCount: 0,
  indexLagCount: 0,
  repeatCount: 0,
  shedRawCount: 0,
  journalSize: 0,
  indexSize: 0,
  oldestAt: null,
  trouble: null,
}

function errorOf(message: Extract<FromStore, { kind: 'failed' }>): Error {
  return message.code === null ? new Error(message.message) : new DaemonError(message.code, message.message)
}
