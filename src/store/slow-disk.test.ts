// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The store thread on a disk that takes its time: it goes on with all else, within its bounds.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SlowDisk } from '../../test/support/journal.ts'
import { observation } from '../../test/support/observations.ts'
import { records, type ThreadOptions, threadOf } from '../../test/support/store-thread.ts'
import { JournalReader } from './journal-reader.ts'
import type { FromStore, StoreCounters } from './messages.ts'
import { QUEUE_SIZE } from './outbox.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { HOUR_MS, RETENTION_MS } from './retention.ts'
import { journalDir, listSegments } from './segment.ts'

const EIO = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })

class Bench {
  readonly disk: SlowDisk
  readonly store: ReturnType<typeof threadOf>

  constructor(t: TestContext, options: ThreadOptions = {}) {
    this.disk = new SlowDisk(t)
    this.store = threadOf(t, { ...options, files: this.disk.files })
  }

  take(count: number, prefix: string): void {
    const bytes = records(count, prefix)
    this.store.thread.takeRecords(bytes, 0, bytes.length)
  }

  /** Takes what can be taken, up to so many bytes. */
  takeSize(wanted: number): void {
    const one = observation({ bytes: Buffer.alloc(60_000, 'x'), at: Date.now() })
    const record = new Uint8Array(eventRecordSize(one))
    writeEventRecord(one, record, 0)
    for (let size = 0; size < wanted && this.store.thread.mayTake; size += record.length)
      this.store.thread.takeRecords(record, 0, record.length)
  }

  flush(token: number, indexed = false): void {
    this.store.thread.receive({ kind: 'flush', token, indexed })
  }

  flushed(token: number): Promise<void> {
    return this.store.until((message) => message.kind === 'flushed' && message.token === token)
  }

  get counters(): StoreCounters {
    const last = this.store.sent.findLast((message) => message.kind === 'progress' || message.kind === 'ready')
    return last?.counters ?? assert.fail('it has not begun')
  }

  get stopped(): Extract<FromStore, { kind: 'stopped' }> {
    return this.store.sent.find((message) => message.kind === 'stopped') ?? assert.fail('it runs')
  }

  /** Events of which the main thread has heard, so that lookups know them. */
  get toldCount(): number {
    return toldBy(this.store.sent)
  }

  /** How many records the journal has; each is read once, whatever the disk did. */
  readCount(): number {
    using reader = new JournalReader(journalDir(this.store.dir))
    const ids = reader.read(0, 10_000).map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    return ids.length
  }
}

/** By one address, so the first row counts all. */
function toldBy(messages: readonly FromStore[]): number {
  return messages.reduce((sum, message) => sum + (message.kind === 'batch' ? (message.batch.counts[0] ?? 0) : 0), 0)
}

test('while a sync takes long records are taken and lookups hear of them; nothing else is told durable', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const bench = new Bench(t)
  bench.take(300, 'first')
  bench.flush(1, true)
  bench.take(400, 'second')
  bench.flush(2, true)
  t.mock.timers.tick(60_000) // all that is due by a timer
  assert.equal(bench.toldCount, 700)
  assert.deepEqual([bench.disk.syncCount, bench.disk.pendingCount], [1, 1])
  assert.deepEqual([bench.counters.durableCount, bench.counters.indexedCount, bench.counters.trouble], [0, 0, null])

  bench.disk.end()
  assert.equal(bench.counters.durableCount, 300)
  assert.equal(bench.disk.syncCount, 2, 'the flush waits for the rest, which goes at once')
  await bench.flushed(1)
  assert.equal(bench.counters.indexedCount, 300, 'only what is durable is indexed')
  bench.disk.end()
  await bench.flushed(2)
  assert.deepEqual([bench.counters.durableCount, bench.counters.indexedCount, bench.disk.syncCount], [700, 700, 2])
})

test('without a flush what was taken meanwhile is written when it has waited long enough', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const bench = new Bench(t)
  bench.take(10, 'first')
  t.mock.timers.tick(60)
  bench.take(10, 'second')
  t.mock.timers.tick(60)
  assert.equal(bench.disk.syncCount, 1)
  bench.disk.end()
  t.mock.timers.tick(60)
  assert.equal(bench.disk.syncCount, 2)
})

test('an error of the disk is told, and what waited is written again, once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const bench = new Bench(t)
  bench.take(50, 'durable')
  bench.flush(1)
  bench.disk.end()
  bench.take(100, 'written')
  bench.flush(2)
  bench.take(100, 'taken meanwhile')
  bench.disk.end(EIO)
  assert.match(bench.counters.trouble ?? '', /EIO/)
  assert.equal(bench.counters.durableCount, 50)
  bench.take(100, 'taken in trouble')
  assert.equal(bench.disk.pendingCount, 0)
  t.mock.timers.tick(1000)
  assert.equal(bench.disk.pendingCount, 1)
  bench.disk.mend()
  await bench.flushed(2)
  assert.deepEqual([bench.counters.durableCount, bench.counters.trouble], [350, null])
  await bench.store.stop()
  assert.equal(bench.readCount(), 350)
})

for (const error of [null, EIO]) {
  test(`a stop waits for the sync under way, ${error === null ? 'and syncs the rest' : 'and writes all again when that fails'}`, async (t) => {
    const bench = new Bench(t)
    bench.take(100, 'written')
    bench.flush(1)
    bench.take(100, 'taken')
    const stopped = bench.store.stop()
    assert(!bench.store.sent.some(({ kind }) => kind === 'stopped'))
    bench.disk.end(error)
    bench.disk.mend()
    await stopped
    assert.equal(bench.toldCount, 200)
    assert.equal(bench.readCount(), 200)
    using reader = new JournalReader(journalDir(bench.store.dir))
    assert.equal(bench.stopped.mark?.position, reader.read(0, 1000).at(-1)?.id)
  })
}

test('a stop whose last sync fails as well says that not all is kept', async (t) => {
  const bench = new Bench(t)
  bench.take(100, 'written')
  bench.flush(1)
  const stopped = bench.store.stop()
  bench.disk.end(EIO)
  await new Promise(setImmediate)
  bench.disk.end(EIO)
  await stopped
  assert.equal(bench.stopped.mark, null)
})

test('what is written and not durable counts for the bound of what is taken', async (t) => {
  const bench = new Bench(t)
  bench.takeSize(QUEUE_SIZE.shed / 2)
  bench.flush(1)
  bench.takeSize(QUEUE_SIZE.shed)
  assert(!bench.store.thread.mayTake)
  bench.disk.end()
  assert(bench.store.thread.mayTake)
  bench.disk.mend()
  bench.flush(2)
  await bench.flushed(2)
})

test('of the outbox only that is settled which is durable', async (t) => {
  const bench = new Bench(t)
  const sizes = (): number[] =>
    bench.store.sent.flatMap((message) => (message.kind === 'progress' && message.doneSize > 0 ? message.doneSize : []))
  const batches = [records(10, 'first'), records(20, 'second')]
  for (const [i, bytes] of batches.entries()) {
    bench.store.thread.receive({ kind: 'batch', bytes })
    bench.flush(i)
  }
  assert.deepEqual(sizes(), [])
  bench.disk.end()
  assert.deepEqual(sizes(), [batches[0]?.length])
  bench.disk.end()
  assert.deepEqual(
    sizes(),
    batches.map(({ length }) => length),
  )
})

test('an hour that expires while its file is synced goes the next time', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const bench = new Bench(t)
  const count = (): number => listSegments(journalDir(bench.store.dir)).length
  bench.take(10, 'first')
  bench.flush(1)
  bench.store.clockOffset[0] = RETENTION_MS + 2 * HOUR_MS
  t.mock.timers.tick(60_000)
  assert.equal(count(), 1)
  bench.disk.end()
  await bench.flushed(1)
  t.mock.timers.tick(60_000)
  assert.equal(count(), 0)
  assert.equal(bench.counters.trouble, null)
})

test('when a snapshot is made the main thread has heard of what is durable and of nothing behind it', (t) => {
  const bench = new Bench(t, { snapshotMs: 0 })
  const { sent } = bench.store
  for (let round = 0; round < 3; round++) {
    bench.take(100, `written ${round}`)
    bench.flush(2 * round)
    bench.take(100, `meanwhile ${round}`)
    bench.disk.end()
    bench.flush(2 * round + 1)
    bench.disk.end()
  }
  using reader = new JournalReader(journalDir(bench.store.dir))
  const ids = reader.read(0, 10_000).map(({ id }) => id)
  const positions = sent.flatMap((message, at) =>
    message.kind === 'mark' ? [[message.mark.position, ids[toldBy(sent.slice(0, at)) - 1]]] : [],
  )
  assert.deepEqual(
    positions,
    [99, 199, 299, 399, 499, 599].map((i) => [ids[i], ids[i]]),
  )
})

test('news that cannot wait are told before a snapshot, which then is made after the next commit', (t) => {
  const bench = new Bench(t, { snapshotMs: 0 })
  const markCount = (): number => bench.store.sent.filter(({ kind }) => kind === 'mark').length
  bench.take(1, 'written')
  bench.flush(1)
  const many = records(9000, 'meanwhile', (i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }))
  bench.store.thread.takeRecords(many, 0, many.length)
  bench.disk.end()
  assert.equal(markCount(), 0)
  bench.flush(2)
  bench.disk.end()
  assert.equal(markCount(), 1)
})
