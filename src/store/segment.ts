// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DaemonError } from '../core/errors.ts'
import {
  BLOCK_HEADER_SIZE,
  BLOCK_SIZE_MAX,
  type BlockHeader,
  nextMagic,
  parseBlockHeader,
  unpackBlock,
} from './block.ts'
import { HOUR_MS, RETENTION_MS } from './retention.ts'

/*
 * A segment is one file: a header of 16 bytes, then blocks. All its records are of one UTC hour, which its name tells
 * together with the id of its first record, so that the files sort as their records do:
 *   0001795456789012000-2026-11-23T18.journal
 */
export const SEGMENT_HEADER_SIZE = 16
export const SEGMENT_VERSION = 1
const MAGIC = 'SentryPJ'
const NAME = /^(\d{19})-(\d{4}-\d\d-\d\dT\d\d)\.journal$/
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

export function serializeSegmentHeader(): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_SIZE)
  header.write(MAGIC, 0, 'latin1')
  header.writeUInt32LE(SEGMENT_VERSION, 8)
  return header
}

/** False when the header is torn or strange. Throws STATE_TOO_NEW when a later version wrote it. */
export function checkSegmentHeader(fd: number, path: string): boolean {
  const header = Buffer.alloc(SEGMENT_HEADER_SIZE)
  if (readSync(fd, header, 0, SEGMENT_HEADER_SIZE, 0) < SEGMENT_HEADER_SIZE) return false
  if (header.toString('latin1', 0, 8) !== MAGIC) return false
  const version = header.readUInt32LE(8)
  if (version > SEGMENT_VERSION) {
    throw new DaemonError(
      'STATE_TOO_NEW',
      `${path} has version ${version}, this program knows ${SEGMENT_VERSION}: update it, or start with another --state-dir`,
    )
  }
  return true
}

export type BlockPlace = { readonly at: number; readonly header: BlockHeader }
export type Scan = {
  readonly blocks: readonly BlockPlace[]
  /** Just behind the last good block. */
  readonly end: number
  /** Bytes before `end` that belong to no good block. */
  readonly damagedSize: number
  readonly fileSize: number
}

/**
 * Finds the blocks of a segment by their headers; with `verify` the checksum of each block's bytes must hold too.
 * Steps over damage to the next good block. A block that is not yet whole at the end of the file is not among them.
 */
export function scanSegment(path: string, options: { from?: number; verify?: boolean } = {}): Scan {
  const fd = openSync(path, 'r')
  try {
    return scan(fd, fstatSync(fd).size, options.from ?? SEGMENT_HEADER_SIZE, options.verify ?? false)
  } finally {
    closeSync(fd)
  }
}

function scan(fd: number, fileSize: number, from: number, verify: boolean): Scan {
  const window = new Window(fd)
  const blocks: BlockPlace[] = []
  let damagedSize = 0
  let at = from
  let end = from
  while (at + BLOCK_HEADER_SIZE <= fileSize) {
    const header = goodBlockAt(window, at, fileSize, verify)
    if (header !== null) {
      damagedSize += at - end
      blocks.push({ at, header })
      at += BLOCK_HEADER_SIZE + header.storedSize
      end = at
      continue
    }
    at = window.findMagic(at + 1, fileSize)
    if (at === -1) break
  }
  return { blocks, end, damagedSize, fileSize }
}

function goodBlockAt(window: Window, at: number, fileSize: number, verify: boolean): BlockHeader | null {
  const header = parseBlockHeader(window.bytes(at, BLOCK_HEADER_SIZE))
  if (header === null || at + BLOCK_HEADER_SIZE + header.storedSize > fileSize) return null
  if (!verify) return header
  return unpackBlock(header, window.bytes(at + BLOCK_HEADER_SIZE, header.storedSize)) === null ? null : header
}

/** Reads a file through one buffer, so that a segment of many small blocks costs few system calls. */
class Window {
  readonly #fd: number
  #buffer = Buffer.alloc(0)
  #start = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  bytes(at: number, size: number): Buffer {
    if (at < this.#start || at + size > this.#start + this.#buffer.length) this.#load(at, size)
    return this.#buffer.subarray(at - this.#start, at - this.#start + size)
  }

  findMagic(from: number, fileSize: number): number {
    for (let at = from; at < fileSize; ) {
      const size = Math.min(WINDOW_SIZE, fileSize - at)
      const found = nextMagic(this.bytes(at, size), 0)
      if (found !== -1) return at + found
      if (size < WINDOW_SIZE) return -1
      at += size - 3 // the magic may lie across two windows
    }
    return -1
  }

  #load(at: number, size: number): void {
    const buffer = Buffer.allocUnsafe(Math.max(size, WINDOW_SIZE))
    const got = readSync(this.#fd, buffer, 0, buffer.length, at)
    this.#buffer = buffer.subarray(0, got)
    this.#start = at
  }
}

/** The records of one block, unpacked; null when the bytes on disk are not those that were written. */
export function readBlock(fd: number, place: BlockPlace): Buffer | null {
  const stored = Buffer.allocUnsafe(Math.min(place.header.storedSize, BLOCK_SIZE_MAX))
  const got = readSync(fd, stored, 0, stored.length, place.at + BLOCK_HEADER_SIZE)
  return unpackBlock(place.header, stored.subarray(0, got))
}
