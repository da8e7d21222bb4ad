// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { lockStateDir } from './lock.ts'

test('a folder is held once, and free again afterwards', (t) => {
  const dir = tempDir(t)
  {
    using _lock = lockStateDir(dir)
    assert.throws(() => lockStateDir(dir), { code: 'STATE_LOCKED' })
  }
  using _lock = lockStateDir(dir)
})

test('a damaged lock file is emptied and taken', (t) => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'lock'), 'this is no database'.repeat(500))
  {
    using _lock = lockStateDir(dir)
    assert.throws(() => lockStateDir(dir), { code: 'STATE_LOCKED' })
  }
  using _lock = lockStateDir(dir)
})

test('a lock file that cannot be opened is no other node', (t) => {
  const dir = tempDir(t)
  mkdirSync(join(dir, 'lock'))
  assert.throws(
    () => lockStateDir(dir),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'STATE_UNWRITABLE')
      assert.match(error.message, /lock.*unable to open.*--state-dir/)
      return true
    },
  )
})
