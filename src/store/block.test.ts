// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BLOCK_HEADER_SIZE, ID_MAX, parseBlockHeader, SALT_SIZE, serializeBlock, unpackBlock } from './block.ts'

const facts = { recordCount: 1, firstId: 1_795_456_800_000_000, firstAt: 1_795_456_800_000, lastAt: 1_795_456_800_050 }
const salt = Buffer.alloc(SALT_SIZE, 7)
const payloads = {
  small: Buffer.from('a record of no less than 28 b'),
  'well compressible': Buffer.alloc(100_000, 'SIP/2.0 '),
  incompressible: Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 2_654_435_761) >>> 24)),
}

function read(block: Buffer): Buffer | null {
  const header = parseBlockHeader(block, salt)
  return header === null ? null : unpackBlock(header, block.subarray(BLOCK_HEADER_SIZE))
}

for (const [name, records] of Object.entries(payloads)) {
  const block = serializeBlock(records, facts, salt)

  test(`a ${name} block comes back as it went in`, () => {
    const header = parseBlockHeader(block, salt)
    assert(header !== null)
    assert.deepEqual(
      { recordCount: header.recordCount, firstId: header.firstId, firstAt: header.firstAt, lastAt: header.lastAt },
      facts,
    )
    assert.deepEqual(read(block), records)
  })

  test(`no prefix of a ${name} block passes for one`, () => {
    for (let size = 0; size < block.length; size += Math.max(1, block.length >> 8))
      assert.equal(read(block.subarray(0, size)), null)
  })

  test(`no changed byte of a ${name} block goes unnoticed`, () => {
    fc.assert(
      fc.property(fc.nat(block.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(block)
        changed[at] = (changed[at] ?? 0) ^ change
        assert.equal(read(changed), null)
      }),
    )
  })
}

test('a block with another salt is none, nor is one whose ids or counts cannot be', () => {
  const records = payloads['well compressible']
  assert.equal(parseBlockHeader(serializeBlock(records, facts, Buffer.alloc(SALT_SIZE, 8)), salt), null)
  for (const wrong of [
    { recordCount: 0 },
    { recordCount: 100_000 / 28 + 1 },
    { firstId: ID_MAX },
    { firstId: 0 },
    { firstId: 1.5 },
    { firstId: Number.NaN },
  ])
    assert.equal(
      parseBlockHeader(serializeBlock(records, { ...facts, ...wrong }, salt), salt),
      null,
      JSON.stringify(wrong),
    )
})
