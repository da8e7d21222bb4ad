// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BLOCK_SIZE_MAX, ID_MAX, SALT_SIZE, saltBlock, serializeBlock } from './block.ts'
import { repairJournal } from './journal-repair.ts'
import { RECORD_SIZE_MIN, recordAt, recordSizeAt, type StoredRepeat, writeRepeatRecord } from './record.ts'
import { hourOf } from './retention.ts'
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

const BLOCK_SIZE = 131_072 // bytes of records after which a block is sealed
const NO_SALT = new Uint8Array(SALT_SIZE) // until the segment is known
const ID_PER_MS = 1000 // an id is at least the microsecond of its block, so ids of all times and folders differ
const CLOCK_ID_MAX = ID_MAX - 2 ** 40 // a clock beyond the year 2250 must not use up the ids

/** A sealed block that waits to be written. */
type Sealed = {
  readonly bytes: Buffer
  readonly rawSize: number
  readonly firstId: number
  readonly lastId: number
  readonly hour: number
  readonly recordCount: number
}

/** What a failing disk is played with in tests. */
export type JournalFiles = {
  readonly write: typeof writeSync
  readonly sync: (fd: number) => void
  readonly truncate: typeof ftruncateSync
}
const FILES: JournalFiles = { write: writeSync, sync: fdatasyncSync, truncate: ftruncateSync }

export type WrittenBlock = { readonly recordCount: number; readonly lastId: number }

/**
 * The append end of the journal. All calls are synchronous: it lives in a thread of its own.
 * A failed write throws and keeps what was sealed, so the same `commit` can be tried again.
 */
export class JournalWriter implements Disposable {
  readonly #dir: string
  readonly #segmentSizeMax: number // bytes
  readonly #segments: { segment: Segment; size: number }[]
  readonly repairs: readonly string[]
  #fd: number | null = null
  #current: { segment: Segment; size: number } | null = null
  #salt: Uint8Array = NO_SALT // of the current segment
  readonly #block = Buffer.allocUnsafe(BLOCK_SIZE_MAX)
  readonly #blockView = new DataView(this.#block.buffer, this.#block.byteOffset, BLOCK_SIZE_MAX)
  #blockSize = 0
  #blockHour = -1
  #blockFirstId = 0
  #blockFirstAt = 0
  #blockLastAt = 0
  #blockCount = 0
  #lastId: number
  #durableId: number
  #sealed: Sealed[] = []
  #unsynced: Sealed[] = [] // written to the current segment, but the disk has not yet taken them for good
  #syncedSize = 0 // of the current segment
  #syncFailed = false
  #abandoned: { segment: Segment; size: number } | null = null // its disk failed: it takes no more
  #durable: WrittenBlock[] = [] // not yet told
  readonly #files: JournalFiles

  /** A flood within one hour makes several segments, so that the quota can drop the oldest of them. */
  constructor(dir: string, segmentSizeMax = Number.POSITIVE_INFINITY, files = FILES) {
    this.#files = files
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    this.#dir = dir
    this.#segmentSizeMax = segmentSizeMax
    const repaired = repairJournal(dir)
    this.repairs = repaired.repairs
    this.#lastId = Math.max(repaired.lastId, ...listSideFiles(dir).map(({ segment }) => segment.firstId))
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
    return this.#blockCount > 0 || this.#sealed.length > 0 || this.#unsynced.length > 0 || this.#durable.length > 0
  }

  /** Takes the record that starts at `at` and returns its id. */
  append(bytes: Uint8Array, at: number, now: number): number {
    return this.appendRecord(bytes, at, recordSizeAt(bytes, at), recordAt(bytes, at), now)
  }

  /** The same for one whose size and time the caller has read. */
  appendRecord(bytes: Uint8Array, at: number, size: number, happenedAt: number, now: number): number {
    this.#makeRoom(size, happenedAt, now)
    this.#block.set(bytes.subarray(at, at + size), this.#blockSize)
    return this.#take(size, happenedAt)
  }

  appendRepeat(repeat: StoredRepeat, now: number): number {
    this.#makeRoom(RECORD_SIZE_MIN, repeat.at, now)
    return this.#take(writeRepeatRecord(repeat, this.#blockView, this.#blockSize), repeat.at)
  }

  #makeRoom(size: number, happenedAt: number, now: number): void {
    const hour = hourOf(happenedAt)
    if (this.#blockCount > 0 && (this.#blockSize + size > BLOCK_SIZE || hour !== this.#blockHour)) this.#seal()
    if (this.#blockCount > 0) return
    this.#blockHour = hour
    const byClock = Math.floor(now * ID_PER_MS)
    this.#blockFirstId = Math.max(this.#lastId + 1, byClock < CLOCK_ID_MAX ? byClock : 0)
    this.#blockFirstAt = happenedAt
    this.#blockLastAt = happenedAt
  }

  #take(size: number, happenedAt: number): number {
    this.#blockSize += size
    this.#blockLastAt = Math.max(this.#blockLastAt, happenedAt)
    this.#lastId = this.#blockFirstId + this.#blockCount++
    return this.#lastId
  }

  /** Bytes of sealed blocks that a failing disk holds up. */
  get heldSize(): number {
    return [...this.#sealed, ...this.#unsynced].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** Writes all that was appended and waits until the disk has it. Throws the system's error. */
  commit(): WrittenBlock[] {
    this.#seal()
    if (this.#syncFailed) this.#abandon()
    for (let block = this.#sealed[0]; block !== undefined; block = this.#sealed[0]) {
      this.#write(block)
      this.#sealed.shift()
      this.#unsynced.push(block)
    }
    this.#sync()
    const durable = this.#durable
    this.#durable = []
    this.#durableId = durable.at(-1)?.lastId ?? this.#durableId
    return durable
  }

  /**
   * Removes the segments whose last record turned 7 days old; returns how many. Each goes by its own hour: one that
   * was written while the clock was wrong stays until then, and holds up no other.
   */
  expire(now: number): number {
    const expired = this.#segments.filter(({ segment }) => segmentExpiresAt(segment) <= now)
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

  [Symbol.dispose](): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #seal(): void {
    if (this.#blockCount === 0) return
    const facts = {
      recordCount: this.#blockCount,
      firstId: this.#blockFirstId,
      firstAt: this.#blockFirstAt,
      lastAt: this.#blockLastAt,
    }
    const bytes = serializeBlock(this.#block.subarray(0, this.#blockSize), facts, NO_SALT)
    this.#sealed.push({
      bytes,
      rawSize: this.#blockSize,
      firstId: this.#blockFirstId,
      lastId: this.#lastId,
      hour: this.#blockHour,
      recordCount: this.#blockCount,
    })
    this.#blockCount = 0
    this.#blockSize = 0
  }

  #sync(): void {
    if (this.#fd === null || this.#current === null) return
    try {
      this.#files.sync(this.#fd)
    } catch (error) {
      this.#syncFailed = true
      throw error
    }
    this.#syncedSize = this.#current.size
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

  #write(block: Sealed): void {
    if (this.#current === null || !this.#takes(this.#current, block.hour)) this.#openSegment(block.firstId, block.hour)
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
    if (this.#fd !== null) {
      this.#sync()
      closeSync(this.#fd)
      this.#fd = null
      this.#current = null
    }
    const last = this.#segments.at(-1)
    if (last !== undefined && last !== this.#abandoned && this.#takes(last, hour) && this.#reopen(last)) return
    const segment = { path: join(this.#dir, segmentName(firstId, hour)), firstId, hour }
    const salt = randomBytes(SALT_SIZE)
    const fd = openSync(segment.path, 'w', 0o600)
    try {
      writeSync(fd, serializeSegmentHeader(salt))
      syncFolder(this.#dir)
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

/** A new file is durable once its folder is. */
function syncFolder(dir: string): void {
  if (process.platform === 'win32') return // a folder cannot be opened there
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
