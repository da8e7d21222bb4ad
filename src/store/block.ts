// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { RECORD_SIZE_MIN } from './record.ts'

/*
 * One block of the journal: what one write and one checksum cover. Little endian.
 *
 *    0 u32 magic  4 u32 crc of bytes 8–64  8 u32 stored size  12 u32 raw size  16 u32 crc of the stored bytes
 *   20 u32 records  24 f64 id of the first  32 f64 first at  40 f64 last at  48 u8 codec  49 3B zero
 *   52 12B salt of the segment  64 the stored bytes
 *
 * What senders send lies in these blocks, so bytes that look like a block may be theirs. The salt is drawn for each
 * segment and never leaves the node: what does not carry it is no block, however good its checksums are.
 */
export const BLOCK_HEADER_SIZE = 64
export const SALT_SIZE = 12
const SALT_AT = BLOCK_HEADER_SIZE - SALT_SIZE
const MAGIC = 0x424a5053 // "SPJB"
const MAGIC_BYTES = Buffer.from('SPJB', 'latin1')
const CODEC = { none: 0, zstd: 1 } as const
const CHUNK_SIZE_MIN = 64 // that zlib takes; one chunk for all spares it to join many
const COMPRESS_FROM_SIZE = 200 // bytes; below, zstd saves nothing

/** No block is larger once unpacked: a bound against a header that lies. */
export const BLOCK_SIZE_MAX = 1_048_576

/** No id is larger, so that ids can go on rising from any block that was read. */
export const ID_MAX = Number.MAX_SAFE_INTEGER - 2 ** 32

export type BlockHeader = {
  readonly storedSize: number
  readonly rawSize: number
  readonly payloadCrc: number
  readonly recordCount: number
  readonly firstId: number
  readonly firstAt: number
  readonly lastAt: number
  readonly codec: number
}

/** The block whole, header and all, as it is written to a segment of that salt. */
export function serializeBlock(
  records: Uint8Array,
  facts: { recordCount: number; firstId: number; firstAt: number; lastAt: number },
  salt: Uint8Array,
): Buffer {
  const packed =
    records.length < COMPRESS_FROM_SIZE
      ? records
      : zstdCompressSync(records, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  const stored = packed.length < records.length ? packed : records
  const block = Buffer.alloc(BLOCK_HEADER_SIZE + stored.length)
  block.set(stored, BLOCK_HEADER_SIZE)
  block.writeUInt32LE(MAGIC, 0)
  block.writeUInt32LE(stored.length, 8)
  block.writeUInt32LE(records.length, 12)
  block.writeUInt32LE(crc32(stored), 16)
  block.writeUInt32LE(facts.recordCount, 20)
  block.writeDoubleLE(facts.firstId, 24)
  block.writeDoubleLE(facts.firstAt, 32)
  block.writeDoubleLE(facts.lastAt, 40)
  block[48] = stored === records ? CODEC.none : CODEC.zstd
  saltBlock(block, salt)
  return block
}

/** Makes the block one of the segment with that salt; it is sealed before its segment is known. */
export function saltBlock(block: Buffer, salt: Uint8Array): void {
  block.set(salt, SALT_AT)
  block.writeUInt32LE(crc32(block.subarray(8, BLOCK_HEADER_SIZE)), 4)
}

/** The header that `bytes` starts with, or null when none stands there whole, unharmed and with that salt. */
export function parseBlockHeader(bytes: Buffer, salt: Uint8Array | 'any'): BlockHeader | null {
  const own = parseSalt(bytes)
  if (own === null || (salt !== 'any' && !own.equals(salt))) return null
  const header = {
    storedSize: bytes.readUInt32LE(8),
    rawSize: bytes.readUInt32LE(12),
    payloadCrc: bytes.readUInt32LE(16),
    recordCount: bytes.readUInt32LE(20),
    firstId: bytes.readDoubleLE(24),
    firstAt: bytes.readDoubleLE(32),
    lastAt: bytes.readDoubleLE(40),
    codec: bytes[48] ?? -1,
  }
  return isPossible(header) ? header : null
}

function isPossible({ storedSize, rawSize, recordCount, firstId }: BlockHeader): boolean {
  return (
    storedSize <= BLOCK_SIZE_MAX &&
    rawSize <= BLOCK_SIZE_MAX &&
    recordCount > 0 &&
    recordCount * RECORD_SIZE_MIN <= rawSize &&
    Number.isSafeInteger(firstId) &&
    firstId > 0 &&
    firstId + recordCount <= ID_MAX
  )
}

/** The salt of the block that `bytes` starts with, or null when its header is not whole and unharmed. */
export function parseSalt(bytes: Buffer): Buffer | null {
  if (bytes.length < BLOCK_HEADER_SIZE || bytes.readUInt32LE(0) !== MAGIC) return null
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8, BLOCK_HEADER_SIZE))) return null
  return bytes.subarray(SALT_AT, BLOCK_HEADER_SIZE)
}

/** Where the next thing that looks like a block starts, from `from` on; -1 when nowhere. */
export const nextMagic = (bytes: Buffer, from: number): number => bytes.indexOf(MAGIC_BYTES, from)

/** The records of a block, unpacked; null when its bytes are not those that were written. */
export function unpackBlock(header: BlockHeader, stored: Buffer): Buffer | null {
  if (stored.length !== header.storedSize || crc32(stored) !== header.payloadCrc) return null
  if (header.codec === CODEC.none) return stored
  if (header.codec !== CODEC.zstd) return null
  const records = zstdDecompressSync(stored, {
    maxOutputLength: BLOCK_SIZE_MAX,
    chunkSize: Math.max(CHUNK_SIZE_MIN, header.rawSize),
  })
  return records.length === header.rawSize ? records : null
}
