// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import fc from 'fast-check'
import { observationOf } from '../../test/support/datagrams.ts'
import { sipRequest } from '../../test/support/observations.ts'
import { invite } from '../../test/support/sip-samples.ts'
import { DatagramSource, DatagramTarget, type ReceivedDatagram } from '../sensors/udp/datagram.ts'
import { deriveEvent } from './derive.ts'
import { Inlet } from './inlet.ts'
import { eventRecordSize, readRecord, type StoredObservation, writeEventRecord } from './record.ts'
import { createRing, RingReader } from './ring.ts'

const target = new DatagramTarget({ ip: '203.0.113.5', port: 5060 })

function datagram(
  bytes: Buffer,
  change: Partial<ReceivedDatagram> & { ip?: string; port?: number } = {},
): ReceivedDatagram {
  const { ip = '198.51.100.7', port = 40_000, ...rest } = change
  const source = new DatagramSource()
  source.setText(ip, port)
  return {
    at: 1_790_000_000_000,
    bytes,
    start: 0,
    end: bytes.length,
    source,
    target,
    isPassive: false,
    validation: 0,
    status: 200,
    moreStatuses: [],
    sentSize: 300,
    ...rest,
  }
}

function inletOf(t: TestContext, capacity: number) {
  const buffer = createRing(capacity)
  const { port1, port2 } = new MessageChannel()
  t.after(() => port2.close())
  const reader = new RingReader(buffer)
  const taken = (): StoredObservation[] => {
    const observations: StoredObservation[] = []
    for (let span = reader.next(); span !== null; span = reader.next()) {
      for (let at = span.start; at < span.end; ) {
        const record = readRecord(reader.bytes, at)
        assert(record.type === 'event')
        const bytes = Uint8Array.from(record.observation.bytes)
        observations.push({ ...record.observation, bytes })
        at += eventRecordSize({ ...record.observation, bytes })
      }
      reader.release(span.end - span.start)
    }
    return observations
  }
  return { inlet: new Inlet({ buffer, doorbell: port1 }), reader, taken }
}

test('a datagram becomes the same record that its observation becomes', (t) => {
  const { inlet, reader } = inletOf(t, 1_048_576)
  const ips = fc.constantFrom('198.51.100.7', '0.0.0.0', '2001:db8::1', '::1', '255.255.255.255')
  const statuses = fc.constantFrom(0, 200, 486)
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      ips,
      fc.nat(65_535),
      statuses,
      fc.constantFrom([], [180], [180, 200], new Array<number>(20).fill(200)),
      fc.constantFrom<0 | 1>(0, 1),
      fc.boolean(),
      (raw, ip, port, status, further, validation, isPassive) => {
        const whole = Buffer.concat([Buffer.from('before'), raw, Buffer.from('after')])
        const sentSize = status === 0 ? 0 : 120
        const place = { start: 6, end: 6 + raw.length, ip, port }
        const moreStatuses = status === 0 ? [] : further
        const one = datagram(whole, { ...place, validation, status, moreStatuses, isPassive, sentSize })
        const observation = observationOf(one)
        const expected = new Uint8Array(eventRecordSize(observation))
        writeEventRecord(observation, expected, 0)
        inlet.add(one)
        inlet.publish()
        const span = reader.next()
        assert(span !== null)
        assert.deepEqual(Uint8Array.from(reader.bytes.subarray(span.start, span.end)), expected)
        reader.release(span.end - span.start)
      },
    ),
  )
})

test('once the ring is half full, bodies go before events do; what has no room is counted', (t) => {
  const { inlet, reader, taken } = inletOf(t, 65_536)
  const bytes = invite()
  let addedCount = 0
  while (reader.counters.lostCount === 0) {
    inlet.add(datagram(bytes))
    inlet.publish()
    addedCount++
  }
  const observations = taken()
  assert.equal(observations.length, addedCount - 1)
  assert.equal(reader.counters.takenCount, addedCount - 1)
  const whole = observations.filter(({ rawShed }) => !rawShed)
  assert.ok(whole.length >= 32_768 / (bytes.length + 70) && whole.length < observations.length)
  const [event, shortEvent] = [observations[0]!, observations.at(-1)!].map((one) => deriveEvent(1, one))
  assert.ok(shortEvent!.raw.length < event!.raw.length)
  for (const key of ['method', 'callId', 'calledNumber', 'userAgent', 'tags', 'size'] as const) {
    assert.deepEqual(shortEvent![key], event![key], key)
  }
})

test('the largest datagram is kept, or counted as lost, whole', (t) => {
  const { inlet, reader, taken } = inletOf(t, 262_144)
  const bytes = Buffer.concat([sipRequest({ callId: 'x' }), Buffer.alloc(65_507)]).subarray(0, 65_507)
  for (let i = 0; i < 10; i++) {
    inlet.add(datagram(bytes))
    inlet.publish()
  }
  const { takenCount, lostCount } = reader.counters
  assert.equal(takenCount + lostCount, 10)
  const observations = taken()
  assert.equal(observations.length, takenCount)
  assert.deepEqual(observations[0]?.bytes, new Uint8Array(bytes))
})
