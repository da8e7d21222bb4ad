// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { dumpIndex } from '../../test/support/index-dump.ts'
import { commit, openJournal } from '../../test/support/journal.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import type { EventRow } from './_event-row.ts'
import { GROUP_SIZE } from './_postings.ts'
import { dayPath, listDays } from './day-files.ts'
import { tagsOf } from './delta.ts'
import { deriveEvent } from './derive.ts'
import { EventQueries } from './event-query.ts'
import { JournalReader } from './journal-reader.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { buildIndex } from './reindex.ts'
import { DAY_MS } from './retention.ts'
import type { EventQuery } from './types.ts'

const START = 1_795_456_800_000 // 18:00 UTC
const NOW = START + DAY_MS
const EVENT_COUNT = 2 * GROUP_SIZE + 1500
const STEP_MS = 3500 // so that the events reach into the next day

const METHODS = ['OPTIONS', 'REGISTER', 'INVITE', 'INVITE', 'INVITE']

/** Events of which some values are everywhere, some rare and some in one place only. */
function facts(i: number): { method: string; number: string; userAgent: string; ip: string; isTcp: boolean } {
  return {
    method: i === 77 ? 'PUBLISH' : (METHODS[i % METHODS.length] ?? ''),
    number: i % 500 === 3 ? '+442081234567' : `90044208${1_000_000 + (i % 3000)}`,
    userAgent: i % 900 === 5 ? `rare-${i % 1800}` : 'friendly-scanner',
    ip: i % 700 === 9 ? '2001:db8::7' : `198.51.${(i >> 8) & 255}.${i & 255}`,
    isTcp: i % 1000 === 11,
  }
}

type Filled = { index: string; journal: JournalReader; queries: EventQueries; rows: readonly EventRow[] }

async function fill(t: TestContext): Promise<Filled> {
  const dir = tempDir(t)
  const dirs = { index: `${dir}/index`, journal: `${dir}/journal` }
  {
    using writer = openJournal(dirs.journal)
    for (let i = 0; i < EVENT_COUNT; i++) {
      const { ip, isTcp, ...request } = facts(i)
      const at = START + i * STEP_MS
      const bytes = sipRequest({ ...request, callId: `c${i}` })
      const wanted = observation({ at, source: { ip, port: 5060 }, transport: isTcp ? 'tcp' : 'udp', bytes })
      const record = new Uint8Array(eventRecordSize(wanted))
      writeEventRecord(wanted, record, 0)
      writer.append(record, 0, at)
      if (i % 20 === 0) commit(writer) // an id is at most 70 s older than its event: in a node it is 50 ms
    }
    commit(writer)
  }
  await buildIndex(dirs.journal, dirs.index)
  const journal = new JournalReader(dirs.journal)
  const queries = new EventQueries(dirs.index, { journal, now: () => NOW })
  t.after(() => {
    queries[Symbol.dispose]()
    journal[Symbol.dispose]()
  })
  return { index: dirs.index, journal, queries, rows: dumpIndex(dirs.index).events.reverse() }
}

const FILTERS: readonly EventQuery[] = [
  {},
  { ip: '2001:db8::7' },
  { ip: '198.51.3.4' },
  { ip: '192.0.2.99' },
  { ip: 'no address' },
  { number: '+442081234567' },
  { number: '00442081000005' },
  { number: '900442081000005' },
  { number: '12345' },
  { method: 'PUBLISH' },
  { method: 'INVITE' },
  { userAgent: 'friendly-scanner' },
  { userAgent: 'rare-905' },
  { userAgent: 'nobody' },
  { transport: 'tcp' },
  { transport: 'udp' },
  { transport: 'pigeon' },
  { tag: 'toll-fraud-call' },
  { tag: 'no tag' },
  { since: START + 4000 * STEP_MS },
  { until: START + 4000 * STEP_MS },
  { since: START + 4000 * STEP_MS, until: START + 4100 * STEP_MS },
  { method: 'INVITE', number: '+442081234567', transport: 'udp', since: START + 1000 * STEP_MS },
].map((filter) => ({ limit: 300, ...filter }))

function answers(row: EventRow, query: EventQuery): boolean {
  const { value } = normalizeNumber(query.number ?? '')
  return (
    (query.ip === undefined || row.source.ip === query.ip) &&
    (query.number === undefined ||
      row.calledNumber === query.number ||
      row.e164 === value ||
      row.otherNumber === value) &&
    (query.method === undefined || row.method === query.method) &&
    (query.userAgent === undefined || row.userAgent === query.userAgent) &&
    (query.transport === undefined || row.transport === query.transport) &&
    (query.tag === undefined || (tagsOf(row.tagMask) as string[]).includes(query.tag)) &&
    (query.since === undefined || row.lastAt >= query.since) &&
    (query.until === undefined || row.at < query.until)
  )
}

test('pages and totals of every filter are what a look at each row gives', async (t) => {
  const { queries, rows } = await fill(t)
  assert(rows.length > 2 * GROUP_SIZE)
  for (const filter of FILTERS) {
    const wanted = rows.filter((row) => answers(row, filter)).map(({ id }) => id)
    const found: number[] = []
    for (let before: number | undefined; ; ) {
      const { items, next, total } = queries.page({ ...filter, before })
      assert.equal(total, wanted.length, JSON.stringify(filter))
      found.push(...items.map(({ event }) => event.id))
      if (next === null) break
      before = next
    }
    assert.deepEqual(found, wanted, JSON.stringify(filter))
  }
})

test('an event is found by its id, whether it leads a row or not', async (t) => {
  const { queries, rows } = await fill(t)
  for (const row of rows.filter((_, i) => i % 500 === 0)) {
    const found = queries.event(row.id)
    assert.deepEqual([found?.event.id, found?.count, found?.lastAt], [row.id, row.count, row.lastAt])
  }
  assert.equal(queries.event(1), undefined)
})

test('a row tells of its event what the journal does', async (t) => {
  const { index, journal, rows } = await fill(t)
  assert(listDays(index).length === 2)
  for (const row of rows) {
    const record = journal.get(row.id)
    assert(record?.type === 'event')
    const event = deriveEvent(row.id, record.observation)
    const { n, lastAt, count, repeatCount, isSummary, otherNumber, tagMask, ...told } = row
    const wanted = Object.fromEntries(Object.keys(told).map((name) => [name, event[name as keyof typeof told]]))
    assert.deepEqual<object>(told, wanted)
    assert.deepEqual(tagsOf(tagMask), event.tags)
  }
})

/** How SQLite would run each statement that the work prepares. */
function plansOf(path: string, work: () => void): string {
  const asked = new Set<string>()
  const { prepare } = DatabaseSync.prototype
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string): StatementSync {
    asked.add(sql)
    return prepare.call(this, sql)
  }
  try {
    work()
  } finally {
    DatabaseSync.prototype.prepare = prepare
  }
  using db = new DatabaseSync(path, { readOnly: true })
  const plans = [...asked].filter((sql) => sql.startsWith('SELECT'))
  return plans
    .flatMap((sql) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail),
    )
    .join('\n')
}

test('no question looks at all rows: each is answered by keys, groups and ranges of rows', async (t) => {
  const { index, queries } = await fill(t)
  const [day = ''] = listDays(index)
  for (const filter of FILTERS) {
    queries[Symbol.dispose]() // so that all statements are prepared again
    const plans = plansOf(dayPath(index, day), () => queries.page(filter))
    assert.match(plans, /SEARCH events USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)/)
    assert.match(plans, /SEARCH keys USING INTEGER PRIMARY KEY \(rowid<\?\)/)
    const isFiltered = Object.keys(filter).length > 1
    if (isFiltered) assert.match(plans, /SEARCH groups USING INTEGER PRIMARY KEY/)
    assert.doesNotMatch(plans, /SCAN (events|keys|texts)/, JSON.stringify(filter))
  }
})
