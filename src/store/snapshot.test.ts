// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { type TestContext, test } from 'node:test'
import { dumpIndex } from '../../test/support/index-dump.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { createClockOffset } from './clock.ts'
import { ExpiredHour } from './expired-hour.ts'
import { LiveIndicators } from './live-indicators.ts'
import type { SnapshotMark } from './messages.ts'
import { countRecords } from './resume.ts'
import { DAY_MS, HOUR_MS, hourOf, RETENTION_MS } from './retention.ts'
import { journalDir } from './segment.ts'
import { loadSnapshot, saveSnapshot } from './snapshot.ts'
import { snapshotPath, writeSnapshot } from './snapshot-file.ts'
import { openStore, type StoreDeps } from './store.ts'
import type { Store } from './types.ts'

const ONLY_SAVED = '203.0.113.77' // an address that no event came from

const open = (dir: string, deps: Partial<StoreDeps> = {}): Promise<Store> =>
  openStore({ dir, quotaSize: 100 * 1_048_576 }, { onFatal: (error) => assert.fail(error), ...deps })

function append(store: Store, count: number, prefix: string, at = Date.now()): void {
  for (let i = 0; i < count; i++) {
    const bytes = sipRequest({ callId: `${prefix}-${i}`, number: `9004420812345${10 + (i % 7)}` })
    const one = observation({ at, bytes, source: { ip: `198.51.100.${i % 20}`, port: 5060 } })
    store.append(one)
    if (i % 5 === 0) store.append(one)
  }
}

const answers = ({ indicators }: Pick<Store, 'indicators'>): unknown =>
  (['ip-address', 'phone-number'] as const).map((kind) => [...indicators.all(kind)])

/** A folder of a node that was stopped, and what its indicators stand for. */
async function stoppedNode(t: TestContext, at = Date.now()): Promise<{ dir: string; mark: SnapshotMark }> {
  const dir = tempDir(t)
  {
    await using store = await open(dir)
    append(store, 100, 'before', at)
    await store.flush({ indexed: true })
  }
  const mark = loadSnapshot(dir, new LiveIndicators({ now: Date.now }), assert.fail)
  assert(mark !== null)
  return { dir, mark }
}

/** Saves what is there and one address more, which tells whether a start has used it. */
async function saveMarked(dir: string, mark: SnapshotMark, firstAt = Date.now()): Promise<void> {
  const live = new LiveIndicators({ now: Date.now })
  loadSnapshot(dir, live, assert.fail)
  const facts = { count: 1, repeatCount: 0, firstAt, lastAt: Date.now(), validation: 'none', tagMask: 1 } as const
  live.add({ kind: 'ip-address', value: ONLY_SAVED, form: '', ...facts })
  await saveSnapshot(dir, live, mark, { deadline: Number.POSITIVE_INFINITY, onSaved: () => {} })
}

/** Saves what is there as that of a node for which all hours had expired that are older than 7 days by then. */
async function saveOn(dir: string, now: () => number): Promise<void> {
  const live = new LiveIndicators({ now })
  const mark = loadSnapshot(dir, live, assert.fail)
  assert(mark !== null)
  const left = { ...mark, expiredHour: hourOf(now() - RETENTION_MS) }
  await saveSnapshot(dir, live, left, { deadline: Number.POSITIVE_INFINITY, onSaved: () => {} })
}

async function uses(dir: string, deps: Partial<StoreDeps> = {}): Promise<boolean> {
  await using store = await open(dir, deps)
  assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 5)
  return store.indicators.get('ip-address', ONLY_SAVED) !== undefined
}

test('a start goes on with what the stop saved', async (t) => {
  const { dir, mark } = await stoppedNode(t)
  await saveMarked(dir, mark)
  assert(await uses(dir))
  assert(await uses(dir), 'the next stop has saved it again')
})

test('what cannot stand for the journal is not used: the index tells all, as without it', async (t) => {
  const { dir, mark } = await stoppedNode(t)
  const saved = `${dir}/saved`
  cpSync(snapshotPath(dir), saved)
  const restore = (): void => cpSync(saved, snapshotPath(dir))
  const long = Date.now() - 3 * DAY_MS
  const cases: { name: string; position?: number; expiredHour?: number | null; firstAt?: number; isUsed: boolean }[] = [
    { name: 'a record that is not there', position: mark.position - 1e9, isUsed: false },
    { name: 'a later record than any', position: mark.position + 1, isUsed: false },
    { name: 'young indicators, whatever expired', expiredHour: 1, firstAt: long, isUsed: true },
    {
      name: 'an indicator from an hour that expired, after that expired',
      expiredHour: hourOf(Date.now() - RETENTION_MS),
      firstAt: long - 5 * DAY_MS,
      isUsed: false,
    },
  ]
  for (const { name, position = mark.position, expiredHour = mark.expiredHour, firstAt, isUsed } of cases) {
    restore()
    await saveMarked(dir, { ...mark, position, expiredHour }, firstAt)
    assert.equal(await uses(dir), isUsed, name)
  }
  restore()
  await saveMarked(dir, mark)
  const whole = readFileSync(snapshotPath(dir))
  whole[whole.length >> 1]! ^= 1
  writeFileSync(snapshotPath(dir), whole)
  assert.equal(await uses(dir), false, 'damaged')
})

test('an hour that the index has removed does not come back with an older snapshot and a clock set back', async (t) => {
  const clockOffset = createClockOffset()
  const dir = tempDir(t)
  const saved = `${tempDir(t)}/saved`
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  const early = hourOf(now())
  {
    await using store = await open(dir, { clockOffset })
    append(store, 100, 'early', now())
    await store.flush({ indexed: true })
    clockOffset[0] = 2 * HOUR_MS
    append(store, 100, 'late', now())
    await store.flush({ indexed: true })
  }
  cpSync(snapshotPath(dir), saved)
  clockOffset[0] = RETENTION_MS + HOUR_MS + 1000
  {
    await using store = await open(dir, { clockOffset })
    const isHeld = (): boolean => dumpIndex(`${dir}/index`).hours.some(({ hour }) => hour === early)
    while (isHeld()) await store.flush()
  }
  clockOffset[0] = 2 * HOUR_MS
  cpSync(saved, snapshotPath(dir))
  await using store = await open(dir, { clockOffset })
  assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 5)
})

test('after a clock was far ahead, a snapshot is used that was saved since', async (t) => {
  const { dir, mark } = await stoppedNode(t)
  const ahead = hourOf(Date.now() + 365 * DAY_MS)
  new ExpiredHour(dir).raise(ahead)
  for (const [expiredHour, isUsed] of [
    [ahead - 1, false],
    [null, false],
    [ahead, true],
  ] as const) {
    await saveMarked(dir, { ...mark, expiredHour })
    assert.equal(await uses(dir), isUsed, String(expiredHour))
  }
})

test('what another node saved is not used, though that has a record of the same id', async (t) => {
  const [own, other] = [await stoppedNode(t), await stoppedNode(t)]
  await saveMarked(own.dir, { ...own.mark, salt: other.mark.salt })
  assert.equal(await uses(own.dir), false)
  assert.notEqual(own.mark.salt, null)
})

test('a snapshot that is cut or has another byte anywhere tells the same or nothing', async (t) => {
  const dir = tempDir(t)
  const { mark } = await stoppedNode(t)
  await saveMarked(dir, mark)
  const path = snapshotPath(dir)
  const whole = readFileSync(path)
  const load = (bytes: Uint8Array): { isLoaded: boolean; told: unknown; repairs: string[] } => {
    writeFileSync(path, bytes)
    const indicators = new LiveIndicators({ now: Date.now })
    const repairs: string[] = []
    const isLoaded = loadSnapshot(dir, indicators, (repair) => repairs.push(repair)) !== null
    return { isLoaded, told: answers({ indicators }), repairs }
  }
  const expected = load(whole)
  assert(expected.isLoaded)
  for (let at = 0; at < whole.length; at++) {
    const harmed = Buffer.from(whole)
    harmed[at]! ^= 1 + (at % 255)
    for (const bytes of [whole.subarray(0, at), harmed]) {
      const { repairs, ...found } = load(bytes)
      if (found.isLoaded) assert.deepEqual(found.told, expected.told, `at ${at}`)
      else assert.deepEqual([found.told, repairs.length], [[[], []], 1], `at ${at}`)
    }
  }
})

test('whatever stands in its place stops no start, and is said', async (t) => {
  const { dir, mark } = await stoppedNode(t)
  const path = snapshotPath(dir)
  const head = Buffer.from(JSON.stringify({ ...mark, endianness: endianness() }))
  const otherHead = Buffer.from(JSON.stringify({ ...mark, endianness: 'PDP' }))
  const live = new LiveIndicators({ now: Date.now })
  assert(loadSnapshot(dir, live, assert.fail) !== null)
  const pieces = [...live.save()].map((piece) => Buffer.from(piece))
  const write = (...all: Buffer[]): Promise<unknown> =>
    writeSnapshot(path, all, { deadline: Number.POSITIVE_INFINITY, onPieces: () => {} })
  const folder = async (): Promise<void> => {
    rmSync(path)
    mkdirSync(path)
  }
  const cases: readonly [why: RegExp, make: () => Promise<unknown>][] = [
    [/damaged/, async () => writeFileSync(path, 'no snapshot at all')],
    [/JSON/, () => write()],
    [/JSON/, () => write(Buffer.from('{'), ...pieces)],
    [/another kind of machine/, () => write(otherHead, ...pieces)],
    [/less than was saved/, () => write(head, ...pieces.slice(0, -1))],
    [/more than was saved/, () => write(head, ...pieces, head)],
    [/./, () => write(head, pieces[0]!, Buffer.alloc(1_000_000), ...pieces.slice(2))],
    [/EISDIR/, folder],
  ]
  for (const [why, make] of cases) {
    await make()
    await using store = await open(dir)
    assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 5)
    assert.equal(store.indicators.count('ip-address'), 20)
    const repairs = store.status().repairs.join()
    assert.match(repairs, /indicators\.snapshot was not used/)
    assert.match(repairs, why)
  }
})

test('a node that has seen nothing, or addresses alone, starts as often as it likes, and has it saved', async (t) => {
  const dir = tempDir(t)
  for (const isSeen of [false, false, true, true]) {
    await using store = await open(dir)
    if (isSeen) store.append(observation({ at: Date.now(), bytes: Buffer.from('no SIP at all') }))
    await store.flush({ indexed: true })
    const count = store.indicators.count('ip-address')
    assert.equal(count, isSeen ? 1 : 0)
    assert.equal(store.indicators.count('phone-number'), 0)
    await store[Symbol.asyncDispose]()
    const live = new LiveIndicators({ now: Date.now })
    assert(loadSnapshot(dir, live, assert.fail) !== null)
    assert.deepEqual([live.count('ip-address'), live.count('phone-number')], [count, 0])
  }
})

test('an hour that expires while the node is stopped is in no count', async (t) => {
  const clockOffset = createClockOffset()
  const dir = tempDir(t)
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  {
    await using store = await open(dir, { clockOffset })
    append(store, 100, 'early', now())
    await store.flush({ indexed: true })
    clockOffset[0] = 2 * HOUR_MS
    append(store, 100, 'late', now())
    await store.flush({ indexed: true })
    assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 10)
  }
  clockOffset[0] = RETENTION_MS + HOUR_MS + 1000
  await using store = await open(dir, { clockOffset })
  await store.flush({ indexed: true })
  while (store.indicators.get('ip-address', '198.51.100.7')?.count !== 5) await store.flush()
})

test('what memory alone has counted stays no longer than 7 days, however often the node starts', async (t) => {
  const clockOffset = createClockOffset()
  const dir = tempDir(t)
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  const dial = (store: Store, ip: string, number: string): void =>
    store.append(observation({ at: now(), bytes: sipRequest({ number, callId: number }), source: { ip, port: 5060 } }))
  const number = '+44 20 8123 9999'
  {
    await using store = await open(dir, { clockOffset })
    for (let i = 0; i < 1200; i++) dial(store, '198.51.100.7', `90044208123${1000 + i}`)
    dial(store, '198.51.100.7', '900442081239999') // more than the index holds of one source
    await store.flush({ indexed: true })
    clockOffset[0] = 2 * HOUR_MS
    dial(store, '198.51.100.8', '900442081239999')
    await store.flush({ indexed: true })
    assert.equal(store.indicators.get('phone-number', number)?.count, 2)
  }
  clockOffset[0] = RETENTION_MS + HOUR_MS + 1000
  await saveOn(dir, now) // as if it had run until now
  for (let start = 0; start < 2; start++) {
    await using store = await open(dir, { clockOffset })
    assert.equal(store.indicators.get('phone-number', number)?.count, 1)
    assert.equal(store.indicators.get('phone-number', number)?.dialled[0]?.count, 1)
    await store.flush({ indexed: true })
  }
})

test('after a crash the snapshot made meanwhile and the journal behind it tell the same', async (t) => {
  const dir = tempDir(t)
  const copy = tempDir(t)
  await using store = await open(dir, { snapshotMs: 0 })
  for (let round = 0; !existsSync(snapshotPath(dir)); round++) {
    append(store, 20, `round${round}`)
    await store.flush()
  }
  const early = readFileSync(snapshotPath(dir))
  append(store, 700, 'behind')
  await store.flush({ indexed: true })
  cpSync(dir, copy, { recursive: true, filter: (path) => !path.includes('lock') && !path.includes('.snapshot') })
  const expected = answers(store)
  for (const hasSnapshot of [true, false]) {
    if (hasSnapshot) writeFileSync(snapshotPath(copy), early)
    else rmSync(snapshotPath(copy))
    await using again = await open(copy)
    assert.deepEqual(new Set((answers(again) as unknown[][])[0]), new Set((expected as unknown[][])[0]))
    assert.deepEqual(new Set((answers(again) as unknown[][])[1]), new Set((expected as unknown[][])[1]))
  }
})

test('records behind a position are counted by their blocks', async (t) => {
  const { dir, mark } = await stoppedNode(t)
  assert.equal(countRecords(journalDir(dir), 0, Number.POSITIVE_INFINITY), 120)
  assert.equal(countRecords(journalDir(dir), mark.position - 20, mark.position), 20)
  assert.equal(countRecords(journalDir(dir), 0, mark.position - 20), 100)
  assert.equal(countRecords(journalDir(dir), mark.position, Number.POSITIVE_INFINITY), 0)
})
