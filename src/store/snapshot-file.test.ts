// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { readSnapshot, removeSnapshot, snapshotPath, writeSnapshot } from './snapshot-file.ts'

const PIECES = [Buffer.from('first'), Buffer.alloc(3000, 7), Buffer.alloc(0), Buffer.from([1]), Buffer.alloc(0)]
const always = { deadline: Number.POSITIVE_INFINITY, onPieces: () => {} }

test('the pieces come back as they were written', async (t) => {
  const path = snapshotPath(tempDir(t))
  assert.equal(readSnapshot(path), null)
  let isTaken = false
  const onPieces = (): void => {
    isTaken = true
    assert(!existsSync(path), 'the name is given when the disk has it')
  }
  assert(await writeSnapshot(path, PIECES, { ...always, onPieces }))
  assert(isTaken)
  assert.deepEqual(
    readSnapshot(path),
    PIECES.map((piece) => Uint8Array.from(piece)),
  )
})

test('a file that is cut or has one other bit is not used', async (t) => {
  const path = snapshotPath(tempDir(t))
  await writeSnapshot(path, PIECES, always)
  const whole = readFileSync(path)
  for (let at = 0; at < whole.length; at += at < 100 || at > whole.length - 100 ? 1 : 97) {
    writeFileSync(path, whole.subarray(0, at))
    assert.throws(() => readSnapshot(path), /damaged|version/, `cut at ${at}`)
    const harmed = Buffer.from(whole)
    harmed[at]! ^= 1 << (at & 7)
    writeFileSync(path, harmed)
    assert.throws(() => readSnapshot(path), /damaged|version/, `another byte at ${at}`)
  }
})

test('what takes too long or fails leaves the file before in its place, and nothing beside it', async (t) => {
  const dir = tempDir(t)
  const path = snapshotPath(dir)
  await writeSnapshot(path, PIECES, always)
  let hasEnded = false
  function* others(): Generator<Buffer> {
    try {
      yield Buffer.from('other')
      yield Buffer.from('other')
    } finally {
      hasEnded = true
    }
  }
  assert.equal(await writeSnapshot(path, others(), { ...always, deadline: Number.NEGATIVE_INFINITY }), false)
  function* failing(): Generator<Buffer> {
    yield Buffer.from('other')
    throw new Error('this fails')
  }
  await assert.rejects(writeSnapshot(path, failing(), always), /this fails/)
  assert.equal(hasEnded, false, 'nothing was asked for')
  assert.deepEqual(readSnapshot(path)?.length, PIECES.length)
  assert.equal(readdirSync(dir).length, 1)
  removeSnapshot(dir)
  removeSnapshot(dir)
  assert.equal(readSnapshot(path), null)
})
