// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { observation } from '../../test/support/observations.ts'
import { records, threadOf } from '../../test/support/store-thread.ts'
import { createClockOffset } from './clock.ts'
import { dayPath, indexDir, listDays } from './day-files.ts'
import type { FromStore } from './messages.ts'
import { QUEUE_SIZE } from './outbox.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { HOUR_MS, RETENTION_MS } from './retention.ts'
import { createRing, RingReader, RingWriter } from './ring.ts'
import { journalDir } from './segment.ts'

test('records taken out of foreign memory are durable, indexed and told of, and settle nothing of the outbox', async (t) => {
  const { thread, sent, until } = threadOf(t)
  const bytes = records(300)
  thread.takeRecords(bytes, 0, bytes.length)
  bytes.fill(0)
  thread.receive({ kind: 'flush', token: 1, indexed: true })
  await until(({ kind }) => kind === 'flushed')
  const [last] = sent.filter((message) => message.kind === 'progress').slice(-1)
  assert.equal(last?.counters.durableCount, 300)
  assert.equal(last?.counters.indexedCount, 300)
  const told = sent.flatMap((message) => (message.kind === 'batch' ? [message.batch.counts[0] ?? 0] : []))
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    300,
  )
  assert(sent.every((message) => message.kind !== 'progress' || message.doneSize === 0))
})

test('a batch of the outbox settles its size once it is durable', async (t) => {
  const { thread, sent, until } = threadOf(t)
  const bytes = records(300)
  thread.receive({ kind: 'batch', bytes })
  thread.receive({ kind: 'flush', token: 1, indexed: false })
  await until(({ kind }) => kind === 'flushed')
  const sizes = sent.flatMap((message) => (message.kind === 'progress' ? [message.doneSize] : []))
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    bytes.length,
  )
})

test('the index waits while much input does, and goes on when that is taken', async (t) => {
  let isPressed = true
  let lookCount = 0
  const looked = Promise.withResolvers<void>()
  const { thread, sent, until } = threadOf(t, {
    isPressed: () => {
      if (++lookCount === 6) looked.resolve()
      return isPressed
    },
  })
  const bytes = records(1200)
  thread.takeRecords(bytes, 0, bytes.length)
  thread.receive({ kind: 'flush', token: 1, indexed: true })
  await looked.promise
  assert(!sent.some(({ kind }) => kind === 'flushed'))
  isPressed = false
  await until(({ kind }) => kind === 'flushed')
})

test('input that never ends does not keep the index back for ever', async (t) => {
  const { thread, until } = threadOf(t, { isPressed: () => true })
  const bytes = records(600)
  thread.takeRecords(bytes, 0, bytes.length)
  thread.receive({ kind: 'flush', token: 1, indexed: true })
  await until(({ kind }) => kind === 'flushed')
})

test('nothing more may be taken while the main thread does not follow', async (t) => {
  const { thread, applied, until } = threadOf(t)
  assert(thread.mayTake)
  for (let i = 0; i < 64; i++) {
    const bytes = records(1, `round${i}`)
    thread.takeRecords(bytes, 0, bytes.length)
    thread.receive({ kind: 'flush', token: i, indexed: false })
    await until((message) => message.kind === 'flushed' && message.token === i)
  }
  assert(!thread.mayTake)
  Atomics.add(applied, 0, 64)
  assert(thread.mayTake)
})

test('what indicators lost is told in small pieces', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { thread, sent, until, clockOffset } = threadOf(t)
  const bytes = records(2000, 'call', (i) => ({ ip: `192.0.2.${i % 4}`, number: `${1000 + i}00442081234567` }))
  thread.takeRecords(bytes, 0, bytes.length)
  thread.receive({ kind: 'flush', token: 1, indexed: true })
  await until(({ kind }) => kind === 'flushed')
  clockOffset[0] = RETENTION_MS + 2 * HOUR_MS
  t.mock.timers.tick(60_000)
  const counts = (): number[] =>
    sent.flatMap((message) => (message.kind === 'expired' ? [message.expiries.length] : []))
  await until(() => counts().reduce((sum, count) => sum + count, 0) === 4 + 1 + 2000)
  assert(counts().every((count) => count <= 1000))
})

test('a step of the index that fails is tried again ever more seldom, and then goes on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const { thread, sent, until, dir } = threadOf(t)
  const take = (token: number): void => {
    const bytes = records(10, `call${token}`)
    thread.takeRecords(bytes, 0, bytes.length)
    thread.receive({ kind: 'flush', token, indexed: true })
  }
  const flushed = (wanted: number) => (message: FromStore) => message.kind === 'flushed' && message.token === wanted
  take(1)
  await until(flushed(1))
  const [day = ''] = listDays(indexDir(dir))
  using db = new DatabaseSync(dayPath(indexDir(dir), day))
  db.exec(`CREATE TRIGGER fail BEFORE INSERT ON hour_log BEGIN SELECT raise(ABORT, 'no room'); END`)
  const failCount = (): number =>
    sent.filter((message) => message.kind === 'progress' && message.counters.trouble?.includes('no room')).length
  take(2)
  await until(() => failCount() > 0)
  const counts = Array.from({ length: 16 }, () => {
    t.mock.timers.tick(1000)
    return failCount()
  })
  assert.deepEqual(counts, [2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5])
  db.exec('DROP TRIGGER fail')
  t.mock.timers.tick(16_000)
  await until(flushed(2))
})

test('how far the index is behind is told right also when a damaged day takes it back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let isPressed = false
  const ageMs = RETENTION_MS + 3 * HOUR_MS
  const { thread, sent, until, dir, clockOffset } = threadOf(t, {
    isPressed: () => isPressed,
    clockOffset: createClockOffset(-ageMs),
  })
  const take = (bytes: Uint8Array, token: number): Promise<void> => {
    thread.takeRecords(bytes, 0, bytes.length)
    thread.receive({ kind: 'flush', token, indexed: !isPressed })
    return until((message) => message.kind === 'flushed' && message.token === token)
  }
  const lags = (): number[] =>
    sent.flatMap((message) => (message.kind === 'progress' ? [message.counters.indexLagCount] : []))
  await take(
    records(5, 'old', () => ({ ageMs })),
    1,
  )
  clockOffset[0] = 0
  await take(records(100), 2)
  const newest = listDays(indexDir(dir)).at(-1) ?? ''
  using db = new DatabaseSync(dayPath(indexDir(dir), newest))
  const damaged = db.prepare('INSERT INTO hour_runs VALUES (?, ?)')
  for (let bucket = 0; bucket < 32; bucket++) damaged.run(23 * 65_536 * 32 + bucket, new Uint8Array(8))
  const before = lags().length
  t.mock.timers.tick(60_000)
  await until(() => lags().slice(before).includes(100))
  await until(() => lags().at(-1) === 0)
  isPressed = true
  await take(records(30, 'later'), 3)
  assert.equal(lags().at(-1), 30)
})

/** A ring that holds so many records of the largest size. */
function fullRing(count: number): SharedArrayBuffer {
  const buffer = createRing(67_108_864)
  const writer = new RingWriter(buffer, () => {})
  for (let i = 0; i < count; i++) {
    const one = observation({ bytes: Buffer.alloc(65_000, `${i} `), at: Date.now() })
    const size = eventRecordSize(one)
    writeEventRecord(one, writer.bytes, writer.reserve(size))
    writer.add(size)
  }
  writer.publish()
  return buffer
}

test('a flush takes no more out of a ring than memory may hold while the disk is full, and waits', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const { thread, sent, until, dir } = threadOf(t)
  const buffer = fullRing(900)
  const reader = new RingReader(buffer)
  const ringSize = reader.usedSize
  const folder = journalDir(dir)
  renameSync(folder, `${folder}.away`)
  writeFileSync(folder, '')
  const { port1, port2 } = new MessageChannel()
  t.after(() => port1.close())
  thread.receive({ kind: 'inlet', init: { buffer, doorbell: port2 } })
  thread.receive({ kind: 'flush', token: 1, indexed: false })
  assert(ringSize - reader.usedSize <= QUEUE_SIZE.shed + 1_048_576)
  assert(reader.usedSize > 16_000_000)
  await nextTurn()
  assert(!sent.some(({ kind }) => kind === 'flushed'))
  rmSync(folder)
  renameSync(`${folder}.away`, folder)
  let isFlushed = false
  const flushed = until(({ kind }) => kind === 'flushed').then(() => {
    isFlushed = true
  })
  while (!isFlushed) {
    t.mock.timers.tick(1000)
    await nextTurn()
  }
  await flushed
  const [last] = sent.filter((message) => message.kind === 'progress').slice(-1)
  assert.deepEqual([new RingReader(buffer).usedSize, last?.counters.durableCount], [0, 900])
})
