// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyedHash } from './keyed-hash.ts'

const KEY = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7])
const bytesOf = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => i & 255))
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

const rotl = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** The algorithm as its authors write it, with any number of rounds. */
function halfSipHash(bytes: Buffer, rounds: { word: number; last: number }): string {
  const v = [KEY.readInt32LE(0), KEY.readInt32LE(4) ^ 0xee, 0x6c796765, 0x74656462] as [number, number, number, number]
  v[2] ^= KEY.readInt32LE(0)
  v[3] ^= KEY.readInt32LE(4)
  const round = (): void => {
    v[0] = (v[0] + v[1]) | 0
    v[1] = rotl(v[1], 5) ^ v[0]
    v[0] = rotl(v[0], 16)
    v[2] = (v[2] + v[3]) | 0
    v[3] = rotl(v[3], 8) ^ v[2]
    v[0] = (v[0] + v[3]) | 0
    v[3] = rotl(v[3], 7) ^ v[0]
    v[2] = (v[2] + v[1]) | 0
    v[1] = rotl(v[1], 13) ^ v[2]
    v[2] = rotl(v[2], 16)
  }
  const padded = Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))])
  padded[padded.length - 1] = bytes.length & 255
  for (let at = 0; at < padded.length; at += 4) {
    v[3] ^= padded.readInt32LE(at)
    for (let i = 0; i < rounds.word; i++) round()
    v[0] ^= padded.readInt32LE(at)
  }
  v[2] ^= 0xee
  const out = Buffer.alloc(8)
  for (let i = 0; i < rounds.last; i++) round()
  out.writeInt32LE(v[1] ^ v[3], 0)
  v[1] ^= 0xdd
  for (let i = 0; i < rounds.last; i++) round()
  out.writeInt32LE(v[1] ^ v[3], 4)
  return out.toString('hex')
}

test('the model gives the published value', () => {
  assert.equal(halfSipHash(bytesOf(0), { word: 2, last: 4 }), '218d1f59b9b83cc8') // vectors.h of the reference, first of 64 bits
})

test('the hash is HalfSipHash-1-3 for every size, wherever the bytes lie', () => {
  const hash = new KeyedHash(KEY)
  for (let size = 0; size <= 300; size++) {
    const bytes = Buffer.concat([Buffer.from('abc'), bytesOf(size), Buffer.from('def')])
    hash.read(viewOf(bytes), 3, 3 + size)
    const out = Buffer.alloc(8)
    out.writeInt32LE(hash.low, 0)
    out.writeInt32LE(hash.high, 4)
    assert.equal(out.toString('hex'), halfSipHash(bytesOf(size), { word: 1, last: 3 }))
  }
})

test('another key and other seeds give another hash', () => {
  const view = viewOf(bytesOf(20))
  const seen = new Set<string>()
  const read = (hash: KeyedHash, seed0?: number, seed1?: number): void => {
    hash.read(view, 0, 20, seed0, seed1)
    seen.add(`${hash.low} ${hash.high}`)
  }
  const hash = new KeyedHash(KEY)
  read(hash)
  read(hash, 1)
  read(hash, 0, 1)
  read(new KeyedHash())
  assert.equal(seen.size, 4)
})
