// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/*
 * One block of the journal: what one write and one checksum cover. Little endian.
 *
 *    0 u32 magic  4 u32 crc of bytes 8–64  8 u32 stored size  12 u32 raw size  16 u32 crc of the stored bytes
 *   20 u32 records  24 f64 id of the first  32 f64 first at  40 f64 last at  48 u8 codec  49 15B zero
 *   64 the stored bytes
 */
export const BLOCK_HEADER_SIZE = 64
const MAGIC = 0x424a5053 // "SPJB"
const MAGIC_BYTES = Buffer.from('SPJB', 'latin1')
const CODEC = { none: 0, zstd: 1 } as const
const COMPRESS_FROM_SIZE = 200 // bytes; below, zstd saves nothing

/** No block is larger once unpacked: a bound against a header that lies. */
export const BLOCK_SIZE_MAX = 1_048_576

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

/** The block whole, header and all, as it is written. */
export function serializeBlock(
  records: Uint8Array,
  facts: { recordCount: number; firstId: number; firstAt: number; lastAt: number },
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
  block.writeUInt32LE(crc32(block.subarray(8, BLOCK_HEADER_SIZE)), 4)
  return block
}

/** The header at `at`, or null when none stands there whole and unharmed. */
export function parseBlockHeader(bytes: Buffer, at = 0): BlockHeader | null {
  if (at + BLOCK_HEADER_SIZE > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return null
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, at + BLOCK_HEADER_SIZE))) return null
  const header = {
    storedSize: bytes.readUInt32LE(at + 8),
    rawSize: bytes.readUInt32LE(at + 12),
    payloadCrc: bytes.readUInt32LE(at + 16),
    recordCount: bytes.readUInt32LE(at + 20),
    firstId: bytes.readDoubleLE(at + 24),
    firstAt: bytes.readDoubleLE(at + 32),
    lastAt: bytes.readDoubleLE(at + 40),
    codec: bytes[at + 48] ?? -1,
  }
  return header.rawSize > BLOCK_SIZE_MAX || header.storedSize > BLOCK_SIZE_MAX ? null : header
}

/** Where the next thing that looks like a block starts, from `from` on; -1 when nowhere. */
export const nextMagic = (bytes: Buffer, from: number): number => bytes.indexOf(MAGIC_BYTES, from)

/** The records of a block, unpacked; null when its bytes are not those that were written. */
export function unpackBlock(header: BlockHeader, stored: Buffer): Buffer | null {
  if (stored.length !== header.storedSize || crc32(stored) !== header.payloadCrc) return null
  if (header.codec === CODEC.none) return stored
  if (header.codec !== CODEC.zstd) return null
  const records = zstdDecompressSync(stored, { maxOutputLength: BLOCK_SIZE_MAX })
  return records.length === header.rawSize ? records : null
}
