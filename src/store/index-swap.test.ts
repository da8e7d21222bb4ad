// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { type ClockOffset, createClockOffset } from './clock.ts'
import { indexFolders, settleIndex, swapIndex } from './index-swap.ts'
import { reindexStore } from './reindex.ts'
import { HOUR_MS } from './retention.ts'
import { journalDir, listSegments } from './segment.ts'
import { removeSnapshot } from './snapshot-file.ts'
import { openStore } from './store.ts'
import type { Store } from './types.ts'

const open = (dir: string, clockOffset: ClockOffset): Promise<Store> =>
  openStore({ dir, quotaSize: 100 * 1_048_576 }, { clockOffset, onFatal: (error) => assert.fail(error) })

test('wherever a swap ends, the index that was whole is in its place, and nothing beside it', (t) => {
  for (const [there, expected, isBetween] of [
    [['index', 'fresh'], 'index', false], // while the new one is made, or is whole
    [['fresh', 'old'], 'fresh', true],
    [['index', 'old'], 'index', false],
    [['old'], 'old', true],
    [['fresh'], null, false], // the user removed the index while the new one was made
    [[], null, false],
  ] as const) {
    const dir = tempDir(t)
    const folders = indexFolders(dir)
    for (const name of there) {
      mkdirSync(folders[name])
      writeFileSync(`${folders[name]}/name`, name)
    }
    assert.equal(settleIndex(folders), isBetween, there.join())
    assert.deepEqual(readdirSync(dir), ['index'])
    const path = `${folders.index}/name`
    assert.equal(existsSync(path) ? readFileSync(path, 'utf8') : null, expected, there.join())
  }
  const folders = indexFolders(tempDir(t))
  for (const name of ['index', 'fresh'] as const) mkdirSync(folders[name])
  writeFileSync(`${folders.fresh}/name`, 'fresh')
  swapIndex(folders)
  assert.equal(readFileSync(`${folders.index}/name`, 'utf8'), 'fresh')
})

test('a start and a reindex find what only the index knows, after a reindex that was killed between its renames', async (t) => {
  const dir = tempDir(t)
  const clockOffset = createClockOffset()
  const { index, old } = indexFolders(dir)
  for (const offsetMs of [-2 * HOUR_MS, 0]) {
    clockOffset[0] = offsetMs
    await using store = await open(dir, clockOffset)
    const at = Date.now() + offsetMs
    for (let i = 0; i < 10; i++) store.append(observation({ at, bytes: Buffer.from(`junk ${i}`) }))
    await store.flush({ indexed: true })
  }
  const [oldest] = listSegments(journalDir(dir))
  rmSync(oldest?.path ?? '')
  const kill = (): void => {
    removeSnapshot(dir)
    renameSync(index, old)
  }
  kill()
  await reindexStore(dir)
  for (const repair of [/^$/, /reindex/]) {
    await using store = await open(dir, clockOffset)
    assert.match(store.status().repairs.join(), repair)
    assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 20)
    await store[Symbol.asyncDispose]()
    kill()
  }
})
