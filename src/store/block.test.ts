// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BLOCK_HEADER_SIZE, parseBlockHeader, serializeBlock, unpackBlock } from './block.ts'

const facts = { recordCount: 3, firstId: 1_795_456_800_000_000, firstAt: 1_795_456_800_000, lastAt: 1_795_456_800_050 }
const payloads = {
  small: Buffer.from('abc'),
  'well compressible': Buffer.alloc(100_000, 'SIP/2.0 '),
  incompressible: Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 2_654_435_761) >>> 24)),
}

function read(block: Buffer): Buffer | null {
  const header = parseBlockHeader(block)
  return header === null ? null : unpackBlock(header, block.subarray(BLOCK_HEADER_SIZE))
}

for (const [name, records] of Object.entries(payloads)) {
  const block = serializeBlock(records, facts)

  test(`a ${name} block comes back as it went in`, () => {
    const header = parseBlockHeader(block)
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
