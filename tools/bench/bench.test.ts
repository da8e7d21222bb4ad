// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import type { Balance, Kept } from './kept.ts'
import { whyNoPrograms } from './native.ts'

const BENCH = path.resolve(import.meta.dirname, '..', 'bench.ts')
const reason = whyNoPrograms()
const run = (dir: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', BENCH, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: dir, SENTRYPEER_SIP_PASSIVE: 'true' }, // settings of the caller's own do not count
  })

test('a short run accounts for every datagram, and leaves nothing behind but its figures', {
  skip: reason === null ? false : `skipped: ${reason}`,
}, (t) => {
  const dir = tempDir(t)
  const file = path.join(dir, 'figures.json')
  const { status, stdout, stderr } = run(dir, 'varied', '--quick', '--rate', '2000', '--json', file)
  assert.equal(status, 0, stderr)
  const { figures } = JSON.parse(readFileSync(file, 'utf8'))
  const [{ balance, found, answeredPart }] = figures.varied.runs as {
    balance: Balance
    found: Kept
    answeredPart: number
  }[] as [{ balance: Balance; found: Kept; answeredPart: number }]
  assert(balance.sentCount >= 2000, stderr)
  assert.equal(balance.keptCount + balance.kernelDropCount + balance.shedCount, balance.sentCount, stderr)
  assert.equal(found.recordCount, balance.keptCount)
  assert.equal(found.indexedCount, found.recordCount)
  assert(found.rowCount > 0 && found.rowCount <= found.recordCount)
  assert(answeredPart > 0)
  assert.match(stdout, /journal, bytes an event +\d+ /)
  assert.deepEqual(readdirSync(dir), ['figures.json'])
})

test('a mode that there is not ends the bench at once', (t) => {
  const { status, stdout, stderr } = run(tempDir(t), 'repiles')
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /did you mean replies\?/)
})
