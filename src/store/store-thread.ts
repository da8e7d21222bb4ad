// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { MessagePort } from 'node:worker_threads'
import { DaemonError } from '../core/errors.ts'
import { createClock } from './clock.ts'
import { indexDir } from './day-files.ts'
import { type Delta, deltasOf, numberValues, repeatDeltas } from './delta.ts'
import { deriveEvent, shedRaw } from './derive.ts'
import { Indexer } from './indexer.ts'
import type { InletInit } from './inlet.ts'
import { JournalReader } from './journal-reader.ts'
import { JournalWriter } from './journal-writer.ts'
import type { FromStore, StoreCounters, ToStore, WorkerInit } from './messages.ts'
import { Outlet } from './outlet.ts'
import { RawSampler } from './raw-sampler.ts'
import {
  eventRecordSize,
  readRecord,
  recordSizeAt,
  type StoredObservation,
  serializeRepeat,
  writeEventRecord,
} from './record.ts'
import { Repeats } from './repeats.ts'
import { HOUR_MS } from './retention.ts'
import { RingReader } from './ring.ts'
import { journalDir } from './segment.ts'

const COMMIT_MS = 50 // how long a record may wait in memory; with the write itself this stays under 100 ms
const DELTAS_MAX = 500 // sent at once, between two looks at the clock
const RETRY_MS = 1000 // after a failed write
const SWEEP_MS = 60_000
const EXPIRY_DELAY_MS = HOUR_MS // so long the removal of old rows waits for an index that is behind
const LOAD_COUNT = 5000 // indicators sent at once while starting
const QUOTA_FACTOR = 1.1
const QUOTA_FACTOR_BEHIND = 1.25
const INDEX_FULL =
  'the index has reached the disk quota: new addresses and numbers are kept in memory and in the journal only; raise state.quota_mib'

const SEGMENT_SIZE_MIN = 1_048_576 // bytes
const SEGMENTS_PER_QUOTA = 32

type Send = (message: FromStore) => void

/** The life of the store thread: takes batches, makes them durable, keeps the index close behind, sweeps. */
export class StoreThread {
  readonly #send: Send
  readonly #now: () => number
  readonly #quotaSize: number
  readonly #journal: JournalWriter
  readonly #reader: JournalReader
  readonly #indexer: Indexer
  readonly #repeats = new Repeats()
  readonly #sampler = new RawSampler()
  readonly #sweepTimer: NodeJS.Timeout
  readonly #outlets: Outlet[] = []
  readonly #doorbells: MessagePort[] = []
  #commitTimer: NodeJS.Timeout | null = null
  #indexTimer: NodeJS.Immediate | NodeJS.Timeout | null = null
  #flushes: { token: number; position: number; indexed: boolean }[] = []
  #durableCount = 0
  #indexedCount = 0
  #repeatCount = 0
  #shedRawCount = 0
  #waitingSince: number | null = null // when the oldest record in memory was taken, monotonic ms
  #waitingSize = 0 // bytes of batches taken but not yet durable
  #overQuota: boolean
  #expiringSince: number | null = null // monotonic ms
  #indexSize = { size: 0, readAt: Number.NEGATIVE_INFINITY }
  #lastId: number
  #writeTrouble: string | null = null
  #indexTrouble: string | null = null

  constructor(init: WorkerInit, send: Send) {
    this.#send = send
    this.#now = createClock(init.clockOffset)
    this.#quotaSize = init.quotaSize
    const dirs = { journal: journalDir(init.stateDir), index: indexDir(init.stateDir) }
    this.#journal = new JournalWriter(dirs.journal, Math.max(SEGMENT_SIZE_MIN, init.quotaSize / SEGMENTS_PER_QUOTA))
    this.#reader = new JournalReader(dirs.journal)
    this.#journal.expire(this.#now())
    this.#overQuota = this.#journal.size >= init.quotaSize
    this.#indexer = new Indexer(dirs, this.#reader)
    this.#lastId = this.#journal.position
    this.#indexer.dropExpired(this.#now())
    for (const deltas of this.#indexer.load(this.#now(), this.#lastId)) this.#sendDeltas(deltas)
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS)
    const repairs = [...this.#journal.repairs, ...this.#indexer.repairs]
    this.#send({ kind: 'ready', repairs, counters: this.#counters() })
    this.#sweep()
  }

  receive(message: ToStore): void {
    if (message.kind === 'batch') this.#take(message.bytes)
    else if (message.kind === 'inlet') this.#openInlet(message.init)
    else if (message.kind === 'flush') this.#flush(message.token, message.indexed)
    else this.#stop()
  }

  #openInlet({ buffer, doorbell }: InletInit): void {
    const outlet = new Outlet(new RingReader(buffer), (bytes) => this.#take(bytes))
    doorbell.on('message', () => outlet.wake())
    this.#outlets.push(outlet)
    this.#doorbells.push(doorbell)
    outlet.wake()
  }

  /** Under a flood the next batch is there before any timer runs, so the time to commit is looked at here as well. */
  #take(bytes: Uint8Array): void {
    const now = this.#now()
    let deltas: Delta[] = []
    for (let at = 0; at < bytes.length; at += recordSizeAt(bytes, at)) {
      this.#append(bytes, at, now, deltas)
      this.#waitingSince ??= performance.now()
      if (deltas.length < DELTAS_MAX) continue
      this.#send({ kind: 'deltas', deltas })
      deltas = []
      this.#commitIfDue()
    }
    this.#waitingSize += bytes.length
    if (deltas.length > 0) this.#send({ kind: 'deltas', deltas })
    this.#commitIfDue()
    this.#commitTimer ??= setTimeout(() => this.#commit(), COMMIT_MS)
  }

  #commitIfDue(): void {
    const isDue = this.#waitingSince !== null && performance.now() - this.#waitingSince >= COMMIT_MS
    if (isDue && this.#writeTrouble === null) this.#commit() // in trouble the timer tries again
  }

  #append(bytes: Uint8Array, at: number, now: number, deltas: Delta[]): void {
    const record = readRecord(bytes, at)
    if (record.type !== 'event') throw new Error('sensors hand over events only')
    const { observation } = record
    const event = deriveEvent(0, observation)
    const isSip = event.kind === 'sip-request' || event.kind === 'sip-response'
    const original = isSip && observation.transport === 'udp' ? this.#repeats.find(observation) : null
    if (original !== null) {
      const { id: repeatOf, ip, numbers } = original
      this.#lastId = this.#journal.append(
        serializeRepeat({ at: observation.at, repeatOf, sentSize: observation.sentSize }),
        0,
        now,
      )
      this.#repeatCount++
      deltas.push(...repeatDeltas(ip, numbers, original.at))
      return
    }
    this.#lastId = this.#appendEvent(observation, bytes, at, now)
    if (isSip && observation.transport === 'udp') {
      this.#repeats.remember(observation, {
        id: this.#lastId,
        at: event.at,
        ip: event.source.ip,
        numbers: numberValues(event),
      })
    }
    deltas.push(...deltasOf(event))
  }

  #appendEvent(observation: StoredObservation, bytes: Uint8Array, at: number, now: number): number {
    if (observation.rawShed) this.#shedRawCount++
    if (observation.rawShed || !this.#overQuota || this.#sampler.keeps(observation))
      return this.#journal.append(bytes, at, now)
    const short = { ...observation, bytes: shedRaw(observation.bytes) }
    const record = new Uint8Array(eventRecordSize(short))
    writeEventRecord(short, record, 0, true)
    this.#shedRawCount++
    return this.#journal.append(record, 0, now)
  }

  #commit(): void {
    if (this.#commitTimer !== null) clearTimeout(this.#commitTimer)
    this.#commitTimer = null
    try {
      for (const block of this.#journal.commit()) this.#durableCount += block.recordCount
    } catch (error) {
      this.#writeTrouble = `the journal cannot be written, events wait in memory: ${(error as Error).message}; free some disk space`
      this.#commitTimer = setTimeout(() => this.#commit(), RETRY_MS)
      this.#sendProgress()
      return
    }
    this.#writeTrouble = null
    this.#waitingSince = null
    const doneSize = this.#waitingSize
    this.#waitingSize = 0
    this.#keepWithinQuota()
    this.#sendProgress(doneSize)
    this.#answerFlushes()
    this.#scheduleIndex()
  }

  #scheduleIndex(): void {
    this.#indexTimer ??= setImmediate(() => this.#index())
  }

  /** One step, then whatever came in meanwhile, then the next. */
  #index(): void {
    this.#indexTimer = null
    try {
      if (this.#isBehind()) this.#indexedCount += this.#indexer.step(this.#journal.position)
      this.#expireSome()
      this.#indexTrouble = this.#indexer.isFull ? INDEX_FULL : null
    } catch (error) {
      this.#indexTrouble = `the index cannot be written, it will catch up: ${(error as Error).message}; free some disk space, or stop the node and run "sentrypeer reindex"`
      this.#indexTimer = setTimeout(() => this.#index(), RETRY_MS)
      this.#sendProgress()
      return
    }
    if (this.#isBehind() || this.#expiringSince !== null) this.#scheduleIndex()
    this.#sendProgress()
    this.#answerFlushes()
  }

  #isBehind(): boolean {
    return this.#indexer.position < this.#journal.position
  }

  /** Hours that have ended more than 7 days ago leave the journal, the index and memory; the index a few rows at a time. */
  #sweep(): void {
    try {
      this.#journal.expire(this.#now())
      this.#indexer.limit(this.#quotaSize)
    } catch (error) {
      this.#indexTrouble = `what is older than 7 days cannot be removed yet: ${(error as Error).message}`
    }
    this.#expiringSince ??= performance.now()
    this.#scheduleIndex()
  }

  /**
   * What is left of an indicator is told from the index, so that should know all; a flood that goes on for an hour does
   * not put it off for longer. Answers leave out what is too old in any case.
   */
  #expireSome(): void {
    if (this.#expiringSince === null) return
    if (this.#isBehind() && performance.now() - this.#expiringSince < EXPIRY_DELAY_MS) return
    const { expiries, more } = this.#indexer.expire(this.#now())
    if (expiries.length > 0) this.#send({ kind: 'expired', expiries })
    if (!more) this.#expiringSince = null
  }

  /**
   * Shortened messages still take room: past the quota and a tenth the oldest hours go, once the index has counted them;
   * past a quarter also when it has not, since a disk that is full would lose more.
   */
  #keepWithinQuota(): void {
    const { size } = this.#journal
    this.#overQuota = size >= this.#quotaSize
    const factor = this.#isBehind() ? QUOTA_FACTOR_BEHIND : QUOTA_FACTOR
    while (this.#journal.size > this.#quotaSize * factor) if (this.#journal.dropOldest() === null) return
  }

  #flush(token: number, indexed: boolean): void {
    for (const outlet of this.#outlets) outlet.drain()
    this.#flushes.push({ token, position: this.#lastId, indexed })
    if (this.#journal.waiting) this.#commit()
    else this.#answerFlushes()
  }

  #answerFlushes(): void {
    const done = (flush: { position: number; indexed: boolean }): boolean =>
      this.#journal.position >= flush.position && (!flush.indexed || this.#indexer.position >= flush.position)
    for (const flush of this.#flushes.filter(done)) this.#send({ kind: 'flushed', token: flush.token })
    this.#flushes = this.#flushes.filter((flush) => !done(flush))
  }

  #stop(): void {
    for (const outlet of this.#outlets) outlet.close()
    for (const doorbell of this.#doorbells) doorbell.close()
    if (this.#journal.waiting) this.#commit()
    if (this.#commitTimer !== null) clearTimeout(this.#commitTimer)
    if (this.#indexTimer !== null) {
      clearTimeout(this.#indexTimer as NodeJS.Timeout)
      clearImmediate(this.#indexTimer as NodeJS.Immediate)
    }
    clearInterval(this.#sweepTimer)
    this.#indexer[Symbol.dispose]()
    this.#reader[Symbol.dispose]()
    this.#journal[Symbol.dispose]()
    this.#send({ kind: 'stopped' })
  }

  /** A form belongs to a number that is there already, so the indicators of a chunk go first. */
  #sendDeltas(deltas: readonly Delta[]): void {
    const ordered = [...deltas.filter(({ form }) => form === ''), ...deltas.filter(({ form }) => form !== '')]
    for (let i = 0; i < ordered.length; i += LOAD_COUNT) {
      this.#send({ kind: 'deltas', deltas: ordered.slice(i, i + LOAD_COUNT) })
    }
  }

  /** Asks the file system at most once a second. */
  #readIndexSize(): number {
    const now = performance.now()
    if (now - this.#indexSize.readAt > 1000) this.#indexSize = { size: this.#indexer.size, readAt: now }
    return this.#indexSize.size
  }

  #sendProgress(doneSize = 0): void {
    this.#send({ kind: 'progress', counters: this.#counters(), doneSize })
  }

  #counters(): StoreCounters {
    const { oldest } = this.#journal
    return {
      position: this.#journal.position,
      durableCount: this.#durableCount,
      indexedCount: this.#indexedCount,
      indexLagCount: Math.max(0, this.#indexer.pendingCount + this.#durableCount - this.#indexedCount),
      repeatCount: this.#repeatCount,
      shedRawCount: this.#shedRawCount,
      journalSize: this.#journal.size,
      indexSize: this.#readIndexSize(),
      oldestAt: oldest === null ? null : oldest.hour * HOUR_MS,
      trouble: this.#writeTrouble ?? this.#indexTrouble,
    }
  }
}

/** What the main thread must hear of an error that ends the thread. */
export function failure(error: unknown): FromStore {
  if (error instanceof DaemonError) return { kind: 'failed', code: error.code, message: error.detail }
  return {
    kind: 'failed',
    code: null,
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}
