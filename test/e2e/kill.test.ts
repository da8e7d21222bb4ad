// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { inspectStore } from '../../src/store/inspect.ts'
import { JournalReader } from '../../src/store/journal-reader.ts'
import { buildIndex } from '../../src/store/reindex.ts'
import { journalDir } from '../../src/store/segment.ts'
import { dumpIndex, sumOf } from '../support/index-dump.ts'
import { startNode } from '../support/node-process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUdpLoad } from '../support/udp-load.ts'

const ROUNDS = Number(process.env.SENTRYPEER_KILL_ROUNDS ?? 3)
const PER_SECOND = 3000
const KILL_AFTER_MAX = 1500 // events acknowledged; each round draws how many

/** How the rounds differ: seeded, so that a failure can be run again. */
function* draws(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

type Found = { readonly ids: readonly string[]; readonly position: number }

/** The Call-IDs in the journal behind a position, each of which was sent once. */
function callIds(stateDir: string, from: number): Found {
  using reader = new JournalReader(journalDir(stateDir))
  const ids: string[] = []
  let after = from
  for (let done = false; !done; ) {
    const entries = reader.read(after, 10_000)
    for (const { record } of entries) {
      assert(record.type === 'event', 'no datagram was sent twice')
      const text = Buffer.from(record.observation.bytes).toString('latin1')
      ids.push(
        /\r\nCall-ID: (\S+)\r\n/.exec(text)?.[1] ?? `damaged: ${JSON.stringify([text, record.observation.source])}`,
      )
    }
    after = entries.at(-1)?.id ?? after
    done = entries.length === 0
  }
  return { ids, position: after }
}

async function killDuringIngest(t: TestContext, stateDir: string, round: number, killAfter: number): Promise<number> {
  const node = await startNode(t, stateDir)
  const load = await startUdpLoad({
    port: node.sipPort,
    perSecond: PER_SECOND,
    prefix: `round${round}`,
    countMax: 100_000,
  })
  let acknowledged = 0
  while (acknowledged < killAfter) {
    acknowledged = (await node.get<{ store: { durableCount: number } }>('/v1/stats')).store.durableCount
  }
  await node.kill('SIGKILL')
  await load.stop()
  return acknowledged
}

test(`kill -9 during ingest, ${ROUNDS} times: what was acknowledged is there, once, and the index agrees`, async (t) => {
  const stateDir = tempDir(t)
  const seed = Number(process.env.SENTRYPEER_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`SENTRYPEER_SEED=${seed}`)
  const random = draws(seed)
  const known: string[] = []
  let position = 0
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await killDuringIngest(
      t,
      stateDir,
      round,
      1 + Math.floor(random.next().value * KILL_AFTER_MAX),
    )
    const found = callIds(stateDir, position) // only what is new: a thousand rounds would read it all a thousand times
    position = found.position
    assert.deepEqual(
      found.ids.filter((id) => !id.startsWith(`round${round}-`)),
      [],
      `round ${round}: not what was sent`,
    )
    assert(found.ids.length >= acknowledged, `round ${round}: ${acknowledged} acknowledged, ${found.ids.length} kept`)
    known.push(...found.ids)
  }
  assert.deepEqual(callIds(stateDir, 0).ids, known, 'what was there after its round is there at the end')
  assert.equal(new Set(known).size, known.length, 'an event is there twice')
  await checkIndex(t, stateDir, known.length)
})

/** After a last start and stop the index is exactly what the journal alone gives. */
async function checkIndex(t: TestContext, stateDir: string, count: number): Promise<void> {
  const node = await startNode(t, stateDir)
  await node.indexed()
  const { total } = await node.get<{ total: number }>('/v1/events?limit=1')
  assert.deepEqual(await node.kill('SIGTERM'), { code: 0, signal: null })
  const index = dumpIndex(`${stateDir}/index`)
  assert.equal(sumOf(index.events, 'count'), count)
  assert.equal(total, index.events.length)
  const fresh = `${stateDir}/fresh`
  await buildIndex(journalDir(stateDir), fresh)
  assert.deepEqual(dumpIndex(fresh), index)
  rmSync(fresh, { recursive: true })
  const inspection = await inspectStore(stateDir)
  assert(
    inspection.findings.every(({ level }) => level === 'ok'),
    JSON.stringify(inspection.findings),
  )
}
