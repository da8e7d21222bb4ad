// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { dumpIndex, sumOf } from '../../test/support/index-dump.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { createClockOffset } from './clock.ts'
import { inspectStore } from './inspect.ts'
import { reindexStore } from './reindex.ts'
import { DAY_MS } from './retention.ts'
import { openStore, type StoreConfig, type StoreDeps } from './store.ts'
import type { Store } from './types.ts'

const MIB = 1_048_576

async function open(dir: string, options: Partial<StoreConfig> & Pick<StoreDeps, 'clockOffset'> = {}): Promise<Store> {
  const { clockOffset, quotaSize = 100 * MIB } = options
  return openStore(
    { dir, quotaSize },
    {
      ...(clockOffset === undefined ? {} : { clockOffset }),
      onFatal: (error) => assert.fail(error),
    },
  )
}

function append(
  store: Store,
  count: number,
  facts: { prefix?: string; at?: () => number; body?: (i: number) => string } = {},
): void {
  const { prefix = 'call', at = Date.now, body = () => '' } = facts
  for (let i = 0; i < count; i++) {
    const bytes = sipRequest({
      callId: `${prefix}-${i}`,
      number: `9004420812345${String(i % 100).padStart(2, '0')}`,
      body: body(i),
    })
    store.append(observation({ at: at(), bytes, source: { ip: `198.51.100.${i % 50}`, port: 5060 } }))
  }
}

const journalCount = async (store: Store): Promise<number> => {
  let count = 0
  for (let after = 0, atEnd = false; !atEnd; ) {
    const batch = await store.read(after, 1000)
    count += batch.events.length
    after = batch.position
    atEnd = batch.atEnd
  }
  return count
}

test('what was appended is answered from memory, from the index and from the journal, also after opening again', async (t) => {
  const dir = tempDir(t)
  {
    await using store = await open(dir)
    append(store, 1000)
    await store.flush({ indexed: true })
    const status = store.status()
    assert.deepEqual(
      [status.acceptedCount, status.durableCount, status.indexedCount, status.queuedSize],
      [1000, 1000, 1000, 0],
    )
  }
  await using store = await open(dir)
  assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 20)
  assert.equal(store.indicators.get('phone-number', '900442081234507')?.count, 10)
  assert.equal(store.indicators.count('ip-address'), 50)
  assert.equal(await journalCount(store), 1000)
  const page = await store.events({ limit: 10, ip: '198.51.100.7', number: '+442081234507' })
  assert(page.items.length > 0 && page.items.every(({ event }) => event.e164 === '+442081234507'))
  const [first] = page.items
  assert(first !== undefined)
  const again = await store.event(first.event.id)
  assert.deepEqual(again, first)
})

test('pages of events meet at their edges, over several days', async (t) => {
  const dir = tempDir(t)
  const clockOffset = createClockOffset(-2 * DAY_MS)
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  await using store = await open(dir, { clockOffset })
  for (let day = 0; day < 3; day++) {
    clockOffset[0] = (day - 2) * DAY_MS
    append(store, 100, { prefix: `day${day}`, at: now })
    await store.flush({ indexed: true })
  }
  const ids: number[] = []
  for (let before: number | undefined, more = true; more; ) {
    const page = await store.events({ limit: 17, before })
    assert.equal(page.total, 300)
    ids.push(...page.items.map(({ event }) => event.id))
    before = page.next ?? undefined
    more = page.next !== null
  }
  assert.equal(new Set(ids).size, 300)
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => b - a),
  )
})

test('pages leave nothing out where the clock stepped back over midnight', async (t) => {
  const clockOffset = createClockOffset()
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const setClock = (at: number): void => {
    clockOffset[0] = at - Date.now()
  }
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  setClock(midnight + 1000)
  await using store = await open(tempDir(t), { clockOffset })
  append(store, 10, { prefix: 'after', at: now })
  await store.flush({ indexed: true })
  setClock(midnight - 60_000)
  append(store, 10, { prefix: 'before', at: now })
  await store.flush({ indexed: true })
  setClock(midnight + 2000)
  const seen: number[] = []
  for (let before: number | undefined, more = true; more; ) {
    const page = await store.events({ limit: 3, before })
    seen.push(...page.items.map(({ event }) => event.id))
    before = page.next ?? undefined
    more = page.next !== null
  }
  assert.equal(new Set(seen).size, 20)
})

test('a UDP datagram that comes again is one event with a repeat; over TCP it is another event', async (t) => {
  await using store = await open(tempDir(t))
  for (let i = 0; i < 4; i++) store.append(observation({ at: Date.now() }))
  store.append(observation({ at: Date.now(), source: { ip: '198.51.100.7', port: 5061 } }))
  for (let i = 0; i < 2; i++) store.append(observation({ at: Date.now(), transport: 'tcp', validation: 'transport' }))
  for (let i = 0; i < 2; i++) store.append(observation({ at: Date.now(), bytes: Buffer.from('junk'), size: 4 }))
  await store.flush({ indexed: true })
  const { count, repeatCount, validation } = store.indicators.get('ip-address', '198.51.100.7') ?? {}
  assert.deepEqual({ count, repeatCount, validation }, { count: 6, repeatCount: 3, validation: 'transport' })
  const page = await store.events({ limit: 10 })
  assert.equal(
    page.items.reduce((sum, item) => sum + item.count, 0),
    6,
  )
  assert.equal(
    page.items.reduce((sum, item) => sum + item.repeatCount, 0),
    3,
  )
  assert.equal(await journalCount(store), 6)
})

test('with the clock 8 days on, nothing is answered, and nothing left on disk after the next start', async (t) => {
  const dir = tempDir(t)
  const clockOffset = createClockOffset()
  const now = (): number => Date.now() + (clockOffset[0] ?? 0)
  {
    await using store = await open(dir, { clockOffset })
    append(store, 100, { at: now })
    await store.flush({ indexed: true })
    const [item] = (await store.events({ limit: 1 })).items
    clockOffset[0] = 8 * DAY_MS
    assert.equal(store.indicators.get('ip-address', '198.51.100.7'), undefined)
    assert.deepEqual([...store.indicators.all('phone-number')], [])
    assert.deepEqual((await store.events({ limit: 10 })).items, [])
    assert.equal(await store.event(item?.event.id ?? 0), undefined)
    assert.equal(await journalCount(store), 0)
  }
  await using _store = await open(dir, { clockOffset })
  assert.deepEqual([...readdirSync(`${dir}/journal`), ...readdirSync(`${dir}/index`)], [])
})

test('a second node on the same folder is refused, in this process and in another', async (t) => {
  const dir = tempDir(t)
  await using _store = await open(dir)
  await assert.rejects(open(dir), { code: 'STATE_LOCKED', message: /--state-dir/ })
  const script = `import { lockStateDir } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)}
    try { lockStateDir(${JSON.stringify(dir)}); console.log('taken') } catch (error) { console.log(error.code) }`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(out.trim(), 'STATE_LOCKED')
})

test('a state folder that is none or cannot be written is refused with the way out', async (t) => {
  const dir = tempDir(t)
  writeFileSync(`${dir}/file`, '')
  await assert.rejects(open(`${dir}/file`), { code: 'STATE_UNWRITABLE', message: /--state-dir/ })
  if (process.getuid?.() === 0) return // root may write anywhere
  mkdirSync(`${dir}/locked`)
  chmodSync(`${dir}/locked`, 0o500)
  await assert.rejects(open(`${dir}/locked`), { code: 'STATE_UNWRITABLE', message: /write access/ })
})

test('past the disk quota messages are shortened, the first of each source kept whole, and all counted', async (t) => {
  const dir = tempDir(t)
  await using store = await open(dir, { quotaSize: 10_000 })
  const body = (i: number): string => createHash('sha512').update(String(i)).digest('base64')
  append(store, 200, { prefix: 'before', body })
  await store.flush({ indexed: true })
  append(store, 1000, { prefix: 'after', body })
  await store.flush({ indexed: true })
  const { shedRawCount, acceptedCount, indexedCount, droppedCount } = store.status()
  assert.deepEqual(
    { acceptedCount, indexedCount, droppedCount },
    { acceptedCount: 1200, indexedCount: 1200, droppedCount: 0 },
  )
  // From the block on that reached the quota, which is somewhere in the first 200, each source keeps 4 whole.
  assert(shedRawCount >= 1000 - 50 * 4 && shedRawCount <= 1200 - 50 * 4, String(shedRawCount))
  assert.equal(store.indicators.get('ip-address', '198.51.100.3')?.count, 24)
  assert.equal(store.indicators.get('phone-number', '+442081234503')?.count, 12)
})

test('reindexStore() makes the same index again, refuses while a node runs, and tells how far it is', async (t) => {
  const dir = tempDir(t)
  {
    await using store = await open(dir)
    append(store, 3000)
    await store.flush({ indexed: true })
    await assert.rejects(reindexStore(dir), { code: 'STATE_LOCKED' })
  }
  const before = dumpIndex(`${dir}/index`)
  const progress: [number, number][] = []
  const result = await reindexStore(dir, { onProgress: (done, total) => progress.push([done, total]) })
  assert.deepEqual(dumpIndex(`${dir}/index`), before)
  assert.equal(result.events, 3000)
  assert.equal(result.rows, before.events.length)
  assert.deepEqual(progress.at(-1), [3000, 3000])
  assert.deepEqual(readdirSync(dir).sort(), ['expired-hour', 'index', 'journal', 'lock'])
})

test('inspectStore() finds a sound folder sound, and names what is damaged with the way out', async (t) => {
  const dir = tempDir(t)
  {
    await using store = await open(dir)
    append(store, 500)
    await store.flush({ indexed: true })
    assert.match(JSON.stringify(await inspectStore(dir)), /held by a running node/)
  }
  const sound = await inspectStore(dir)
  assert(sound.ok, JSON.stringify(sound))
  assert.match(JSON.stringify(sound), /500 records/)
  const [day] = readdirSync(`${dir}/index`)
  writeFileSync(`${dir}/index/${day}`, 'no database at all'.repeat(1000))
  const harmed = await inspectStore(dir)
  assert.equal(harmed.ok, false)
  assert.match(JSON.stringify(harmed), /sentrypeer reindex/)
  await using store = await open(dir)
  assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 10)
  await store.flush({ indexed: true })
  assert.equal(sumOf(dumpIndex(`${dir}/index`).events, 'count'), 500)
  assert.match(store.status().repairs.join(), /made again from the journal/)
})

/** A file system of its own, so small that it fills up. */
function tinyDisk(t: TestContext, sizeKiB: number): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'sentrypeer-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', dir]).status === 0
  t.after(() => {
    if (mounted) execFileSync('umount', ['-l', dir])
    rmSync(dir, { recursive: true })
  })
  return mounted ? dir : null
}

test('on a full disk events wait, it is said, and nothing durable is lost; with room again all goes on', async (t) => {
  const dir = tinyDisk(t, 2048)
  if (dir === null) {
    t.skip('skipped: only root may mount the small disk that this needs')
    return
  }
  await using store = await open(dir)
  append(store, 500, { prefix: 'before' })
  await store.flush({ indexed: true })
  writeFileSync(`${dir}/ballast`, Buffer.alloc(4096))
  try {
    writeFileSync(`${dir}/ballast`, Buffer.alloc(4 * MIB))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  append(store, 2000, { prefix: 'while-full' })
  const waitFor = Promise.withResolvers<void>()
  const timer = setInterval(() => store.status().trouble !== null && waitFor.resolve(), 20)
  await waitFor.promise
  clearInterval(timer)
  assert.match(store.status().trouble ?? '', /free some disk space/)
  assert.equal(store.status().droppedCount, 0)
  assert.equal((await store.events({ limit: 1 })).items.length, 1)
  writeFileSync(`${dir}/ballast`, '')
  await store.flush({ indexed: true })
  assert.equal(store.status().trouble, null)
  assert.equal(store.status().durableCount, 2500)
  assert.equal(await journalCount(store), 2500)
  assert.equal(sumOf(dumpIndex(`${dir}/index`).events, 'count'), 2500)
})

test('pages damaged in the middle of a day are found when they are read: a start and a reindex both make them again', async (t) => {
  const dir = tempDir(t)
  {
    await using store = await open(dir)
    append(store, 5000)
    await store.flush({ indexed: true })
  }
  const before = dumpIndex(`${dir}/index`)
  const [day = ''] = readdirSync(`${dir}/index`)
  const whole = readFileSync(`${dir}/index/${day}`)
  const harm = (): void => writeFileSync(`${dir}/index/${day}`, Buffer.from(whole).fill(0x5a, 3 * 4096))
  harm()
  const { events } = await reindexStore(dir)
  assert.equal(events, 5000)
  assert.deepEqual(dumpIndex(`${dir}/index`), before)
  harm()
  await using store = await open(dir)
  assert.equal(store.indicators.get('ip-address', '198.51.100.7')?.count, 100)
  await store.flush({ indexed: true })
  assert.deepEqual(dumpIndex(`${dir}/index`), before)
})
