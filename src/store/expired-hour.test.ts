// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { ExpiredHour } from './expired-hour.ts'

test('the latest hour is kept, whatever comes after it', (t) => {
  const dir = tempDir(t)
  const expired = new ExpiredHour(dir)
  assert.equal(expired.hour, 0)
  for (const [hour, latest] of [
    [495_000, 495_000],
    [494_999, 495_000],
    [495_001, 495_001],
  ] as const) {
    expired.raise(hour)
    assert.deepEqual([expired.hour, new ExpiredHour(dir).hour], [latest, latest])
  }
})

test('what cannot be read stands for any hour until the next start, and what cannot be written is said', (t) => {
  const dir = tempDir(t)
  const path = `${dir}/expired-hour`
  writeFileSync(path, '4950')
  const expired = new ExpiredHour(dir)
  expired.raise(495_001)
  assert.equal(expired.hour, Number.POSITIVE_INFINITY)
  assert.equal(readFileSync(path, 'latin1'), '00495001\n')
  assert.equal(new ExpiredHour(dir).hour, 495_001)
  rmSync(path)
  mkdirSync(path)
  const unwritable = new ExpiredHour(dir)
  assert.equal(unwritable.hour, Number.POSITIVE_INFINITY)
  assert.throws(() => unwritable.raise(495_002), { code: 'STATE_UNWRITABLE' })
})
