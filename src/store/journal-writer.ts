// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BLOCK_SIZE_MAX, serializeBlock } from './block.ts'
import { recordAt, recordSizeAt } from './record.ts'
import { hourOf } from './retention.ts'
import {
  checkSegmentHeader,
  listSegments,
  SEGMENT_HEADER_SIZE,
  type Segment,
  scanSegment,
  segmentExpiresAt,
  segmentName,
  serializeSegmentHeader,
} from './segment.ts'

const BLOCK_SIZE = 131_072 // bytes of records after which a block is sealed
const ID_PER_MS = 1000 // an id is at least the microsecond of its block, so ids of all times and folders differ

/** A sealed block that waits to be written. */
type Sealed = {
  readonly bytes: Buffer
  readonly rawSize: number
  readonly firstId: number
  readonly lastId: number
  readonly hour: number
  readonly recordCount: number
}

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
  #block = Buffer.allocUnsafe(BLOCK_SIZE_MAX)
  #blockSize = 0
  #blockHour = -1
  #blockFirstId = 0
  #blockFirstAt = 0
  #blockLastAt = 0
  #blockCount = 0
  #lastId: number
  #durableId: number
  #sealed: Sealed[] = []
  #unsynced: WrittenBlock[] = [] // written, but a failing disk has not yet taken them for good

  /** A flood within one hour makes several segments, so that the quota can drop the oldest of them. */
  constructor(dir: string, segmentSizeMax = Number.POSITIVE_INFINITY) {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    this.#dir = dir
    this.#segmentSizeMax = segmentSizeMax
    const repaired = repairJournal(dir)
    this.repairs = repaired.repairs
    this.#lastId = repaired.lastId
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

  get oldest(): Segment | null {
    return this.#segments[0]?.segment ?? null
  }

  /** Whether there is something for `commit` to do. */
  get waiting(): boolean {
    return this.#blockCount > 0 || this.#sealed.length > 0 || this.#unsynced.length > 0
  }

  /** Takes the record that starts at `at` and returns its id. */
  append(bytes: Uint8Array, at: number, now: number): number {
    const size = recordSizeAt(bytes, at)
    const happenedAt = recordAt(bytes, at)
    const hour = hourOf(happenedAt)
    if (this.#blockCount > 0 && (this.#blockSize + size > BLOCK_SIZE || hour !== this.#blockHour)) this.#seal()
    if (this.#blockCount === 0) {
      this.#blockHour = hour
      this.#blockFirstId = Math.max(this.#lastId + 1, Math.floor(now * ID_PER_MS))
      this.#blockFirstAt = happenedAt
      this.#blockLastAt = happenedAt
    }
    this.#block.set(bytes.subarray(at, at + size), this.#blockSize)
    this.#blockSize += size
    this.#blockLastAt = Math.max(this.#blockLastAt, happenedAt)
    this.#lastId = this.#blockFirstId + this.#blockCount++
    return this.#lastId
  }

  /** Bytes of sealed blocks that a failing disk holds up. */
  get heldSize(): number {
    return this.#sealed.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** Writes all that was appended and waits until the disk has it. Throws the system's error. */
  commit(): WrittenBlock[] {
    this.#seal()
    for (let block = this.#sealed[0]; block !== undefined; block = this.#sealed[0]) {
      this.#write(block)
      this.#sealed.shift()
      this.#unsynced.push({ recordCount: block.recordCount, lastId: block.lastId })
    }
    if (this.#fd !== null) fdatasyncSync(this.#fd)
    const durable = this.#unsynced
    this.#unsynced = []
    this.#durableId = durable.at(-1)?.lastId ?? this.#durableId
    return durable
  }

  /** Removes the segments whose last record turned 7 days old; returns how many. */
  expire(now: number): number {
    let count = 0
    for (
      let oldest = this.#segments[0];
      oldest !== undefined && segmentExpiresAt(oldest.segment) <= now;
      oldest = this.#segments[0]
    ) {
      this.#removeOldest()
      count++
    }
    return count
  }

  /** Removes the oldest segment though it is not yet expired, to stay within the quota; not the one being written. */
  dropOldest(): Segment | null {
    const oldest = this.#segments[0]
    if (oldest === undefined || oldest === this.#current) return null
    this.#removeOldest()
    return oldest.segment
  }

  [Symbol.dispose](): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #seal(): void {
    if (this.#blockCount === 0) return
    const bytes = serializeBlock(this.#block.subarray(0, this.#blockSize), {
      recordCount: this.#blockCount,
      firstId: this.#blockFirstId,
      firstAt: this.#blockFirstAt,
      lastAt: this.#blockLastAt,
    })
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

  #write(block: Sealed): void {
    if (this.#current === null || !this.#takes(this.#current, block.hour)) this.#openSegment(block.firstId, block.hour)
    const current = this.#current
    const fd = this.#fd
    if (current === null || fd === null) throw new Error('a segment was opened')
    try {
      for (let done = 0; done < block.bytes.length; ) {
        done += writeSync(fd, block.bytes, done, block.bytes.length - done, current.size + done)
      }
    } catch (error) {
      ftruncateSync(fd, current.size) // a half-written block would hide the next one until it is stepped over
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
      fdatasyncSync(this.#fd)
      closeSync(this.#fd)
      this.#fd = null
      this.#current = null
    }
    const last = this.#segments.at(-1)
    if (last !== undefined && this.#takes(last, hour)) {
      this.#fd = openSync(last.segment.path, 'r+')
      this.#current = last
      return
    }
    const segment = { path: join(this.#dir, segmentName(firstId, hour)), firstId, hour }
    const fd = openSync(segment.path, 'w', 0o600)
    try {
      writeSync(fd, serializeSegmentHeader())
      syncFolder(this.#dir)
    } catch (error) {
      closeSync(fd)
      unlinkSync(segment.path)
      throw error
    }
    this.#fd = fd
    this.#current = { segment, size: SEGMENT_HEADER_SIZE }
    this.#segments.push(this.#current)
  }

  #removeOldest(): void {
    const removed = this.#segments[0]
    if (removed === undefined) return
    if (removed === this.#current && this.#fd !== null) {
      closeSync(this.#fd)
      this.#fd = null
      this.#current = null
    }
    for (const path of [removed.segment.path, tornPath(removed.segment.path)]) {
      try {
        unlinkSync(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    this.#segments.shift()
  }
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

/** Where the bytes go that a crash left half-written: kept as long as the segment, in case they tell something. */
const tornPath = (segmentPath: string): string => join(dirname(segmentPath), `${basename(segmentPath)}.torn`)

/** Cuts what a crash left behind the last whole block of the newest segment. */
function repairJournal(dir: string): { lastId: number; repairs: string[] } {
  const repairs: string[] = []
  const segments = listSegments(dir)
  for (let newest = segments.pop(); newest !== undefined; newest = segments.pop()) {
    const lastId = repairSegment(newest, repairs)
    if (lastId !== null) return { lastId, repairs }
  }
  return { lastId: 0, repairs }
}

/** The id of the segment's last record; null when it held none and was removed. */
function repairSegment(segment: Segment, repairs: string[]): number | null {
  const fd = openSync(segment.path, 'r+')
  try {
    const scan = checkSegmentHeader(fd, segment.path) ? scanSegment(segment.path, { verify: true }) : null
    const last = scan?.blocks.at(-1)
    if (scan === null || last === undefined) {
      unlinkSync(segment.path)
      if (scan !== null && scan.fileSize > SEGMENT_HEADER_SIZE)
        keepTorn(fd, segment, SEGMENT_HEADER_SIZE, scan.fileSize, repairs)
      return null
    }
    if (scan.damagedSize > 0)
      repairs.push(`${segment.path}: ${scan.damagedSize} bytes are damaged; the blocks around them are read`)
    if (scan.end < scan.fileSize) {
      keepTorn(fd, segment, scan.end, scan.fileSize, repairs)
      ftruncateSync(fd, scan.end)
      fdatasyncSync(fd)
    }
    return last.header.firstId + last.header.recordCount - 1
  } finally {
    closeSync(fd)
  }
}

function keepTorn(fd: number, segment: Segment, from: number, to: number, repairs: string[]): void {
  const torn = Buffer.alloc(Math.min(to - from, BLOCK_SIZE_MAX))
  const got = readSync(fd, torn, 0, torn.length, from)
  writeFileSync(tornPath(segment.path), torn.subarray(0, got), { mode: 0o600 })
  repairs.push(
    `${segment.path}: cut ${to - from} bytes of a block that was not written to its end; kept in ${basename(tornPath(segment.path))}`,
  )
}
