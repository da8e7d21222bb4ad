// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DaemonError } from '../core/errors.ts'
import {
  BLOCK_HEADER_SIZE,
  BLOCK_SIZE_MAX,
  type BlockHeader,
  nextMagic,
  parseBlockHeader,
  parseSalt,
  SALT_SIZE,
  unpackBlock,
} from './block.ts'
import { HOUR_MS, RETENTION_MS } from './retention.ts'

/*
 * A segment is one file: a header of 32 bytes, then blocks. All its records are of one UTC hour, which its name tells
 * together with the id of its first record, so that the files sort as their records do:
 *   0001795456789012000-2026-11-23T18.journal
 * The header, little endian, keeps this form in all versions:
 *    0 "SentryPJ"  8 u32 version  12 12B salt  24 u32 zero  28 u32 crc of bytes 0–28
 * Each block repeats the salt, so a damaged header can be made again from the first block.
 * Beside a segment may lie what a start could not read: `.torn`, cut from its end, or `.unreadable`, all of it.
 */
export const SEGMENT_HEADER_SIZE = 32
export const SEGMENT_VERSION = 1
const MAGIC = 'SentryPJ'
const NAME = /^(\d{19})-(\d{4}-\d\d-\d\dT\d\d)\.journal$/
const SIDE_NAME = /^((\d{19})-(\d{4}-\d\d-\d\dT\d\d)\.journal)\.(torn|unreadable)(-\d+)?$/
const WINDOW_SIZE = 262_144 // bytes read at once while scanning headers

export type Segment = {
  readonly path: string
  readonly firstId: number
  readonly hour: number // UTC hours since epoch
}

export const journalDir = (stateDir: string): string => join(stateDir, 'journal')

/** When the last record that the segment can hold turns 7 days old. */
export const segmentExpiresAt = (segment: Segment): number => (segment.hour + 1) * HOUR_MS + RETENTION_MS

export function segmentName(firstId: number, hour: number): string {
  return `${String(firstId).padStart(19, '0')}-${new Date(hour * HOUR_MS).toISOString().slice(0, 13)}.journal`
}

/** All segments of the folder, oldest first; other files are left alone. */
export function listSegments(dir: string): Segment[] {
  const segments: Segment[] = []
  for (const name of readdirSync(dir)) {
    const match = NAME.exec(name)
    if (match === null) continue
    const hour = Date.parse(`${match[2]}:00:00Z`) / HOUR_MS
    segments.push({ path: join(dir, name), firstId: Number(match[1]), hour })
  }
  return segments.sort((a, b) => a.firstId - b.firstId)
}

/** A file that a repair put beside the segments. */
export type SideFile = {
  readonly path: string
  readonly segment: Segment // which it comes from, there or not
  readonly kind: 'torn' | 'unreadable'
}

export function listSideFiles(dir: string): SideFile[] {
  const files: SideFile[] = []
  for (const name of readdirSync(dir)) {
    const match = SIDE_NAME.exec(name)
    if (match === null) continue
    const hour = Date.parse(`${match[3]}:00:00Z`) / HOUR_MS
    files.push({
      path: join(dir, name),
      segment: { path: join(dir, match[1] ?? ''), firstId: Number(match[2]), hour },
      kind: match[4] === 'torn' ? 'torn' : 'unreadable',
    })
  }
  return files
}

export function serializeSegmentHeader(salt: Uint8Array): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_SIZE)
  header.write(MAGIC, 0, 'latin1')
  header.writeUInt32LE(SEGMENT_VERSION, 8)
  header.set(salt, 12)
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28)
  return header
}

/** The salt, or null when the header is torn or damaged. Throws STATE_TOO_NEW when a later version wrote it. */
export function readSegmentHeader(fd: number, path: string): Buffer | null {
  const header = Buffer.alloc(SEGMENT_HEADER_SIZE)
  if (readSync(fd, header, 0, SEGMENT_HEADER_SIZE, 0) < SEGMENT_HEADER_SIZE) return null
  if (header.toString('latin1', 0, 8) !== MAGIC || header.readUInt32LE(28) !== crc32(header.subarray(0, 28)))
    return null
  const version = header.readUInt32LE(8)
  if (version > SEGMENT_VERSION) {
    throw new DaemonError(
      'STATE_TOO_NEW',
      `${path} has version ${version}, this program knows ${SEGMENT_VERSION}: update it, or start with another --state-dir`,
    )
  }
  return header.subarray(12, 12 + SALT_SIZE)
}

/**
 * The salt as the first block tells it, which stands at a place where no sender can put anything; null when that one
 * is damaged as well.
 */
export function saltOfFirstBlock(fd: number): Buffer | null {
  const header = Buffer.alloc(BLOCK_HEADER_SIZE)
  const got = readSync(fd, header, 0, BLOCK_HEADER_SIZE, SEGMENT_HEADER_SIZE)
  return parseSalt(header.subarray(0, got))
}

/** The salt of the segment that holds a record, as hex; null when there is none that can be read. */
export function readSaltAt(dir: string, id: number): string | null {
  const segment = listSegments(dir).findLast(({ firstId }) => firstId <= id)
  if (segment === undefined) return null
  const fd = openSync(segment.path, 'r')
  try {
    const salt = readSegmentHeader(fd, segment.path) ?? saltOfFirstBlock(fd)
    return salt?.toString('hex') ?? null
  } finally {
    closeSync(fd)
  }
}

export type BlockPlace = { readonly at: number; readonly header: BlockHeader }
export type ScanOptions = {
  /** Where a block starts, and the last id before it: to read on where a scan ended. */
  readonly from?: number
  readonly afterId?: number
  /** Whether the checksum of each block's bytes must hold too. */
  readonly verify?: boolean
}
export type ScanResult = {
  /** Just behind the last good block. */
  readonly end: number
  /** Bytes before `end` that belong to no good block. */
  readonly damagedSize: number
  readonly fileSize: number
  /** `mendable`: it is damaged, the blocks are read nevertheless. `lost`: and without it no block can be told. */
  readonly header: 'good' | 'mendable' | 'lost'
}
export type Scan = ScanResult & { readonly blocks: readonly BlockPlace[] }

/**
 * Finds the blocks of a segment by their headers. Steps over damage to the next good block. A block that is not yet
 * whole at the end of the file is not among them, nor is one whose ids do not follow.
 */
export function scanSegment(path: string, options: ScanOptions = {}): Scan {
  const blocks: BlockPlace[] = []
  const result = visitBlocks(path, options, (place) => blocks.push(place))
  return { blocks, ...result }
}

/** As `scanSegment`, for callers that do not keep the blocks. */
export function visitBlocks(path: string, options: ScanOptions, onBlock: (place: BlockPlace) => void): ScanResult {
  const fd = openSync(path, 'r')
  try {
    const fileSize = fstatSync(fd).size
    const written = readSegmentHeader(fd, path)
    const salt = written ?? saltOfFirstBlock(fd)
    if (salt === null) return { end: options.from ?? SEGMENT_HEADER_SIZE, damagedSize: 0, fileSize, header: 'lost' }
    const found = scan(new Window(fd, salt, fileSize), options, onBlock)
    return { ...found, fileSize, header: written === null ? 'mendable' : 'good' }
  } finally {
    closeSync(fd)
  }
}

function scan(
  window: Window,
  { from = SEGMENT_HEADER_SIZE, afterId = 0, verify = false }: ScanOptions,
  onBlock: (place: BlockPlace) => void,
): { end: number; damagedSize: number } {
  let damagedSize = 0
  let lastId = afterId
  let at = from
  let end = from
  while (at !== -1 && at + BLOCK_HEADER_SIZE <= window.fileSize) {
    const header = window.header(at)
    if (header === null) {
      at = window.findMagic(at + 1)
      continue
    }
    const next = at + BLOCK_HEADER_SIZE + header.storedSize
    if (next > window.fileSize) break // torn, or still being written: nothing was ever written behind it
    if (header.firstId > lastId && (!verify || window.isWhole(at, header))) {
      damagedSize += at - end
      onBlock({ at, header })
      lastId = header.firstId + header.recordCount - 1
      end = next
      at = next
    } else if (next === window.fileSize || window.header(next) !== null) at = next
    else at = window.findMagic(at + 1)
  }
  return { end, damagedSize }
}

/** Reads a file through one buffer, so that a segment of many small blocks costs few system calls. */
class Window {
  readonly #fd: number
  readonly #salt: Buffer
  readonly fileSize: number
  #memory = Buffer.alloc(WINDOW_SIZE)
  #buffer = this.#memory.subarray(0, 0)
  #start = 0

  constructor(fd: number, salt: Buffer, fileSize: number) {
    this.#fd = fd
    this.#salt = salt
    this.fileSize = fileSize
  }

  header(at: number): BlockHeader | null {
    return parseBlockHeader(this.#bytes(at, BLOCK_HEADER_SIZE), this.#salt)
  }

  isWhole(at: number, header: BlockHeader): boolean {
    return unpackBlock(header, this.#bytes(at + BLOCK_HEADER_SIZE, header.storedSize)) !== null
  }

  #bytes(at: number, size: number): Buffer {
    if (at < this.#start || at + size > this.#start + this.#buffer.length) this.#load(at, size)
    return this.#buffer.subarray(at - this.#start, at - this.#start + size)
  }

  /** Where the next thing that looks like a block starts; -1 when nowhere. */
  findMagic(from: number): number {
    for (let at = from; at < this.fileSize; ) {
      const size = Math.min(WINDOW_SIZE, this.fileSize - at)
      const found = nextMagic(this.#bytes(at, size), 0)
      if (found !== -1) return at + found
      if (size < WINDOW_SIZE) return -1
      at += size - 3 // the magic may lie across two windows
    }
    return -1
  }

  #load(at: number, size: number): void {
    if (size > this.#memory.length) this.#memory = Buffer.alloc(size)
    const got = readSync(this.#fd, this.#memory, 0, this.#memory.length, at)
    this.#buffer = this.#memory.subarray(0, got)
    this.#start = at
  }
}

/** The records of a block that a scan found, unpacked; null when the bytes on disk are not those that were written. */
export function readBlock(fd: number, place: { at: number; size: number; firstId: number }): Buffer | null {
  const block = Buffer.allocUnsafe(Math.min(place.size, BLOCK_HEADER_SIZE + BLOCK_SIZE_MAX))
  const got = readSync(fd, block, 0, block.length, place.at)
  const header = parseBlockHeader(block.subarray(0, got), 'any')
  if (header === null || header.firstId !== place.firstId) return null
  return unpackBlock(header, block.subarray(BLOCK_HEADER_SIZE, got))
}
