// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { JournalWriter, WrittenBlock } from './journal-writer.ts'

const COMMIT_MS = 50 // how long a record may wait in memory; where the disk takes as long again, it is there within 100 ms
const RETRY_MS = 1000 // after a failed write

export type CommitDeps = {
  /** All that was taken is about to be written. */
  readonly onStart: () => void
  /** It is durable; `outboxSize` bytes of it came from the outbox. */
  readonly onDurable: (blocks: readonly WrittenBlock[], outboxSize: number) => void
  /** It is not, and will be tried again: `trouble` says why. */
  readonly onTrouble: () => void
}

/**
 * When what was taken goes to disk, and how much of it is not there yet. One commit follows the other; what is taken
 * while the disk is waited for goes with the next one.
 */
export class Commits {
  readonly #journal: JournalWriter
  readonly #deps: CommitDeps
  #running: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #since: number | null = null // when the oldest record was taken that no commit has begun with, monotonic ms
  #waitingSize = 0
  #outboxSize = 0 // of it, what came from the outbox
  #trouble: string | null = null

  constructor(journal: JournalWriter, deps: CommitDeps) {
    this.#journal = journal
    this.#deps = deps
  }

  /** Bytes of records that were taken and are not durable, written or not. */
  get waitingSize(): number {
    return this.#waitingSize
  }

  get trouble(): string | null {
    return this.#trouble
  }

  /** So many bytes of records were taken. Under a flood no timer runs in time, so it is looked here whether one is due. */
  add(size: number, isOutbox: boolean): void {
    this.#waitingSize += size
    if (isOutbox) this.#outboxSize += size
    this.#since ??= performance.now()
    this.#startIfDue()
  }

  /** Begins a commit of all that was taken, unless one is under way. */
  start(): void {
    if (this.#running !== null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#running = promise
    this.#stopTimer()
    this.#deps.onStart()
    this.#since = null
    const size = this.#waitingSize
    const outboxSize = this.#outboxSize
    this.#journal.commit((error, blocks) => {
      this.#running = null
      if (error === null) this.#settle(blocks, size, outboxSize)
      else this.#tryLater(error)
      resolve()
    })
  }

  /** Ends when all is durable, or cannot be made so. */
  async finish(): Promise<void> {
    while (this.#running !== null) await this.#running
    if (this.#journal.waiting) this.start()
    await this.#running
    this.#stopTimer()
  }

  #startIfDue(): void {
    if (this.#since === null || this.#running !== null) return
    const leftMs = this.#since + COMMIT_MS - performance.now()
    if (leftMs <= 0 && this.#trouble === null) this.start()
    else this.#timer ??= setTimeout(() => this.start(), leftMs) // in trouble there is one already
  }

  #settle(blocks: readonly WrittenBlock[], size: number, outboxSize: number): void {
    this.#trouble = null
    this.#waitingSize -= size
    this.#outboxSize -= outboxSize
    this.#deps.onDurable(blocks, outboxSize)
    this.#startIfDue()
  }

  #tryLater(error: Error): void {
    this.#trouble = `the journal cannot be written, events wait in memory: ${error.message}; free some disk space`
    this.#timer = setTimeout(() => this.start(), RETRY_MS)
    this.#deps.onTrouble()
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
