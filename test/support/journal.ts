// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { JOURNAL_FILES, type JournalFiles, JournalWriter, type WrittenBlock } from '../../src/store/journal-writer.ts'

/** A disk that is never waited for: a commit has ended when it returns. */
export const PROMPT_DISK: JournalFiles = {
  ...JOURNAL_FILES,
  sync: (_fd, done) => done(null),
  syncFolder: (_dir, done) => done(null),
}

export const openJournal = (dir: string, segmentSizeMax?: number, files = PROMPT_DISK): JournalWriter =>
  new JournalWriter(dir, segmentSizeMax, files)

/** Commits to such a disk. Throws its error. */
export function commit(writer: JournalWriter): readonly WrittenBlock[] {
  let outcome: { error: Error | null; blocks: readonly WrittenBlock[] } | null = null
  writer.commit((error, blocks) => {
    outcome = { error, blocks }
  })
  const { error, blocks } = outcome ?? assert.fail('the disk is waited for')
  if (error !== null) throw error
  return blocks
}

type Done = (error: Error | null) => void

/** A disk whose syncs end when the test says so, with an error or without; all of them after the test. */
export class SlowDisk {
  readonly #pending: Done[] = []
  #syncCount = 0
  #isSlow = true
  readonly files: JournalFiles = { ...PROMPT_DISK, sync: (_fd, done) => this.#sync(done) }

  constructor(t: TestContext) {
    t.after(() => this.mend())
  }

  /** How many syncs have begun. */
  get syncCount(): number {
    return this.#syncCount
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** Ends the sync that began first. */
  end(error: Error | null = null): void {
    const done = this.#pending.shift() ?? assert.fail('no sync is under way')
    done(error)
  }

  /** From now on it is prompt. */
  mend(): void {
    this.#isSlow = false
    while (this.pendingCount > 0) this.end()
  }

  #sync(done: Done): void {
    this.#syncCount++
    if (this.#isSlow) this.#pending.push(done)
    else done(null)
  }
}
