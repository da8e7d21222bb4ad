// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { commit, openJournal } from '../../test/support/journal.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import type { Observation } from '../core/event.ts'
import { CALL_LIMITS, searchCall } from './call-search.ts'
import { deriveEvent } from './derive.ts'
import { JournalReader } from './journal-reader.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { HOUR_MS } from './retention.ts'
import type { CallPage, CallQuery } from './types.ts'

const START = 1_795_456_800_000

type Journal = {
  readonly reader: JournalReader
  add(facts: Partial<Observation>): number
  repeat(id: number, at: number): void
  /** Ends the block. */
  commit(): void
  /** `passMs`: how far the clock moves each time it is looked at. */
  find(query: Partial<CallQuery> & { upTo?: number; passMs?: number; signal?: AbortSignal }): Promise<CallPage>
}

function journal(t: TestContext): Journal {
  const dir = tempDir(t)
  const writer = openJournal(dir)
  const reader = new JournalReader(dir)
  t.after(() => {
    reader[Symbol.dispose]()
    writer[Symbol.dispose]()
  })
  return {
    reader,
    add: (facts) => {
      const wanted = observation({ at: START, ...facts })
      const bytes = new Uint8Array(eventRecordSize(wanted))
      writeEventRecord(wanted, bytes, 0)
      return writer.append(bytes, 0, wanted.at)
    },
    repeat: (id, at) => void writer.appendRepeat({ at, repeatOf: id, sentSize: 0 }, at),
    commit: () => void commit(writer),
    find: ({ upTo = Number.MAX_SAFE_INTEGER, passMs = 0, signal = new AbortController().signal, ...query }) => {
      let now = 0
      const monotonicNow = () => (now += passMs)
      return searchCall(reader, { callId: 'wanted', since: 0, upTo, ...query }, { monotonicNow, signal })
    },
  }
}

const call = (callId: string, method = 'INVITE') => sipRequest({ callId, method })
const ids = (page: CallPage) => page.items.map(({ event }) => event.id)

test('a call is found in all blocks and hours, oldest first, with every answer', async (t) => {
  const { add, commit, find } = journal(t)
  const wanted: number[] = []
  for (let i = 0; i < 30; i++) {
    const at = START + i * (HOUR_MS / 10)
    add({ at, bytes: call(`other-${i}`) })
    wanted.push(add({ at: at + 1, bytes: call('wanted', i === 0 ? 'INVITE' : 'BYE'), responses: [100, 401] }))
    add({ at: at + 2, bytes: call('wanted-too') })
    if (i % 3 === 0) commit()
  }
  commit()
  const page = await find({})
  assert.deepEqual(ids(page), wanted)
  assert.deepEqual([page.next, page.searchedSince], [null, 0])
  assert.deepEqual(page.items[0]?.event.responses, [100, 401])
  assert.equal(page.items[0]?.event.raw.buffer.byteLength, page.items[0]?.event.size) // not the block's
  const late = await find({ since: START + 12 * (HOUR_MS / 10) })
  assert.deepEqual(ids(late), wanted.slice(12))
})

test('a Call-ID that stands elsewhere in a message is not that call', async (t) => {
  const { add, commit, find } = journal(t)
  add({ bytes: sipRequest({ callId: 'x', userAgent: 'wanted' }) })
  add({ bytes: sipRequest({ callId: 'x', body: 'Call-ID: wanted' }) })
  add({ bytes: sipRequest({ callId: 'unwanted' }) })
  const id = add({ bytes: Buffer.from('OPTIONS sip:a SIP/2.0\r\ni: \r\n wanted\r\n\r\n') })
  commit()
  assert.deepEqual(ids(await find({})), [id])
})

test('any Call-ID can be looked for: folded, in Latin-1, of one character, or of none that bytes can be', async (t) => {
  const { add, commit, find } = journal(t)
  const names = ['a b', 'é@ü', '0', '"', '\\']
  const found = names.map((name) =>
    add({ bytes: Buffer.from(`X sip:a SIP/2.0\r\nCall-ID: ${name}\r\n\r\n`, 'latin1') }),
  )
  const folded = add({ bytes: Buffer.from('X sip:a SIP/2.0\r\nCall-ID: a\r\n  b\r\n\r\n') })
  commit()
  assert.deepEqual(ids(await find({ callId: 'a b' })), [found[0], folded])
  for (const [i, name] of names.entries()) if (i > 0) assert.deepEqual(ids(await find({ callId: name })), [found[i]])
  assert.deepEqual(await find({ callId: '☎' }), { items: [], next: null, searchedSince: 0 })
  assert.deepEqual(ids(await find({ callId: '' })), [])
})

test('the media of a call belongs to it', async (t) => {
  const { add, commit, find } = journal(t)
  const media = (callId: string) => Buffer.from(JSON.stringify({ callId, codec: 'PCMU', packetCount: 3 }))
  const name = 'é"1'
  const id = add({ transport: 'rtp', bytes: media(name) })
  const shortened = add({ transport: 'rtp', bytes: media(name).subarray(0, 25) })
  add({ transport: 'rtp', bytes: media(`${name}2`) })
  add({ transport: 'rtp', bytes: Buffer.from('é"1') })
  commit()
  assert.deepEqual(ids(await find({ callId: name })), [id, shortened])
})

test('retransmissions are counted, in whichever block they lie', async (t) => {
  const { add, repeat, commit, find } = journal(t)
  const other = add({ bytes: call('other') })
  const first = add({ bytes: call('wanted') })
  repeat(first, START + 500)
  repeat(other, START + 500)
  commit()
  const second = add({ at: START + 600, bytes: call('wanted', 'ACK') })
  repeat(first, START + 1500)
  commit()
  const { items } = await find({})
  assert.deepEqual(
    items.map(({ event, repeatCount, lastAt, count }) => [event.id, repeatCount, lastAt, count]),
    [
      [first, 2, START + 1500, 1],
      [second, 0, START + 600, 1],
    ],
  )
})

test('more than 1,000 messages come in pages, each where the one before ended', async (t) => {
  const { add, commit, find } = journal(t)
  const wanted = Array.from({ length: 2100 }, (_, i) => {
    if (i % 170 === 0) commit()
    return add({ at: START + i, bytes: call('wanted') })
  })
  commit()
  const pages: number[][] = []
  let before: number | undefined
  do {
    const page = await find({ before })
    pages.push(ids(page))
    before = page.next ?? undefined
  } while (before !== undefined)
  assert.deepEqual(
    pages.map((page) => page.length),
    [1000, 1000, 100],
  )
  assert.deepEqual(pages.toReversed().flat(), wanted)
})

test('a page holds 4 MiB of messages at most', async (t) => {
  const { add, commit, find } = journal(t)
  for (let i = 0; i < 100; i++) add({ bytes: sipRequest({ callId: 'wanted', body: 'x'.repeat(60_000) }) })
  commit()
  const { items, next } = await find({})
  const size = items.reduce((sum, { event }) => sum + event.raw.length, 0)
  assert(size > 4_000_000 && size <= CALL_LIMITS.rawSize, `${size}`)
  assert.equal(items.length + (await find({ before: next ?? 0 })).items.length, 100)
})

test('whatever the journal holds, the same is found as by reading all of it', async (t) => {
  const names = ['wanted', 'Call-ID', '1', 'INVITE', 'a b', '\x01', '@']
  const step = fc.record({
    callId: fc.constantFrom(...names),
    agent: fc.constantFrom(...names),
    what: fc.constantFrom('event', 'event', 'event', 'repeat', 'commit'),
    passMs: fc.constantFrom(0, 1, HOUR_MS / 3),
  })
  const query = fc.record({ callId: fc.constantFrom(...names), from: fc.nat(60), to: fc.nat(60) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), query, async (steps, { callId, from, to }) => {
      const { reader, add, repeat, commit, find } = journal(t)
      const times: number[] = []
      const ids: number[] = []
      let at = START
      for (const one of steps) {
        at += one.passMs
        times.push(at)
        const earlier = ids[ids.length >> 1]
        if (one.what === 'commit') commit()
        else if (one.what === 'repeat' && earlier !== undefined) repeat(earlier, at)
        else ids.push(add({ at, bytes: sipRequest({ callId: one.callId, userAgent: one.agent }) }))
      }
      commit()
      const since = times[from] ?? 0
      const upTo = ids[to] ?? Number.MAX_SAFE_INTEGER
      const all = reader.read(0, 1000, upTo)
      const wanted = all.flatMap(({ id, record }) => {
        if (record.type !== 'event' || record.observation.at < since) return []
        if (deriveEvent(id, record.observation).callId !== callId) return []
        const repeats = all.filter(({ record: other }) => other.type === 'repeat' && other.repeat.repeatOf === id)
        return [`${id} ${repeats.length}`]
      })
      const { items } = await find({ callId, since, upTo })
      assert.deepEqual(
        items.map(({ event, repeatCount }) => `${event.id} ${repeatCount}`),
        wanted,
      )
    }),
    { numRuns: 60 },
  )
})

test('it stops when its time is over, says how far it came, and goes on from there', async (t) => {
  const { add, commit, find } = journal(t)
  const wanted: number[] = []
  for (let i = 0; i < 10; i++) {
    wanted.push(add({ at: START + i, bytes: call('wanted') }))
    commit()
  }
  const passMs = CALL_LIMITS.workMs / 4 // a slice each block, four blocks a question
  const first = await find({ passMs })
  assert.deepEqual(ids(first), wanted.slice(-4))
  assert.deepEqual([first.next, first.searchedSince], [wanted.at(-4), START + 6])
  const second = await find({ before: first.next ?? 0 })
  assert.deepEqual(ids(second), wanted.slice(0, -4))
  assert.equal(second.next, null)
})

test('between slices others may read, and the journal may grow and lose hours', async (t) => {
  const { reader, add, commit, find } = journal(t)
  const wanted: number[] = []
  for (let i = 0; i < 40; i++) {
    wanted.push(add({ at: START + i * HOUR_MS, bytes: call('wanted') })) // more segments than a reader keeps tables of
    commit()
  }
  const asked = find({ passMs: CALL_LIMITS.sliceMs }) // each block is a slice
  for (let round = 0; round < 40; round++) {
    await new Promise(setImmediate)
    assert.equal(reader.read(0, 1000).length, 40 + round)
    add({ at: START + 39 * HOUR_MS + round, bytes: call('wanted') })
    commit()
  }
  assert.deepEqual(ids(await asked), wanted)
  assert.equal((await find({})).items.length, 80)
})

test('it ends when the store closes', async (t) => {
  const { add, commit, find } = journal(t)
  add({ bytes: call('wanted') })
  commit()
  const signal = AbortSignal.abort(new Error('closing'))
  await assert.rejects(find({ passMs: CALL_LIMITS.sliceMs, signal }), /closing/)
})
