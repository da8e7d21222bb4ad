// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { dumpIndex, sumOf } from '../../test/support/index-dump.ts'
import { commit, openJournal } from '../../test/support/journal.ts'
import { observation, type RequestFacts, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import type { Observation } from '../core/event.ts'
import { FOLD_ROWS_MAX } from './_fold-window.ts'
import { NUMBER_ROWS_PER_SOURCE_HOUR, TABLE_SIZE_MAX } from './_hour-store.ts'
import { ROWS_PER_SOURCE_MINUTE } from './_row-table.ts'
import { dayPath, listDays } from './day-files.ts'
import { tagsOf } from './delta.ts'
import { deltasOfBatch } from './delta-batch.ts'
import { TEXT_SIZE_MAX } from './index-facts.ts'
import { type Expiry, Indexer, TELL_COUNT } from './indexer.ts'
import { Intake } from './intake.ts'
import { JournalReader } from './journal-reader.ts'
import type { JournalWriter } from './journal-writer.ts'
import { eventRecordSize, serializeRepeat, writeEventRecord } from './record.ts'
import { reindexStore } from './reindex.ts'
import { DAY_MS, HOUR_MS, RETENTION_MS } from './retention.ts'

const START = 1_795_456_800_000 // an hour's first instant, 18:00 UTC

/** A journal, and an index that can be opened on it again and again. */
class Bench {
  readonly dir: string
  readonly dirs: { index: string; journal: string }
  readonly writer: JournalWriter

  constructor(t: TestContext) {
    this.dir = tempDir(t)
    this.dirs = { index: `${this.dir}/index`, journal: `${this.dir}/journal` }
    this.writer = openJournal(this.dirs.journal)
    t.after(() => this.writer[Symbol.dispose]())
  }

  write(facts: RequestFacts & Partial<Pick<Observation, 'at' | 'source' | 'validation' | 'transport'>>): number {
    const {
      at = START,
      source = { ip: '198.51.100.7', port: 5060 },
      validation = 'none',
      transport = 'udp',
      ...request
    } = facts
    const wanted = observation({ at, source, validation, transport, bytes: sipRequest(request) })
    const bytes = new Uint8Array(eventRecordSize(wanted))
    writeEventRecord(wanted, bytes, 0)
    return this.writer.append(bytes, 0, at)
  }

  repeat(repeatOf: number, at: number): void {
    this.writer.append(serializeRepeat({ at, repeatOf, sentSize: 0 }), 0, at)
  }

  withIndex<T>(work: (indexer: Indexer) => T): T {
    commit(this.writer)
    using reader = new JournalReader(this.dirs.journal)
    using indexer = new Indexer(this.dirs, reader)
    while (indexer.step(this.writer.position) > 0);
    return work(indexer)
  }

  dump(): ReturnType<typeof dumpIndex> {
    this.withIndex(() => {})
    return dumpIndex(this.dirs.index)
  }
}

function expireAll(indexer: Indexer, now: number): Expiry[] {
  const all: Expiry[] = []
  for (let more = true; more; ) {
    const slice = indexer.expire(now)
    all.push(...slice.expiries)
    more = slice.more
  }
  return all
}

test('events that differ in time only, within a minute, share a row', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 10; i++) bench.write({ at: START + i * 100, callId: `call-${i}` })
  bench.write({ at: START + 60_000, callId: 'next minute' })
  bench.write({ at: START + 200, number: '900442081230000' })
  bench.write({ at: START + 300, userAgent: 'other' })
  bench.write({ at: START + 400, source: { ip: '198.51.100.8', port: 5060 } })
  const { events } = bench.dump()
  assert.deepEqual(
    events.map((row) => row.count),
    [10, 1, 1, 1, 1],
  )
  assert.equal(events[0]?.lastAt, START + 900)
})

test('a source has 60 rows a minute, and one more that counts the rest', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 200; i++) bench.write({ at: START + i, number: `9004420812${i}` })
  for (let i = 0; i < 5; i++) bench.write({ at: START + i, source: { ip: '198.51.100.8', port: 1 }, number: `1${i}` })
  const { events } = bench.dump()
  assert.equal(events.length, ROWS_PER_SOURCE_MINUTE + 1 + 5)
  const summary = events.filter((row) => row.isSummary)
  assert.deepEqual(
    summary.map((row) => row.count),
    [140],
  )
  assert.equal(sumOf(events, 'count'), 205)
})

test('a retransmission is counted with its event and is none itself', (t) => {
  const bench = new Bench(t)
  const id = bench.write({ at: START })
  bench.write({ at: START + 5, callId: 'another' })
  for (let i = 1; i <= 3; i++) bench.repeat(id, START + i * 500)
  const { events, hours } = bench.dump()
  assert.deepEqual(
    events.map((row) => [row.count, row.repeatCount]),
    [[2, 3]],
  )
  const address = hours.find((row) => row.kind === 'ip-address')
  assert.deepEqual([address?.count, address?.repeatCount, address?.lastAt], [2, 3, START + 5])
})

test('each record is taken once, wherever the index stopped and however often it is opened', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 300; i++) {
    const id = bench.write({ at: START + i * 60_000, number: `90044208${i % 7}`, callId: `c${i}` })
    if (i % 3 === 0) bench.repeat(id, START + i * 60_000 + 500)
    if (i % 37 === 0) bench.dump()
  }
  const piecewise = bench.dump()
  rmSync(bench.dirs.index, { recursive: true })
  const atOnce = bench.dump()
  assert.deepEqual(piecewise, atOnce)
  assert.equal(sumOf(atOnce.events, 'count'), 300)
  assert.equal(sumOf(atOnce.events, 'repeatCount'), 100)
})

test('the row limit of a minute holds across a restart in the middle of it', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 100; i++) {
    bench.write({ at: START + i, number: `9004420812${i}` })
    if (i % 20 === 0) bench.dump()
  }
  const piecewise = bench.dump()
  rmSync(bench.dirs.index, { recursive: true })
  assert.deepEqual(piecewise, bench.dump())
})

test('a day whose file is lost or damaged is made again, and no other is touched', (t) => {
  const bench = new Bench(t)
  for (let hour = 0; hour < 48; hour++) bench.write({ at: START + hour * HOUR_MS, number: `9004420812${hour}` })
  const wanted = bench.dump()
  const [first, second, third] = listDays(bench.dirs.index)
  assert(first && second && third)
  for (const suffix of ['', '-wal', '-shm']) rmSync(dayPath(bench.dirs.index, first) + suffix, { force: true })
  assert.deepEqual(bench.dump(), wanted)
  writeFileSync(dayPath(bench.dirs.index, second), 'this is no database, it only has its name'.repeat(100))
  const repairs = bench.withIndex((indexer) => indexer.repairs)
  assert.match(repairs.join(), new RegExp(`the index of ${second} was damaged`))
  assert.deepEqual(dumpIndex(bench.dirs.index), wanted)
})

test('a day whose file is of an older version is made again', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 20; i++) bench.write({ at: START + i, number: `9004420812${i}` })
  const wanted = bench.dump()
  const [day = ''] = listDays(bench.dirs.index)
  const db = new DatabaseSync(dayPath(bench.dirs.index, day))
  db.exec('DROP TABLE events; PRAGMA user_version = 1')
  db.close()
  const repairs = bench.withIndex((indexer) => indexer.repairs)
  assert.match(repairs.join(), new RegExp(`the index of ${day} cannot be read and is made again`))
  assert.deepEqual(dumpIndex(bench.dirs.index), wanted)
})

/** Numbers that look drawn, the same ones for a seed. */
function* draws(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

/** More than one table of counts, group and generation of rows can hold; some come again, some are retransmitted. */
function writeFlood(bench: Bench, count: number, seed: number): void {
  const random = draws(seed)
  const below = (limit: number): number => Math.floor(random.next().value * limit)
  for (let i = 0; i < count; i++) {
    const source = { ip: below(4) === 0 ? `192.0.2.${below(20)}` : `10.${below(200)}.${below(200)}.7`, port: 5060 }
    const at = START + HOUR_MS - 60_000 + Math.floor(i * 3) - below(50)
    const number = below(3) === 0 ? `900442081${below(1_000_000)}` : `90044208123${below(100)}`
    const id = bench.write({ at, source, number, userAgent: below(50) === 0 ? `agent ${below(1e9)}` : 'scanner' })
    if (below(30) === 0) bench.repeat(id, at + 500)
  }
}

test('an index that was closed again and again, anywhere in a flood, is the one made at once', (t) => {
  const seed = Number(process.env.SENTRYPEER_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`SENTRYPEER_SEED=${seed}`)
  const bench = new Bench(t)
  writeFlood(bench, FOLD_ROWS_MAX + 12_000, seed)
  commit(bench.writer)
  const random = draws(seed)
  for (let isDone = false; !isDone; ) {
    using reader = new JournalReader(bench.dirs.journal)
    using indexer = new Indexer(bench.dirs, reader)
    const stepCount = 1 + Math.floor(random.next().value * 12)
    for (let i = 0; i < stepCount && !isDone; i++) isDone = indexer.step(bench.writer.position) === 0
  }
  const piecewise = dumpIndex(bench.dirs.index)
  rmSync(bench.dirs.index, { recursive: true })
  const atOnce = bench.dump()
  assert(atOnce.events.length > FOLD_ROWS_MAX)
  assert(atOnce.hours.length > TABLE_SIZE_MAX)
  assert.deepEqual(piecewise, atOnce)
  const size = bench.withIndex((indexer) => indexer.size)
  assert(size / atOnce.events.length <= 150, `${size} bytes for ${atOnce.events.length} rows`)
})

test('what is left of an indicator is the sum of all that is left, however it was put away', (t) => {
  const bench = new Bench(t)
  for (let hour = 0; hour < 30; hour++)
    for (let i = 0; i < 40; i++)
      bench.write({
        at: START + hour * HOUR_MS + i,
        source: { ip: `192.0.2.${i}`, port: 1 },
        number: `90044208123${i}`,
      })
  const { hours } = bench.dump()
  const cutoff = START + 10 * HOUR_MS
  bench.withIndex((indexer) => {
    const left = new Map<string, Expiry['left']>()
    for (const { lost, left: rest } of expireAll(indexer, cutoff + RETENTION_MS))
      left.set(`${lost.value} ${lost.form}`, rest)
    assert.equal(left.size, 40 * 3)
    for (const [key, rest] of left) {
      const kept = hours.filter(({ value, form, lastAt }) => `${value} ${form}` === key && lastAt >= cutoff)
      assert.equal(rest?.count, sumOf(kept, 'count'), key)
      assert.equal(rest?.firstAt, Math.min(...kept.map(({ firstAt }) => firstAt)), key)
    }
  })
  assert(dumpIndex(bench.dirs.index).events.every(({ at }) => at >= cutoff))
})

test('an hour of any size is taken out a bounded part at a time, each event once, also after a crash', (t) => {
  const bench = new Bench(t)
  const ofSources = 4000
  const dials = 60
  for (let i = 0; i < ofSources; i++)
    bench.write({ at: START + i, source: { ip: `10.1.${i >> 8}.${i & 255}`, port: 1 }, number: `1${i}` })
  for (let source = 0; source < dials; source++)
    for (let i = 0; i < 200; i++)
      bench.write({ at: START, source: { ip: `192.0.2.${source}`, port: 1 }, number: `${source}${i}00442081234567` })
  bench.write({ at: START + HOUR_MS, source: { ip: '192.0.2.1', port: 1 }, number: '00442081234567' })
  const { hours } = bench.dump()
  const now = START + HOUR_MS + RETENTION_MS
  const lost = new Map<string, number>()
  const sizes: number[] = []
  let isOver = false
  for (let stepCount = 1; !isOver; stepCount += 7) {
    bench.withIndex((indexer) => {
      for (let i = 0; i < stepCount && !isOver; i++) {
        const { expiries, more } = indexer.expire(now)
        sizes.push(expiries.length)
        for (const { lost: each } of expiries) {
          const key = `${each.value} ${each.form}`
          lost.set(key, (lost.get(key) ?? 0) + each.count)
        }
        isOver = !more
      }
    })
  }
  assert(Math.max(...sizes) <= TELL_COUNT)
  const old = new Map<string, number>()
  for (const { value, form, lastAt, count } of hours)
    if (lastAt < START + HOUR_MS) old.set(`${value} ${form}`, (old.get(`${value} ${form}`) ?? 0) + count)
  for (const [key, count] of lost) assert(count <= (old.get(key) ?? 0), key)
  assert.deepEqual(
    dumpIndex(bench.dirs.index).hours,
    hours.filter(({ lastAt }) => lastAt >= START + HOUR_MS),
  )
})

test('what an indicator lost is told whole, in as many parts as its hour lies in', (t) => {
  const bench = new Bench(t)
  for (let run = 0; run < 3; run++) {
    for (let i = 0; i < 16_384; i++)
      bench.write({ at: START + run, source: { ip: `10.${run}.${i >> 8}.${i & 255}`, port: 1 }, number: `1${i}` })
    bench.write({ at: START, callId: `${run}` })
  }
  bench.withIndex((indexer) => {
    const told: Expiry[] = []
    let sizeMax = 0
    for (let more = true; more; ) {
      const step = indexer.expire(START + HOUR_MS + RETENTION_MS)
      told.push(...step.expiries)
      sizeMax = Math.max(sizeMax, step.expiries.length)
      more = step.more
    }
    assert.equal(sizeMax, TELL_COUNT)
    const counts = told.filter(({ lost }) => lost.value === '198.51.100.7').map(({ lost }) => lost.count)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      3,
    )
    assert.equal(
      told.filter(({ lost }) => lost.kind === 'ip-address').reduce((sum, { lost }) => sum + lost.count, 0),
      49_155,
    )
  })
})

test('nobody is told of an hour that had expired when all was loaded', (t) => {
  const bench = new Bench(t)
  bench.write({ at: START })
  bench.write({ at: START + HOUR_MS, callId: 'later' })
  bench.withIndex((indexer) => {
    const now = START + HOUR_MS + RETENTION_MS
    assert.equal([...indexer.load(now, Number.MAX_SAFE_INTEGER)].flat().length, 3)
    assert.deepEqual(expireAll(indexer, now), [])
    assert.equal(expireAll(indexer, now + HOUR_MS).length, 3)
  })
})

test('a reindex carries over what only the old index knows, and counts nothing twice', async (t) => {
  const bench = new Bench(t)
  for (let hour = 0; hour < 4; hour++)
    for (let i = 0; i < 30; i++)
      bench.write({ at: START + hour * HOUR_MS + i, number: `90044208123${i}`, callId: `${hour} ${i}` })
  const wanted = bench.dump()
  bench.writer.dropOldest()
  bench.writer.dropOldest()
  const { notes, rows } = await reindexStore(bench.dir)
  assert.deepEqual(notes, [])
  assert.equal(rows, wanted.events.length)
  assert.deepEqual(dumpIndex(bench.dirs.index), wanted)
  bench.write({ at: START + 4 * HOUR_MS, callId: 'goes on' })
  assert.equal(sumOf(bench.dump().events, 'count'), 121)
})

test('an index made again has the tags that followed from what a source did, as the live indicators had them', async (t) => {
  const bench = new Bench(t)
  const intake = new Intake(bench.writer)
  for (let i = 0; i < 130; i++) {
    const bytes = sipRequest({ method: 'REGISTER', number: String(100 + i), callId: `c${i}` })
    const wanted = observation({ at: START + i, bytes })
    const record = new Uint8Array(eventRecordSize(wanted))
    writeEventRecord(wanted, record, 0)
    intake.take(record, new DataView(record.buffer), 0, START)
  }
  const live = deltasOfBatch(intake.window.take()).find(({ kind }) => kind === 'ip-address')
  assert.deepEqual(tagsOf(live!.tagMask), ['register-probe', 'extension-enum', 'flood'])
  const { events, hours } = bench.dump()
  assert.equal(hours.find(({ kind }) => kind === 'ip-address')?.tagMask, live?.tagMask)
  await reindexStore(bench.dir)
  assert.deepEqual(dumpIndex(bench.dirs.index), { events, hours })
})

test('events that differ in what their source was doing have a row each, and so has the media of each call', (t) => {
  const bench = new Bench(t)
  const intake = new Intake(bench.writer)
  const take = (facts: Partial<Observation>): void => {
    const wanted = observation(facts)
    const record = new Uint8Array(eventRecordSize(wanted))
    writeEventRecord(wanted, record, 0)
    intake.take(record, new DataView(record.buffer), 0, START)
  }
  for (let i = 0; i < 110; i++) take({ at: START + i, bytes: sipRequest({ callId: `c${i}` }) })
  for (let i = 0; i < 3; i++) take({ at: START + i, transport: 'rtp', bytes: new Uint8Array(9) })
  const rows = bench.dump().events.map(({ kind, count, tagMask }) => [kind, count, tagsOf(tagMask).includes('flood')])
  assert.deepEqual(rows, [
    ['sip-request', 100, false],
    ['sip-request', 10, true],
    ['media', 1, false],
    ['media', 1, false],
    ['media', 1, false],
  ])
})

test('a day whose file is of a later version is refused and left as it is', (t) => {
  const bench = new Bench(t)
  bench.write({})
  bench.dump()
  const [day] = listDays(bench.dirs.index)
  const db = new DatabaseSync(dayPath(bench.dirs.index, day ?? ''))
  db.exec('PRAGMA user_version = 99')
  db.close()
  assert.throws(() => bench.dump(), { code: 'STATE_TOO_NEW' })
})

test('what is older than 7 days goes, and what is left of each indicator is told', (t) => {
  const bench = new Bench(t)
  const old = START + 10
  const young = START + 2 * DAY_MS
  bench.write({ at: old })
  bench.write({ at: old, source: { ip: '203.0.113.9', port: 1 }, number: '1000' })
  bench.write({ at: young, validation: 'transport', callId: 'later' })
  bench.withIndex((indexer) => {
    assert.deepEqual(expireAll(indexer, START + HOUR_MS + RETENTION_MS - 1), [])
    const expiries = expireAll(indexer, START + HOUR_MS + RETENTION_MS)
    const left = new Map(expiries.map(({ lost, left }) => [`${lost.value} ${lost.form}`, left]))
    assert.deepEqual([...left.keys()].sort(), [
      '+442081234567 ',
      '+442081234567 900442081234567',
      '1000 ',
      '1000 1000',
      '198.51.100.7 ',
      '203.0.113.9 ',
    ])
    assert.equal(left.get('203.0.113.9 '), null)
    const known = left.get('198.51.100.7 ')
    assert.deepEqual([known?.count, known?.firstAt, known?.validation], [1, young, 'transport'])
  })
  const { events, hours } = dumpIndex(bench.dirs.index)
  assert.deepEqual(
    events.map((row) => row.at),
    [young],
  )
  assert(hours.every((row) => row.lastAt === young))
})

test('with the clock 8 days on nothing is left, not even a file', (t) => {
  const bench = new Bench(t)
  for (let hour = 0; hour < 20; hour++) bench.write({ at: START + hour * HOUR_MS })
  bench.withIndex((indexer) => {
    expireAll(indexer, START + 9 * DAY_MS)
    assert.deepEqual([...indexer.load(START + 9 * DAY_MS, Number.MAX_SAFE_INTEGER)], [])
  })
  assert.deepEqual(listDays(bench.dirs.index), [])
})

test('one source adds at most 1,000 rows of numbers an hour, also across restarts, and is itself counted whole', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 1500; i++) {
    bench.write({ at: START + i, number: `90044208${1_000_000 + i}`, callId: `c${i}` })
    if (i % 400 === 0) bench.dump()
  }
  bench.write({ at: START + 2000, number: '900442081000001', callId: 'known' })
  bench.write({ at: START + 2000, number: '900442089999999', source: { ip: '198.51.100.8', port: 1 } })
  const piecewise = bench.dump()
  const numbers = piecewise.hours.filter((row) => row.kind === 'phone-number')
  assert.equal(numbers.filter((row) => row.value !== '+442089999999').length, NUMBER_ROWS_PER_SOURCE_HOUR)
  assert.equal(numbers.find((row) => row.value === '+442081000001' && row.form === '')?.count, 2)
  assert(numbers.some((row) => row.value === '+442089999999'))
  assert.equal(piecewise.hours.find((row) => row.value === '198.51.100.7')?.count, 1501)
  rmSync(bench.dirs.index, { recursive: true })
  assert.deepEqual(bench.dump(), piecewise)
})

test('a source does not get its rows of numbers again when the counts of an hour are put away', (t) => {
  const bench = new Bench(t)
  const scanner = { ip: '198.51.100.7', port: 1 }
  let dialled = 0
  const dial = (): number =>
    bench.write({ at: START + 60_000, source: scanner, number: `9004420810${10_000 + dialled++}` })
  for (let i = 0; i < 450; i++) dial()
  for (let i = 0; i < TABLE_SIZE_MAX / 2; i++)
    bench.write({ at: START, source: { ip: `10.1.${i >> 8}.${i & 255}`, port: 1 }, number: `1${i}` })
  bench.dump()
  for (let i = 0; i < 450; i++) dial()
  const numbers = bench.dump().hours.filter(({ value }) => value.startsWith('+44208'))
  assert.equal(numbers.length, NUMBER_ROWS_PER_SOURCE_HOUR)
})

test('texts of any length take little room in the index', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 50; i++) bench.write({ at: START + i, userAgent: `${i}${'x'.repeat(8000)}`, callId: `c${i}` })
  const { events } = bench.dump()
  assert.equal(events.length, 50)
  assert(events.every((row) => row.userAgent?.length === TEXT_SIZE_MAX))
})

test('the index keeps within its room: the oldest day goes first, and the last one takes in nothing new', (t) => {
  const bench = new Bench(t)
  for (let day = 0; day < 3; day++) bench.write({ at: START + day * DAY_MS, callId: `c${day}` })
  bench.withIndex((indexer) => {
    indexer.limit(indexer.size - 1)
    assert.equal(listDays(bench.dirs.index).length, 2)
    indexer.limit(1)
    assert.equal(listDays(bench.dirs.index).length, 1)
    assert(indexer.isFull)
    bench.write({ at: START + 2 * DAY_MS + 5, callId: 'folds into the known row' })
    bench.write({ at: START + 2 * DAY_MS + 6, callId: 'new', source: { ip: '203.0.113.5', port: 1 } })
    commit(bench.writer)
    while (indexer.step(bench.writer.position) > 0);
  })
  const { events, hours } = dumpIndex(bench.dirs.index)
  assert.deepEqual(
    events.map((row) => row.count),
    [2],
  )
  assert(!hours.some((row) => row.value === '203.0.113.5'))
})

test('load() gives what the index holds and what it still lacks, each once', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 10; i++) bench.write({ at: START + i, callId: `c${i}` })
  bench.dump()
  for (let i = 0; i < 7; i++) bench.write({ at: START + i, callId: `later${i}` })
  commit(bench.writer)
  using reader = new JournalReader(bench.dirs.journal)
  using indexer = new Indexer(bench.dirs, reader)
  const counts = [...indexer.load(START + 100, bench.writer.position)]
    .flat()
    .filter(({ kind }) => kind === 'ip-address')
  assert.equal(
    counts.reduce((sum, { count }) => sum + count, 0),
    17,
  )
  assert.equal(indexer.pendingCount, 7)
})
