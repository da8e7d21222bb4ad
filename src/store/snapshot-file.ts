// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/*
 * A file of pieces, each behind its size and its checksum (u32 both, little endian); the first is MAGIC, and an empty
 * one ends it. It is written beside its name, so that a file of that name is whole or was damaged since.
 */
const MAGIC = Buffer.from('SentryPeer indicators 1')
const HEAD_SIZE = 8
const PIECE_SIZE_MAX = 67_108_864 // bytes; a bound against a size that was damaged

export const snapshotPath = (stateDir: string): string => join(stateDir, 'indicators.snapshot')

export function removeSnapshot(stateDir: string): void {
  rmSync(snapshotPath(stateDir), { force: true })
}

/**
 * Writes the pieces, without waiting in this thread; each is asked for when the one before was handed to the system.
 * False, with nothing changed, when that is not done by `deadline` (monotonic ms). `onPieces` is called once all pieces
 * were taken, before the disk has them. Throws the system's error.
 */
export async function writeSnapshot(
  path: string,
  pieces: Iterable<Uint8Array>,
  { deadline, onPieces }: { deadline: number; onPieces: () => void },
): Promise<boolean> {
  const fresh = `${path}.new`
  try {
    await using file = await open(fresh, 'w', 0o600)
    for (const piece of framed(pieces)) {
      if (performance.now() > deadline) return false
      await file.writev(piece)
    }
    onPieces()
    await file.sync()
    await rename(fresh, path)
    return true
  } finally {
    await rm(fresh, { force: true })
  }
}

function* framed(pieces: Iterable<Uint8Array>): Generator<Uint8Array[]> {
  yield [headOf(MAGIC), MAGIC]
  for (const piece of pieces) yield [headOf(piece), piece]
  yield [headOf(new Uint8Array(0))]
}

function headOf(piece: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_SIZE)
  head.writeUInt32LE(piece.length, 0)
  head.writeUInt32LE(crc32(piece), 4)
  return head
}

/** The pieces, each in memory of its own; null when there is no such file, or it is damaged or of another version. */
export function readSnapshot(path: string): Uint8Array<ArrayBuffer>[] | null {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const magic = readPiece(fd)
    if (magic === null || !MAGIC.equals(magic)) return null
    const pieces: Uint8Array<ArrayBuffer>[] = []
    for (let piece = readPiece(fd); piece !== null; piece = readPiece(fd)) {
      if (piece.length === 0) return pieces
      pieces.push(piece)
    }
    return null
  } finally {
    closeSync(fd)
  }
}

function readPiece(fd: number): Uint8Array<ArrayBuffer> | null {
  const head = Buffer.alloc(HEAD_SIZE)
  if (readSync(fd, head, 0, HEAD_SIZE, null) < HEAD_SIZE) return null
  const size = head.readUInt32LE(0)
  if (size > PIECE_SIZE_MAX) return null
  const piece = new Uint8Array(size)
  for (let done = 0; done < size; ) {
    const got = readSync(fd, piece, done, size - done, null)
    if (got === 0) return null
    done += got
  }
  return crc32(piece) === head.readUInt32LE(4) ? piece : null
}
