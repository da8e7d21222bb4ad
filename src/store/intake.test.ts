// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { commit, openJournal } from '../../test/support/journal.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { mutate, seededRandom } from '../../test/support/sip-mutator.ts'
import { invite, request, SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import type { Observation } from '../core/event.ts'
import { type Delta, deltasOf, numberValues, repeatDeltas, tagsOf } from './delta.ts'
import { deltasOfBatch } from './delta-batch.ts'
import { deriveEvent } from './derive.ts'
import { Intake } from './intake.ts'
import { JournalReader } from './journal-reader.ts'
import type { JournalWriter } from './journal-writer.ts'
import { eventRecordSize, type StoredObservation, writeEventRecord } from './record.ts'

const START = 1_795_456_800_000
const ODD_COUNT = 4000

class Bench {
  readonly writer: JournalWriter
  readonly intake: Intake
  readonly reader: JournalReader

  constructor(t: TestContext) {
    const dir = tempDir(t)
    this.writer = openJournal(dir)
    this.reader = new JournalReader(dir)
    this.intake = new Intake(this.writer)
    t.after(() => {
      this.writer[Symbol.dispose]()
      this.reader[Symbol.dispose]()
    })
  }

  /** Takes them out of the midst of shared memory, as a sensor's thread hands them over. */
  take(observations: readonly Observation[]): void {
    const size = observations.reduce((sum, one) => sum + eventRecordSize(one), 0)
    const bytes = new Uint8Array(new SharedArrayBuffer(size + 7))
    for (let i = 0, at = 7; i < observations.length; i++) at += writeEventRecord(observations[i]!, bytes, at)
    const records = new DataView(bytes.buffer)
    for (let at = 7; at < bytes.length; ) at += this.intake.take(bytes, records, at, START)
    bytes.fill(0xff)
  }

  stored(): (StoredObservation | { repeatOf: number; sentSize: number })[] {
    commit(this.writer)
    return this.reader.read(0, 10_000).map(({ record }) => {
      if (record.type === 'repeat') return { repeatOf: record.repeat.repeatOf, sentSize: record.repeat.sentSize }
      return record.observation
    })
  }
}

const keyOf = ({ kind, value, form }: Delta): string => `${kind} ${form} ${value}`

/** Deltas of one thing as one, in the order of their last. */
function summed(deltas: readonly Delta[]): Map<string, Delta> {
  const sums = new Map<string, Delta>()
  for (const delta of deltas) {
    const known = sums.get(keyOf(delta))
    sums.delete(keyOf(delta))
    sums.set(keyOf(delta), known === undefined ? delta : sum(known, delta))
  }
  return sums
}

const RANKS = ['none', 'echo', 'transport'] as const

function sum(a: Delta, b: Delta): Delta {
  return {
    ...a,
    count: a.count + b.count,
    repeatCount: a.repeatCount + b.repeatCount,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
    validation: RANKS.indexOf(a.validation) > RANKS.indexOf(b.validation) ? a.validation : b.validation,
    tagMask: a.tagMask | b.tagMask,
  }
}

const MESSAGES = [
  ...Object.values(SCANNERS),
  ...['00442081234567', '+442081234567', '900442081234567', '100'].map((number) => Buffer.from(sipRequest({ number }))),
  invite({ to: '<sip:+442081234567@203.0.113.5>' }),
  Buffer.from('junk'),
  Buffer.from(''),
]

const observations = fc
  .record({
    ip: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1', '2001:db8::2'),
    port: fc.constantFrom(5060, 5061),
    bytes: fc.constantFrom(...MESSAGES),
    transport: fc.constantFrom('udp' as const, 'tcp' as const),
    validation: fc.constantFrom(...RANKS),
    ms: fc.nat(1000),
  })
  .map(({ ip, port, ms, ...facts }) => observation({ source: { ip, port }, at: START + ms, ...facts }))

test('a window holds what its events add, one row each, last changed last', (t) => {
  fc.assert(
    fc.property(fc.array(observations, { maxLength: 60 }), (taken) => {
      const bench = new Bench(t)
      bench.take(taken)
      const known = new Map<string, Observation>()
      const stored = bench.stored()
      const expected = taken.flatMap((one, i): Delta[] => {
        const kept = stored[i]!
        const behaviours = 'behaviours' in kept ? (kept.behaviours ?? []) : []
        const event = deriveEvent(0, { ...one, rawShed: false, behaviours })
        const key = `${one.source.ip} ${one.source.port} ${one.bytes}`
        const isRepeat = one.transport === 'udp' && event.kind.startsWith('sip-')
        const original = isRepeat ? known.get(key) : undefined
        if (isRepeat && original === undefined) known.set(key, one)
        return original === undefined ? deltasOf(event) : repeatDeltas(one.source.ip, numberValues(event), original.at)
      })
      const { window } = bench.intake
      assert.equal(window.isEmpty, taken.length === 0)
      const rows = deltasOfBatch(window.take())
      const order = (deltas: Iterable<Delta>, kind: string): string[] =>
        [...deltas].filter((delta) => delta.kind === kind && delta.form === '').map(({ value }) => value)
      const sums = summed(expected)
      assert.deepEqual(new Map(rows.map((row) => [keyOf(row), row])), new Map(sums))
      for (const kind of ['ip-address', 'phone-number']) {
        assert.deepEqual(order(rows, kind), order(sums.values(), kind))
      }
      assert(window.isEmpty)
    }),
  )
})

test('the journal has each event as it was, and of a retransmission only what it repeats', (t) => {
  const bench = new Bench(t)
  const first = observation({ at: START })
  const other = observation({ at: START + 1, source: { ip: '198.51.100.7', port: 5061 } })
  bench.take([first, first, other, { ...first, at: START + 2, sentSize: 7 }])
  const [one, again, two, last] = bench.stored()
  const [entry] = bench.reader.read(0, 1)
  assert.deepEqual(again, { repeatOf: entry?.id, sentSize: first.sentSize })
  assert.deepEqual(last, { repeatOf: entry?.id, sentSize: 7 })
  for (const [stored, taken] of [
    [one, first],
    [two, other],
  ] as const) {
    assert(stored !== undefined && 'bytes' in stored)
    assert.deepEqual(
      { ...stored, bytes: Buffer.from(stored.bytes) },
      { ...taken, bytes: Buffer.from(taken.bytes), rawShed: false, ja4: null, behaviours: [] },
    )
  }
  assert.equal(bench.intake.repeatCount, 2)
})

/** What somebody sends who tries six users with passwords, over TCP, so that nothing is a retransmission. */
const ATTACK = Array.from({ length: 12 }, (_, i) =>
  observation({
    at: START + i,
    transport: 'tcp',
    source: { ip: '198.51.100.7', port: 5000 + i },
    bytes: request({
      method: 'REGISTER',
      to: `<sip:${100 + (i % 6)}@203.0.113.5>`,
      headers: ['Authorization: Digest username="100", response="0"'],
    }),
  }),
)

test('what a source does is in the journal, so that lookups and whoever reads it later are told the same', (t) => {
  const bench = new Bench(t)
  bench.take(ATTACK)
  const events = bench.stored().map((record) => {
    assert('bytes' in record)
    return deriveEvent(0, record)
  })
  assert.deepEqual(
    events.map(({ tags }) => tags.join(' ')),
    [
      ...new Array(4).fill('register-probe'),
      ...new Array(2).fill('register-probe register-bruteforce extension-enum'),
      ...new Array(4).fill('register-probe register-bruteforce'),
      ...new Array(2).fill('register-probe register-bruteforce extension-enum'),
    ],
  )
  assert.deepEqual(summed(deltasOfBatch(bench.intake.window.take())), summed(events.flatMap(deltasOf)))
})

test('a known research network is told by its address, whatever it sends', (t) => {
  const bench = new Bench(t)
  bench.take([observation({ transport: 'tcp', source: { ip: '162.142.125.9', port: 1 }, bytes: new Uint8Array(0) })])
  const [delta] = deltasOfBatch(bench.intake.window.take())
  assert.deepEqual(tagsOf(delta!.tagMask), ['known-research'])
})

test('media adds to the address that it came from, and to nothing else', (t) => {
  const bench = new Bench(t)
  const counts = { packetCount: 1, byteCount: 172, lostCount: 0, foreignCount: 0, durationMs: 0 }
  const summary = { callId: 'a', codec: 'PCMU', payloadType: 0, ...counts, dtmf: '00442081234567', ssrcs: [] }
  const bytes = Buffer.from(JSON.stringify(summary))
  bench.intake.shortens = 'all'
  const source = { ip: '162.142.125.9', port: 16_384 }
  bench.take(new Array(200).fill(observation({ at: START, transport: 'rtp', validation: 'transport', source, bytes })))
  assert.deepEqual(deltasOfBatch(bench.intake.window.take()), [
    {
      kind: 'ip-address',
      value: source.ip,
      form: '',
      count: 200,
      repeatCount: 0,
      firstAt: START,
      lastAt: START,
      validation: 'none',
      tagMask: 0,
    },
  ])
  const [first] = bench.stored()
  assert(first !== undefined && 'bytes' in first)
  const event = deriveEvent(0, first)
  assert.deepEqual([event.kind, event.callId, event.media?.dtmf], ['media', 'a', '00442081234567'])
  assert.deepEqual([event.tags, event.calledNumbers, event.rawShed], [[], [], false])
})

test('whatever differs, be it one bit, a port or the size received, is no retransmission', (t) => {
  const bench = new Bench(t)
  const first = observation({ at: START })
  const flipped = Buffer.from(first.bytes)
  flipped[flipped.length - 9]! ^= 1
  const source = { ...first.source, port: 1 }
  const destination = { ...first.destination, port: 1 }
  bench.take([
    first,
    { ...first, bytes: flipped },
    { ...first, source },
    { ...first, destination },
    { ...first, size: 9999 },
  ])
  assert.equal(bench.intake.repeatCount, 0)
  bench.take([{ ...first, destination }])
  assert.equal(bench.intake.repeatCount, 1)
})

test('a retransmission is known for 32 s, and among 32,768 other datagrams', (t) => {
  const bench = new Bench(t)
  const first = observation({ at: START })
  const others = Array.from({ length: 32_767 }, (_, i) =>
    observation({ at: START, source: { ip: '192.0.2.1', port: i } }),
  )
  const takeAll = (all: readonly Observation[]): void => {
    for (let i = 0; i < all.length; i += 1000) {
      bench.take(all.slice(i, i + 1000))
      bench.intake.window.take()
    }
  }
  takeAll([first, ...others])
  takeAll([{ ...first, at: START + 31_999 }])
  assert.equal(bench.intake.repeatCount, 1)
  for (const at of [START + 32_000, START + 64_000])
    takeAll([observation({ at, bytes: sipRequest({ callId: String(at) }) })])
  takeAll([{ ...first, at: START + 64_000 }])
  assert.equal(bench.intake.repeatCount, 1, 'two generations later it is a new event')
})

test('shortened messages are counted, and the first of a source kept whole while only most are shortened', (t) => {
  const bench = new Bench(t)
  const body = 'x'.repeat(2000)
  const send = (count: number, prefix: string): void => {
    bench.take(
      Array.from({ length: count }, (_, i) =>
        observation({ at: START, bytes: sipRequest({ callId: `${prefix}${i}`, body }) }),
      ),
    )
  }
  send(3, 'a')
  bench.intake.shortens = 'most'
  send(6, 'b')
  bench.intake.shortens = 'all'
  send(2, 'c')
  const shed = bench.stored().map((record) => 'rawShed' in record && record.rawShed)
  assert.deepEqual(shed, [...new Array(7).fill(false), true, true, true, true])
  assert.equal(bench.intake.shedRawCount, 4)
})

/** Whatever differs once the headers that count are cut: names of any size, numbers at any place, a broken length. */
const ODD = [
  invite({ to: `"${'A'.repeat(107)}" <sip:+442081234567899@h>`, uri: 'sip:bob@h' }),
  invite({ to: `"${'A'.repeat(2100)}" <sip:+442081234567@h>`, uri: 'sip:bob@h' }),
  invite({ headers: [`Contact: <sip:${'a'.repeat(2500)}@h>`, 'Content-Length: no'] }),
  invite({ headers: ['Content-Length: no', 'X: y'] }),
]

test(`what is counted of ${ODD_COUNT} mutated messages is what the journal has of them, and of small ones all`, (t) => {
  const bench = new Bench(t)
  bench.intake.shortens = 'all'
  const corpus = [...readSipVectors().map(({ bytes }) => bytes), ...ODD]
  const counted: Delta[] = []
  const taken = Array.from({ length: ODD_COUNT }, (_, seed) => {
    const random = seededRandom(seed + 1)
    const original = seed < ODD.length ? ODD[seed]! : corpus[random.below(corpus.length)]!
    const bytes = seed < ODD.length ? original : mutate(original, corpus[random.below(corpus.length)]!, random)
    return observation({ at: START, bytes, source: { ip: '192.0.2.1', port: seed } })
  })
  for (const one of taken) {
    bench.take([one])
    counted.push(...deltasOfBatch(bench.intake.window.take()))
  }
  const stored = bench.stored()
  assert.equal(stored.length, taken.length)
  const told: Delta[] = []
  for (const [i, record] of stored.entries()) {
    assert('bytes' in record)
    const deltas = deltasOf(deriveEvent(0, record))
    told.push(...deltas)
    if (eventRecordSize(taken[i]!) > 2048) continue
    assert.deepEqual(
      deltas,
      deltasOf(deriveEvent(0, { ...taken[i]!, rawShed: false, behaviours: record.behaviours ?? [] })),
      String(taken[i]!.bytes),
    )
  }
  assert.deepEqual(summed(counted), summed(told))
  assert(bench.intake.shedRawCount > ODD_COUNT / 2)
})

test('a retransmission adds to no number that its event did not', (t) => {
  const bench = new Bench(t)
  bench.intake.shortens = 'all'
  const odd = observation({ at: START, bytes: ODD[1]! })
  bench.take([odd, odd])
  assert(deltasOfBatch(bench.intake.window.take()).every(({ kind }) => kind === 'ip-address'))
})
