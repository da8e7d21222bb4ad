// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { MessagePort } from 'node:worker_threads'
import { DaemonError } from '../core/errors.ts'
import { Commits } from './_commits.ts'
import { DeltaSender } from './_delta-sender.ts'
import { Flushes } from './_flushes.ts'
import { SnapshotTimes } from './_snapshot-times.ts'
import { createClock } from './clock.ts'
import { indexDir } from './day-files.ts'
import type { Delta } from './delta.ts'
import { batchOf } from './delta-batch.ts'
import { DialledForms } from './dialled-forms.ts'
import { ExpiredHour } from './expired-hour.ts'
import { indexFolders, settleIndex } from './index-swap.ts'
import { Indexer } from './indexer.ts'
import type { InletInit } from './inlet.ts'
import { Intake } from './intake.ts'
import { JournalReader } from './journal-reader.ts'
import { type JournalFiles, JournalWriter, type WrittenBlock } from './journal-writer.ts'
import type { FromStore, LoadedSnapshot, SnapshotMark, StoreCounters, StoreInit, ToStore } from './messages.ts'
import { QUEUE_SIZE } from './outbox.ts'
import { Outlet } from './outlet.ts'
import { countRecords, isCurrent, replay } from './resume.ts'
import { HOUR_MS, hourOf, RETENTION_MS } from './retention.ts'
import { RingReader } from './ring.ts'
import { journalDir, readSaltAt } from './segment.ts'

const LOOK_COUNT = 256 // events taken between two looks at the clock
const TAKE_SIZE = 262_144 // bytes taken from a ring between two looks at the clock
const INDEX_RETRY_MS = 1000 // after a failed step of the index
const INDEX_RETRY_MAX_MS = 60_000 // each failed step of the index doubles the wait, since the next one opens a day again
const SWEEP_MS = 60_000
const INDEX_WAIT_MS = 5 // between two looks whether it is less full
const INDEX_DELAY_MS = 500 // how long a full input keeps the index from its next step
const EXPIRY_DELAY_MS = HOUR_MS // so long the removal of old rows waits for an index that is behind
const LOAD_COUNT = 5000 // indicators sent at once while starting
const REPLAY_COUNT_MAX = 1_000_000 // records read behind a snapshot rather than the hours of all indicators
const QUOTA_FACTOR = 1.1
const QUOTA_FACTOR_BEHIND = 1.25
const INDEX_FULL =
  'the index has reached the disk quota: new addresses and numbers are kept in memory and in the journal only; raise state.quota_mib'
const SWAPPED = 'a reindex was ended before its index was in place: that was put there'

const SEGMENT_SIZE_MIN = 1_048_576 // bytes
const SEGMENTS_PER_QUOTA = 32

type Send = (message: FromStore, transfer?: readonly ArrayBuffer[]) => void

export type StoreThreadDeps = {
  /** Whether there is other input that has to be taken before the index goes on. */
  readonly isPressed?: () => boolean
  readonly files?: JournalFiles
}

/** The life of the store thread: takes batches, makes them durable, keeps the index close behind, sweeps. */
export class StoreThread {
  readonly #send: Send
  readonly #now: () => number
  readonly #quotaSize: number
  readonly #journal: JournalWriter
  readonly #reader: JournalReader
  readonly #indexer: Indexer
  readonly #intake: Intake
  readonly #deltas: DeltaSender
  readonly #isPressed: () => boolean
  readonly #journalDir: string
  readonly #expired: ExpiredHour
  readonly #repairs: string[] = []
  readonly #snapshotTimes: SnapshotTimes
  readonly #commits: Commits
  readonly #flushes = new Flushes()
  readonly #sweepTimer: NodeJS.Timeout
  readonly #outlets: Outlet[] = []
  readonly #doorbells: MessagePort[] = []
  #indexTimer: NodeJS.Immediate | NodeJS.Timeout | null = null
  #durableCount = 0
  #indexedCount = 0
  #steppedAt = Number.NEGATIVE_INFINITY // when the index took its last step, monotonic ms
  #overQuota: boolean
  #expiringSince: number | null = null // monotonic ms
  #indexSize = { size: 0, readAt: Number.NEGATIVE_INFINITY }
  #indexTrouble: string | null = null
  #indexRetryMs = INDEX_RETRY_MS
  #repairCount: number // days of the index that were made anew, as far as the counters know

  constructor(init: StoreInit, send: Send, { isPressed = () => false, files }: StoreThreadDeps = {}) {
    this.#send = send
    this.#isPressed = isPressed
    this.#now = createClock(init.clockOffset)
    this.#quotaSize = init.quotaSize
    const dirs = { journal: journalDir(init.stateDir), index: indexDir(init.stateDir) }
    this.#journalDir = dirs.journal
    const segmentSize = Math.max(SEGMENT_SIZE_MIN, init.quotaSize / SEGMENTS_PER_QUOTA)
    this.#journal = new JournalWriter(dirs.journal, segmentSize, files)
    this.#reader = new JournalReader(dirs.journal)
    this.#journal.expire(this.#now())
    this.#overQuota = this.#journal.size >= init.quotaSize
    if (settleIndex(indexFolders(init.stateDir))) this.#repairs.push(SWAPPED)
    const forms = new DialledForms()
    this.#indexer = new Indexer(dirs, this.#reader, forms)
    this.#intake = new Intake(this.#journal, forms)
    this.#deltas = new DeltaSender(this.#intake.window, init.applied, (batch) => {
      send({ kind: 'batch', batch }, [batch.addresses.buffer])
    })
    this.#expired = new ExpiredHour(init.stateDir)
    const now = this.#now()
    this.#expired.raise(hourOf(now - RETENTION_MS))
    this.#indexer.dropExpired(now)
    for (const deltas of this.#load(init.snapshot)) this.#sendDeltas(deltas)
    this.#snapshotTimes = new SnapshotTimes(this.#deltas, init.snapshotMs)
    this.#commits = new Commits(this.#journal, {
      onStart: () => this.#beginCommit(),
      onDurable: (blocks, outboxSize) => this.#endCommit(blocks, outboxSize),
      onTrouble: () => this.#missCommit(),
    })
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#repairCount = this.#indexer.repairs.length
    const repairs = [...this.#journal.repairs, ...this.#repairs, ...this.#indexer.repairs]
    this.#send({ kind: 'ready', repairs, counters: this.#counters() })
    this.#sweep()
  }

  /** What indicators are made of, as far as the main thread has it not from a snapshot. */
  #load(snapshot: LoadedSnapshot | null): Generator<Delta[]> {
    const { position } = this.#journal
    if (snapshot === null || !this.#canResume(snapshot)) {
      if (snapshot !== null) this.#send({ kind: 'forget' })
      return this.#indexer.load(this.#now(), position)
    }
    this.#indexer.pendingCount = countRecords(this.#journalDir, this.#indexer.position, position)
    return replay(this.#reader, snapshot.position, position)
  }

  /** Not when it would take longer than to read the hours of all indicators. */
  #canResume(snapshot: LoadedSnapshot): boolean {
    const { position, repairs } = this.#journal
    const state = { dir: this.#journalDir, reader: this.#reader, position, expiredHour: this.#expired.hour }
    if (repairs.length > 0 || !isCurrent(snapshot, state, this.#now())) return false
    const replayCount = countRecords(this.#journalDir, snapshot.position, position)
    return replayCount <= REPLAY_COUNT_MAX || snapshot.position >= this.#indexer.position
  }

  receive(message: ToStore): void {
    if (message.kind === 'batch') this.takeRecords(message.bytes, 0, message.bytes.length, { isOutbox: true })
    else if (message.kind === 'inlet') this.#openInlet(message.init)
    else if (message.kind === 'flush') this.#flush(message.token, message.indexed)
    else void this.#stop()
  }

  #closeOutlet(outlet: Outlet): void {
    const index = this.#outlets.indexOf(outlet)
    if (index < 0) return
    outlet.close()
    this.#outlets.splice(index, 1)
    this.#doorbells.splice(index, 1)
  }

  /** Whether records can be taken: not when so much waits for the disk, or for the main thread, that it has to end. */
  get mayTake(): boolean {
    return this.#commits.waitingSize < QUEUE_SIZE.shed && this.#deltas.hasRoom
  }

  #openInlet({ buffer, doorbell }: InletInit): void {
    const outlet = new Outlet(new RingReader(buffer), {
      take: (bytes, start, end) => this.takeRecords(bytes, start, end, { sizeMax: TAKE_SIZE }),
      mayTake: () => this.mayTake,
    })
    doorbell.on('message', () => outlet.wake())
    doorbell.on('close', () => this.#closeOutlet(outlet)) // its thread has ended
    this.#outlets.push(outlet)
    this.#doorbells.push(doorbell)
    outlet.wake()
  }

  /**
   * Takes event records that lie end to end in `bytes` from `start` to `end`, at most about `sizeMax` bytes of them, and
   * returns where it stopped. They are copied, so the bytes may be written over afterwards.
   */
  takeRecords(
    bytes: Uint8Array,
    start: number,
    end: number,
    { sizeMax = Number.POSITIVE_INFINITY, isOutbox = false } = {},
  ): number {
    const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = start
    while (at < end && at - start < sizeMax) {
      const now = this.#now()
      this.#intake.shortens = this.#shortens()
      const from = at
      for (let count = 0; at < end && at - start < sizeMax && count < LOOK_COUNT; count++) {
        at += this.#intake.take(bytes, records, at, now)
        if (this.#intake.window.isFull) this.#deltas.send()
      }
      this.#commits.add(at - from, isOutbox)
      this.#deltas.sendIfDue()
    }
    return at
  }

  #shortens(): Intake['shortens'] {
    if (this.#commits.waitingSize >= QUEUE_SIZE.shed) return 'all'
    return this.#overQuota ? 'most' : 'none'
  }

  #beginCommit(): void {
    this.#deltas.send() // what is durable is known to lookups
    this.#snapshotTimes.begin(this.#durableCount)
  }

  #endCommit(blocks: readonly WrittenBlock[], outboxSize: number): void {
    for (const block of blocks) this.#durableCount += block.recordCount
    this.#keepWithinQuota()
    this.#sendProgress(outboxSize)
    const mark = this.#snapshotTimes.take(this.#durableCount) ? this.#mark() : null
    if (mark !== null) this.#send({ kind: 'mark', mark })
    this.#deltas.release()
    this.#goOnWithFlushes()
    this.#scheduleIndex()
  }

  #missCommit(): void {
    this.#deltas.release()
    this.#sendProgress()
  }

  /** Null when the journal cannot be read just now. */
  #mark(): SnapshotMark | null {
    const { position } = this.#journal
    try {
      const salt = readSaltAt(this.#journalDir, position)
      return { position, salt, expiredHour: this.#expiringSince === null ? this.#expired.hour : null }
    } catch {
      return null // the next one is made in its turn; without any the next start reads the index
    }
  }

  #scheduleIndex(): void {
    this.#indexTimer ??= setImmediate(() => this.#index())
  }

  /** One step, then whatever came in meanwhile, then the next. */
  #index(): void {
    this.#indexTimer = null
    if (this.#indexMustWait()) {
      this.#indexTimer = setTimeout(() => this.#index(), INDEX_WAIT_MS)
      return
    }
    try {
      if (this.#isBehind()) this.#indexedCount += this.#indexer.step(this.#journal.position)
      if (this.#expiringSince !== null) this.#expired.raise(hourOf(this.#now() - RETENTION_MS))
      this.#expireSome()
      this.#countLagAgain()
      this.#indexTrouble = this.#indexer.isFull ? INDEX_FULL : null
    } catch (error) {
      this.#indexTrouble = `the index cannot be written, it will catch up: ${(error as Error).message}; free some disk space, or stop the node and run "sentrypeer reindex"`
      this.#indexTimer = setTimeout(() => this.#index(), this.#indexRetryMs)
      this.#indexRetryMs = Math.min(INDEX_RETRY_MAX_MS, 2 * this.#indexRetryMs)
      this.#sendProgress()
      return
    }
    this.#indexRetryMs = INDEX_RETRY_MS
    if (this.#isBehind() || this.#expiringSince !== null) this.#scheduleIndex()
    this.#sendProgress()
    this.#answerFlushes()
  }

  /** A day that is made anew takes the index back to records that were counted before. */
  #countLagAgain(): void {
    const { position, repairs } = this.#indexer
    if (repairs.length === this.#repairCount) return
    this.#repairCount = repairs.length
    const lagCount = countRecords(this.#journalDir, position, this.#journal.position)
    this.#indexer.pendingCount = lagCount - this.#durableCount + this.#indexedCount
  }

  /** Events that wait come first, but no flood keeps the index back for ever. */
  #indexMustWait(): boolean {
    const now = performance.now()
    if (
      (this.#isPressed() || this.#outlets.some((outlet) => outlet.isPressed)) &&
      now - this.#steppedAt < INDEX_DELAY_MS
    )
      return true
    this.#steppedAt = now
    return false
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
    this.#deltas.send() // what the index has counted must not be added to what it says is left
    const { expiries, more } = this.#indexer.expire(this.#now())
    if (expiries.length > 0) this.#send({ kind: 'expired', expiries })
    if (more) return
    this.#expiringSince = null
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
    this.#flushes.add({ token, indexed }, this.#outlets)
    this.#goOnWithFlushes()
  }

  /** What lies in the rings is taken no faster than it goes to disk. */
  #goOnWithFlushes(): void {
    this.#flushes.drain()
    this.#answerFlushes()
    if (this.#journal.waiting && this.#flushes.wantMore(this.#journal.position)) this.#commits.start()
  }

  #answerFlushes(): void {
    const positions = {
      taken: this.#intake.lastId,
      durable: this.#journal.position,
      indexed: this.#indexer.position,
    }
    for (const token of this.#flushes.takeDone(positions)) this.#send({ kind: 'flushed', token })
  }

  async #stop(): Promise<void> {
    for (const outlet of this.#outlets) outlet.close()
    for (const doorbell of this.#doorbells) doorbell.close()
    this.#outlets.length = 0
    await this.#commits.finish()
    this.#deltas.send()
    if (this.#indexTimer !== null) {
      clearTimeout(this.#indexTimer as NodeJS.Timeout)
      clearImmediate(this.#indexTimer as NodeJS.Immediate)
    }
    clearInterval(this.#sweepTimer)
    this.#deltas[Symbol.dispose]()
    this.#indexer[Symbol.dispose]()
    this.#reader[Symbol.dispose]()
    this.#journal[Symbol.dispose]()
    const isDurable = this.#intake.lastId === this.#journal.position
    this.#send({ kind: 'stopped', mark: isDurable ? this.#mark() : null })
  }

  /** A form belongs to a number that is there already, so those go last. */
  #sendDeltas(deltas: readonly Delta[]): void {
    const ordered = [...deltas.filter(({ form }) => form === ''), ...deltas.filter(({ form }) => form !== '')]
    for (let i = 0; i < ordered.length; i += LOAD_COUNT) this.#deltas.post(batchOf(ordered.slice(i, i + LOAD_COUNT)))
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
      repeatCount: this.#intake.repeatCount,
      shedRawCount: this.#intake.shedRawCount,
      journalSize: this.#journal.size,
      indexSize: this.#readIndexSize(),
      oldestAt: oldest === null ? null : oldest.hour * HOUR_MS,
      trouble: this.#commits.trouble ?? this.#indexTrouble,
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
