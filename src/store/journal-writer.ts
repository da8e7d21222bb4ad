// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import {
  close,
  closeSync,
  fdatasync,
  fsync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BlockBuilder, type SealedBlock } from './_block-builder.ts'
import { SALT_SIZE, saltBlock } from './block.ts'
import { repairJournal } from './journal-repair.ts'
import { recordAt, recordSizeAt, type StoredRepeat } from './record.ts'
import {
  listSegments,
  listSideFiles,
  readSegmentHeader,
  SEGMENT_HEADER_SIZE,
  type Segment,
  segmentExpiresAt,
  segmentName,
  serializeSegmentHeader,
} from './segment.ts'

type Synced = (error: Error | null) => void

/** What a slow or failing disk is played with in tests. */
export type JournalFiles = {
  readonly write: typeof writeSync
  readonly truncate: typeof ftruncateSync
  readonly sync: (fd: number, done: Synced) => void
  readonly syncFolder: (dir: string, done: Synced) => void
}
export const JOURNAL_FILES: JournalFiles = { write: writeSync, truncate: ftruncateSync, sync: fdatasync, syncFolder }

export type WrittenBlock = { readonly recordCount: number; readonly lastId: number }

/** The blocks that are durable since the last time, or what the system says is wrong. */
export type Committed = (error: Error | null, blocks: readonly WrittenBlock[]) => void

/**
 * The append end of the journal. It lives in a thread of its own and calls the system there, save for what may take
 * long: the disk is waited for beside the thread, which appends meanwhile.
 */
export class JournalWriter implements Disposable {
  readonly #dir: string
  readonly #segmentSizeMax: number // bytes
  readonly #segments: { segment: Segment; size: number }[]
  readonly repairs: readonly string[]
  #fd: number | null = null
  #current: { segment: Segment; size: number } | null = null
  #salt: Uint8Array = new Uint8Array() // of the current segment
  readonly #builder: BlockBuilder
  #durableId: number
  #sealed: SealedBlock[] = []
  #unsynced: SealedBlock[] = [] // written to the current segment, but the disk has not yet taken them for good
  #syncedSize = 0 // of the current segment
  #isSyncing = false // so long its file is neither written to, which could block, nor closed
  #isNamed = false // whether the disk has the name of the current segment, as far as this program saw to it
  #syncFailed = false
  #abandoned: { segment: Segment; size: number } | null = null // its disk failed: it takes no more
  #durable: WrittenBlock[] = [] // not yet told
  readonly #files: JournalFiles

  /** A flood within one hour makes several segments, so that the quota can drop the oldest of them. */
  constructor(dir: string, segmentSizeMax = Number.POSITIVE_INFINITY, files = JOURNAL_FILES) {
    this.#files = files
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    this.#dir = dir
    this.#segmentSizeMax = segmentSizeMax
    const repaired = repairJournal(dir)
    this.repairs = repaired.repairs
    const lastId = Math.max(repaired.lastId, ...listSideFiles(dir).map(({ segment }) => segment.firstId))
    this.#builder = new BlockBuilder(lastId, (block) => this.#sealed.push(block))
    this.#durableId = repaired.lastId
    this.#segments = listSegments(dir).map((segment) => ({ segment, size: statSync(segment.path).size }))
  }

  /** The id of the newest record that is durable. */
  get position(): number {
    return this.#durableId
  }

  /** Bytes of the journal on disk. */
  get size(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }

  /** By its hour: after a clock was wrong, that need not be the one with the lowest ids. */
  get oldest(): Segment | null {
    const segments = this.#segments.map(({ segment }) => segment)
    return segments.reduce<Segment | null>((a, b) => (a === null || b.hour < a.hour ? b : a), null)
  }

  /** Whether there is something for `commit` to do. */
  get waiting(): boolean {
    return !this.#builder.isEmpty || this.#sealed.length > 0 || this.#unsynced.length > 0 || this.#durable.length > 0
  }

  /** Takes the record that starts at `at` and returns its id. */
  append(bytes: Uint8Array, at: number, now: number): number {
    return this.appendRecord(bytes, at, recordSizeAt(bytes, at), recordAt(bytes, at), now)
  }

  /** The same for one whose size and time the caller has read. */
  appendRecord(bytes: Uint8Array, at: number, size: number, happenedAt: number, now: number): number {
    return this.#builder.append(bytes, at, size, happenedAt, now)
  }

  appendRepeat(repeat: StoredRepeat, now: number): number {
    return this.#builder.appendRepeat(repeat, now)
  }

  /** Bytes of sealed blocks that a failing disk holds up. */
  get heldSize(): number {
    return [...this.#sealed, ...this.#unsynced].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /**
   * Writes all that was appended so far and tells `done` when the disk has it. What is appended meanwhile waits for the
   * next commit, which must not begin before. After an error all is kept, so that the next one tries it again.
   */
  commit(done: Committed): void {
    if (this.#isSyncing) throw new Error('one commit after the other')
    this.#builder.seal()
    this.#commitUpTo(this.#builder.lastId, done)
  }

  #commitUpTo(upTo: number, done: Committed): void {
    try {
      if (this.#syncFailed) this.#abandon()
      this.#writeSegment(upTo)
    } catch (error) {
      done(error as Error, [])
      return
    }
    this.#sync((error) => {
      if (error !== null) done(error, [])
      else if (isDue(this.#sealed[0], upTo)) this.#commitUpTo(upTo, done)
      else done(null, this.#takeDurable())
    })
  }

  #takeDurable(): WrittenBlock[] {
    const durable = this.#durable
    this.#durable = []
    this.#durableId = durable.at(-1)?.lastId ?? this.#durableId
    return durable
  }

  /**
   * Removes the segments whose last record turned 7 days old; returns how many. Each goes by its own hour: one that
   * was written while the clock was wrong stays until then, and holds up no other. One that is just being synced stays
   * until the next time.
   */
  expire(now: number): number {
    const isKept = (each: { segment: Segment }): boolean => this.#isSyncing && each === this.#current
    const expired = this.#segments.filter((each) => segmentExpiresAt(each.segment) <= now && !isKept(each))
    for (const each of expired) this.#remove(each)
    const present = new Set(this.#segments.map(({ segment }) => segment.path))
    for (const { path, segment, kind } of listSideFiles(this.#dir)) {
      const isOrphan = kind === 'torn' && !present.has(segment.path)
      if (isOrphan || segmentExpiresAt(segment) <= now) removeFile(path)
    }
    return expired.length
  }

  /** Removes the oldest segment though it is not yet expired, to stay within the quota; not the one being written. */
  dropOldest(): Segment | null {
    const oldest = this.#segments[0]
    if (oldest === undefined || oldest === this.#current) return null
    this.#remove(oldest)
    for (const { path, segment } of listSideFiles(this.#dir))
      if (segment.firstId <= oldest.segment.firstId) removeFile(path)
    return oldest.segment
  }

  /** Not while a commit is under way. */
  [Symbol.dispose](): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  /** Waits for the disk beside this thread. */
  #sync(done: Synced): void {
    const fd = this.#fd
    if (fd === null || this.#unsynced.length === 0) {
      done(null)
      return
    }
    const end: Synced = (error) => {
      this.#isSyncing = false
      if (error === null) this.#keepSynced()
      else this.#syncFailed = true
      done(error)
    }
    this.#isSyncing = true
    this.#files.sync(fd, (error) => {
      if (error === null && !this.#isNamed) this.#files.syncFolder(this.#dir, end)
      else end(error)
    })
  }

  #keepSynced(): void {
    this.#isNamed = true
    this.#syncedSize = this.#current?.size ?? 0
    for (const { recordCount, lastId } of this.#unsynced) this.#durable.push({ recordCount, lastId })
    this.#unsynced = []
  }

  /**
   * After a failed sync Linux may count pages as written that it dropped, so that a second sync succeeds over nothing.
   * Hence what was not durable is taken out of this segment, and written to a new one.
   */
  #abandon(): void {
    const fd = this.#fd
    const current = this.#current
    if (fd !== null && current !== null) {
      this.#files.truncate(fd, this.#syncedSize)
      closeSync(fd)
      this.#fd = null
      this.#current = null
      current.size = this.#syncedSize
      // One without a durable block is begun again under its name; any other takes no more.
      if (this.#syncedSize <= SEGMENT_HEADER_SIZE) this.#segments.splice(this.#segments.indexOf(current), 1)
      else this.#abandoned = current
    }
    this.#sealed.unshift(...this.#unsynced)
    this.#unsynced = []
    this.#syncFailed = false
  }

  /** Writes what is due as far as one segment takes it: the next is begun once the disk has this one. */
  #writeSegment(upTo: number): void {
    for (let [block] = this.#sealed; isDue(block, upTo); [block] = this.#sealed) {
      if (this.#current === null || !this.#takes(this.#current, block.hour)) {
        if (this.#unsynced.length > 0) return
        this.#openSegment(block.firstId, block.hour)
      }
      this.#write(block)
      this.#sealed.shift()
      this.#unsynced.push(block)
    }
  }

  #write(block: SealedBlock): void {
    const current = this.#current
    const fd = this.#fd
    if (current === null || fd === null) throw new Error('a segment was opened')
    saltBlock(block.bytes, this.#salt)
    try {
      for (let done = 0; done < block.bytes.length; ) {
        done += this.#files.write(fd, block.bytes, done, block.bytes.length - done, current.size + done)
      }
    } catch (error) {
      this.#files.truncate(fd, current.size) // a half-written block would hide the next one until it is stepped over
      throw error
    }
    current.size += block.bytes.length
  }

  /** Whether the segment has room for records of that hour. */
  #takes({ segment, size }: { segment: Segment; size: number }, hour: number): boolean {
    return segment.hour === hour && size < this.#segmentSizeMax
  }

  #openSegment(firstId: number, hour: number): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
    this.#current = null
    this.#isNamed = false
    const last = this.#segments.at(-1)
    if (last !== undefined && last !== this.#abandoned && this.#takes(last, hour) && this.#reopen(last)) return
    const segment = { path: join(this.#dir, segmentName(firstId, hour)), firstId, hour }
    const salt = randomBytes(SALT_SIZE)
    const fd = openSync(segment.path, 'w', 0o600)
    try {
      writeSync(fd, serializeSegmentHeader(salt))
    } catch (error) {
      closeSync(fd)
      unlinkSync(segment.path)
      throw error
    }
    this.#fd = fd
    this.#salt = salt
    this.#current = { segment, size: SEGMENT_HEADER_SIZE }
    this.#syncedSize = 0
    this.#segments.push(this.#current)
  }

  /** False when its header was damaged since the start: then a new segment is begun. */
  #reopen(last: { segment: Segment; size: number }): boolean {
    const fd = openSync(last.segment.path, 'r+')
    const salt = readSegmentHeader(fd, last.segment.path)
    if (salt === null) {
      closeSync(fd)
      return false
    }
    this.#fd = fd
    this.#salt = salt
    this.#current = last
    this.#syncedSize = last.size
    return true
  }

  #remove(removed: { segment: Segment; size: number }): void {
    if (removed === this.#current && this.#fd !== null) {
      this.#unsynced = [] // expired with it
      this.#syncFailed = false
      closeSync(this.#fd)
      this.#fd = null
      this.#current = null
    }
    removeFile(removed.segment.path)
    this.#segments.splice(this.#segments.indexOf(removed), 1)
  }
}

function removeFile(path: string): void {
  rmSync(path, { force: true })
}

const isDue = (block: SealedBlock | undefined, upTo: number): block is SealedBlock =>
  block !== undefined && block.lastId <= upTo

/** A new file is durable once its folder is. */
function syncFolder(dir: string, done: Synced): void {
  if (process.platform === 'win32') {
    done(null) // a folder cannot be opened there
    return
  }
  open(dir, 'r', (openError, fd) => {
    if (openError !== null) done(openError)
    else fsync(fd, (error) => close(fd, (closeError) => done(error ?? closeError ?? null)))
  })
}
