// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
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

const refusal = (dir: string): { code?: string; message: string } => {
  try {
    lockStateDir(dir)[Symbol.dispose]()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  return { message: 'it was taken' }
}

test('a folder is made with those above it, for its owner alone', (t) => {
  const dir = join(tempDir(t), 'a/b/c')
  using _lock = lockStateDir(dir)
  assert.equal(statSync(dir).mode & 0o777, 0o700)
})

test('what is no folder is refused in words', (t) => {
  const dir = tempDir(t)
  const [file, link] = [join(dir, 'file'), join(dir, 'link')]
  writeFileSync(file, '')
  symlinkSync(join(dir, 'nowhere'), link)
  for (const [path, words] of [
    [file, `${file} is a file, not a folder`],
    [join(file, 'state'), `${file} is a file, not a folder`],
    [link, `${link} is a link that leads nowhere`],
    [join(link, 'state'), `${link} is a link that leads nowhere`],
  ] as const) {
    const message = `Cannot write to the state folder: ${words}: choose another --state-dir`
    const error = refusal(path)
    assert.deepEqual([error.code, error.message], ['STATE_UNWRITABLE', message])
  }
})

test('a folder that takes no other is refused at once', {
  skip: process.platform !== 'linux' && 'no /proc',
}, () => {
  const { code, message } = refusal('/proc/sentrypeer/state')
  assert.equal(code, 'STATE_UNWRITABLE')
  assert.match(message, /ENOENT.*: choose another --state-dir$/)
})
