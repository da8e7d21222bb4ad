// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What the journal's writer does while the disk is waited for, and when the disk then says no.
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { openJournal, SlowDisk } from '../../test/support/journal.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { JournalReader } from './journal-reader.ts'
import { type JournalFiles, JournalWriter } from './journal-writer.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { DAY_MS, HOUR_MS } from './retention.ts'
import { listSegments } from './segment.ts'

const START = 1_795_456_800_000 // an hour's first instant
const EIO = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })

/** A journal on a slow disk, and what its commits told. */
class Bench {
  readonly dir: string
  readonly disk: SlowDisk
  readonly writer: JournalWriter
  readonly told: (Error | number)[] = [] // an error, or how many records became durable
  readonly ids: number[] = []

  constructor(t: TestContext, options: { files?: Partial<JournalFiles>; segmentSizeMax?: number } = {}) {
    this.dir = tempDir(t)
    this.disk = new SlowDisk(t)
    this.writer = openJournal(this.dir, options.segmentSizeMax, { ...this.disk.files, ...options.files })
    t.after(() => this.writer[Symbol.dispose]())
  }

  append(at: number, bodySize = 0): void {
    const bytes = sipRequest({ callId: `call-${this.ids.length}` })
    const wanted = observation({ at, bytes: Buffer.concat([bytes, Buffer.alloc(bodySize, 'x')]) })
    const record = new Uint8Array(eventRecordSize(wanted))
    writeEventRecord(wanted, record, 0)
    this.ids.push(this.writer.append(record, 0, at))
  }

  commit(): void {
    this.writer.commit((error, blocks) => {
      this.told.push(error ?? blocks.reduce((sum, { recordCount }) => sum + recordCount, 0))
    })
  }

  /** The ids that a reader finds now. */
  readIds(): number[] {
    using reader = new JournalReader(this.dir)
    return reader.read(0, 10_000).map(({ id }) => id)
  }

  fileSize(): number {
    return listSegments(this.dir).reduce((sum, { path }) => sum + statSync(path).size, 0)
  }
}

test('while the disk is waited for records are taken and nothing is written; the next commit has them', (t) => {
  const bench = new Bench(t)
  bench.append(START)
  bench.commit()
  const written = bench.fileSize()
  for (let i = 1; i <= 20; i++) bench.append(START + i, 50_000) // several blocks
  assert.deepEqual(
    [bench.told, bench.writer.position, bench.fileSize(), bench.disk.syncCount],
    [[], 0, written, 1],
    'not durable, not written to, not synced again',
  )
  assert.throws(() => bench.commit(), /one commit after the other/)
  bench.disk.end()
  assert.deepEqual([bench.told, bench.writer.position, bench.disk.pendingCount], [[1], bench.ids[0], 0])
  bench.commit()
  bench.disk.end()
  assert.deepEqual([bench.told, bench.writer.position, bench.writer.waiting], [[1, 20], bench.ids.at(-1), false])
  assert.deepEqual(bench.readIds(), bench.ids)
})

test('the next segment is begun when the disk has the one before, and all of a commit is told at once', (t) => {
  const bench = new Bench(t)
  for (let hour = 0; hour < 3; hour++) bench.append(START + hour * HOUR_MS)
  bench.commit()
  for (let segmentCount = 1; segmentCount <= 3; segmentCount++) {
    assert.deepEqual([bench.told, listSegments(bench.dir).length, bench.disk.pendingCount], [[], segmentCount, 1])
    if (segmentCount === 2) bench.append(START + 3 * HOUR_MS) // goes with the next commit
    bench.disk.end()
  }
  assert.deepEqual([bench.told, bench.writer.position], [[3], bench.ids[2]])
  bench.commit()
  bench.disk.end()
  assert.deepEqual(bench.told, [3, 1])
  assert.deepEqual(bench.readIds(), bench.ids)
})

for (const failing of [1, 2, 3]) {
  test(`when sync ${failing} of a commit over three segments fails, all is there once after the next`, (t) => {
    const bench = new Bench(t)
    for (let hour = 0; hour < 3; hour++) bench.append(START + hour * HOUR_MS)
    bench.commit()
    for (let i = 1; i < failing; i++) bench.disk.end()
    bench.append(START + 3 * HOUR_MS)
    bench.disk.end(EIO)
    assert.deepEqual([bench.told, bench.writer.position], [[EIO], 0])
    bench.commit()
    while (bench.disk.pendingCount > 0) bench.disk.end()
    assert.deepEqual([bench.told, bench.writer.position], [[EIO, 4], bench.ids.at(-1)])
    assert.deepEqual(bench.readIds(), bench.ids)
    using again = new JournalWriter(bench.dir)
    assert.deepEqual(again.repairs, [])
    assert.deepEqual(bench.readIds(), bench.ids)
  })
}

test('a segment is durable only when its folder is as well', (t) => {
  const answers: (Error | null)[] = [EIO, null]
  let folderCount = 0
  const files: Partial<JournalFiles> = {
    syncFolder: (_dir, done) => {
      folderCount++
      done(answers.shift() ?? null)
    },
  }
  const bench = new Bench(t, { files })
  bench.append(START)
  bench.commit()
  bench.disk.end()
  assert.deepEqual([bench.told, bench.writer.position], [[EIO], 0])
  bench.commit()
  bench.disk.end()
  bench.append(START + 1)
  bench.commit()
  bench.disk.end()
  assert.deepEqual([bench.told, folderCount], [[EIO, 1, 1], 2], 'once is enough')
  assert.deepEqual(bench.readIds(), bench.ids)
})

test('a segment that expires while it is synced goes afterwards, and the next one is written', (t) => {
  const bench = new Bench(t)
  bench.append(START)
  bench.commit()
  const [name] = readdirSync(bench.dir)
  const later = START + 8 * DAY_MS
  assert.equal(bench.writer.expire(later), 0)
  assert.equal(bench.writer.dropOldest(), null)
  assert.deepEqual(readdirSync(bench.dir), [name])
  bench.disk.end()
  assert.deepEqual(bench.told, [1])
  assert.equal(bench.writer.expire(later), 1)
  assert.deepEqual(readdirSync(bench.dir), [])
  bench.append(later)
  bench.commit()
  bench.disk.end()
  assert.deepEqual([bench.told, bench.readIds()], [[1, 1], bench.ids.slice(1)])
})

test('other segments are removed while one is synced', (t) => {
  const bench = new Bench(t, { segmentSizeMax: 1 })
  for (let i = 0; i < 2; i++) {
    bench.append(START + i)
    bench.commit()
    bench.disk.end()
  }
  bench.append(START + 2)
  bench.commit()
  while (bench.writer.dropOldest() !== null);
  bench.disk.end()
  assert.deepEqual([bench.told, bench.readIds()], [[1, 1, 1], bench.ids.slice(2)])
})
