// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/*
 * A file of pieces, each behind its size and a checksum of that and of itself (u32 both, little endian). The first is
 * MAGIC; a size that no piece has ends it. It is written beside its name, so that a file of that name is whole or was
 * damaged since.
 */
const MAGIC = Buffer.from('SentryPeer indicators 3')
const HEAD_SIZE = 8
const END_SIZE = 0xffff_ffff
const NOTHING = new Uint8Array(0)
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
  yield [headOf(NOTHING, END_SIZE)]
}

function headOf(piece: Uint8Array, size = piece.length): Buffer {
  const head = Buffer.alloc(HEAD_SIZE)
  head.writeUInt32LE(size, 0)
  head.writeUInt32LE(checksum(head, piece), 4)
  return head
}

const checksum = (head: Buffer, piece: Uint8Array): number => crc32(piece, crc32(head.subarray(0, 4)))

/** The pieces, each in memory of its own; null when there is no such file. Throws an Error that says why it is of no use. */
export function readSnapshot(path: string): Uint8Array<ArrayBuffer>[] | null {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    if (!MAGIC.equals(wholePiece(fd) ?? NOTHING)) throw new Error('it is of another version')
    const pieces: Uint8Array<ArrayBuffer>[] = []
    for (let piece = wholePiece(fd); piece !== null; piece = wholePiece(fd)) pieces.push(piece)
    return pieces
  } finally {
    closeSync(fd)
  }
}

/** The next piece; null at the end. */
function wholePiece(fd: number): Uint8Array<ArrayBuffer> | null {
  const piece = readPiece(fd)
  if (piece === null) throw new Error('it is damaged')
  return piece === 'end' ? null : piece
}

/** Null when it is cut or damaged. */
function readPiece(fd: number): Uint8Array<ArrayBuffer> | 'end' | null {
  const head = Buffer.alloc(HEAD_SIZE)
  if (readSync(fd, head, 0, HEAD_SIZE, null) < HEAD_SIZE) return null
  const size = head.readUInt32LE(0)
  if (size > PIECE_SIZE_MAX && size !== END_SIZE) return null
  const piece = new Uint8Array(size === END_SIZE ? 0 : size)
  for (let done = 0; done < piece.length; ) {
    const got = readSync(fd, piece, done, piece.length - done, null)
    if (got === 0) return null
    done += got
  }
  if (checksum(head, piece) !== head.readUInt32LE(4)) return null
  return size === END_SIZE ? 'end' : piece
}
