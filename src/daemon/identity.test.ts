// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { chmodSync, existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { announceNode, readAdminKey, readNodeId } from './_identity.ts'

const NODE = { url: 'http://127.0.0.1:1', version: '1.2.3', startedAt: 0 }

test('the files of a node are its owner’s, and no link is followed to write them', (t) => {
  const dir = tempDir(t)
  const elsewhere = join(tempDir(t), 'file')
  writeFileSync(elsewhere, 'theirs')
  for (const name of ['node-id', 'node.json', 'admin.key']) symlinkSync(elsewhere, join(dir, name))
  const id = readNodeId(dir)
  assert.equal(readNodeId(dir), id)
  const key = readAdminKey(dir)
  assert.equal(readAdminKey(dir), key)
  const announced = announceNode(dir, NODE)
  assert.equal(readFileSync(elsewhere, 'utf8'), 'theirs')
  for (const [name, mode] of [
    ['node-id', 0o600],
    ['admin.key', 0o600],
    ['node.json', 0o644],
  ] as const) {
    const stats = lstatSync(join(dir, name))
    assert.ok(stats.isFile(), name)
    assert.equal(stats.mode & 0o777 & ~mode, 0, name)
  }
  announced[Symbol.dispose]()
  assert.equal(existsSync(join(dir, 'node.json')), false)
  assert.equal(readAdminKey(dir), key)
})

test('a key that others could read, or that is none, is replaced', (t) => {
  const dir = tempDir(t)
  const key = readAdminKey(dir)
  chmodSync(join(dir, 'admin.key'), 0o644)
  const second = readAdminKey(dir)
  assert.notEqual(second, key)
  assert.equal(lstatSync(join(dir, 'admin.key')).mode & 0o777, 0o600)
  writeFileSync(join(dir, 'admin.key'), 'short')
  assert.match(readAdminKey(dir), /^[\w-]{43}$/)
})
