// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename } from 'node:path'
import {
  listSegments,
  readSegmentHeader,
  SEGMENT_HEADER_SIZE,
  type Segment,
  saltOfFirstBlock,
  scanSegment,
  serializeSegmentHeader,
} from './segment.ts'

const COPY_SIZE = 1_048_576 // bytes copied at once

/**
 * Mends damaged segment headers, and cuts what a crash left behind the last whole block of the newest segment. Bytes
 * are never thrown away: they go to `.torn` and `.unreadable` files, which expire as their segment would.
 * `lastId` is the id of the journal's last record, 0 when it has none. Throws STATE_TOO_NEW before any change.
 */
export function repairJournal(dir: string): { lastId: number; repairs: string[] } {
  const segments = listSegments(dir)
  for (const segment of segments) withFile(segment.path, 'r', (fd) => readSegmentHeader(fd, segment.path))
  const repairs: string[] = []
  const readable = segments.filter((segment) => mendHeader(segment, repairs))
  for (let newest = readable.pop(); newest !== undefined; newest = readable.pop()) {
    const lastId = cutTail(newest, repairs)
    if (lastId !== null) return { lastId, repairs }
  }
  return { lastId: 0, repairs }
}

function withFile<T>(path: string, flags: string, work: (fd: number) => T): T {
  const fd = openSync(path, flags)
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}

/** Whether the segment is there to be read. */
function mendHeader({ path }: Segment, repairs: string[]): boolean {
  const state = withFile(path, 'r+', (fd) => {
    if (readSegmentHeader(fd, path) !== null) return 'good'
    const salt = saltOfFirstBlock(fd)
    if (salt === null) return fstatSync(fd).size <= SEGMENT_HEADER_SIZE ? 'empty' : 'lost'
    writeSync(fd, serializeSegmentHeader(salt), 0, SEGMENT_HEADER_SIZE, 0)
    fdatasyncSync(fd)
    return 'mended'
  })
  if (state === 'mended') repairs.push(`${path}: its header was damaged and was written again; its blocks are read`)
  if (state === 'lost') setAside(path, 'its header and its first block are damaged', repairs)
  if (state === 'empty') unlinkSync(path) // a crash while it was made: no block was ever in it
  return state === 'good' || state === 'mended'
}

/** The id of the segment's last record; null when it has none and is gone. */
function cutTail({ path }: Segment, repairs: string[]): number | null {
  const { blocks, damagedSize, end, fileSize } = scanSegment(path, { verify: true })
  const last = blocks.at(-1)
  if (last === undefined) {
    if (fileSize > SEGMENT_HEADER_SIZE) setAside(path, 'no block of it is whole', repairs)
    else unlinkSync(path)
    return null
  }
  if (damagedSize > 0) repairs.push(`${path}: ${damagedSize} bytes are damaged; the blocks around them are read`)
  if (end < fileSize) {
    withFile(path, 'r+', (fd) => {
      const torn = `${path}.torn`
      appendRange(fd, end, fileSize, torn)
      ftruncateSync(fd, end)
      fdatasyncSync(fd)
      repairs.push(
        `${path}: cut ${fileSize - end} bytes of a block that was not written to its end; kept in ${basename(torn)}`,
      )
    })
  }
  return last.header.firstId + last.header.recordCount - 1
}

/** Appends, for a segment may be torn more than once. */
function appendRange(fd: number, from: number, to: number, path: string): void {
  const buffer = Buffer.alloc(Math.min(to - from, COPY_SIZE))
  for (let at = from; at < to; ) {
    const got = readSync(fd, buffer, 0, Math.min(buffer.length, to - at), at)
    if (got === 0) return
    appendFileSync(path, buffer.subarray(0, got), { mode: 0o600 })
    at += got
  }
}

function setAside(path: string, why: string, repairs: string[]): void {
  let aside = `${path}.unreadable`
  for (let n = 2; existsSync(aside); n++) aside = `${path}.unreadable-${n}`
  renameSync(path, aside)
  repairs.push(`${path}: ${why}; kept in ${basename(aside)}`)
}
