// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { observation } from '../../test/support/observations.ts'
import { writeAddress } from '../core/address.ts'
import { COLLECTED_METHODS, type Observation, TRANSPORTS } from '../core/event.ts'
import { BEHAVIOURS } from '../core/tags.ts'
import { SOURCE_VALIDATIONS, type SourceValidation } from '../core/validation.ts'
import {
  behaviourBits,
  copyEventHead,
  type DatagramToStore,
  datagramRecordSize,
  eventRecordSize,
  markBehaviours,
  RECORD,
  RECORD_SIZE_MAX,
  rawStartOf,
  readRecord,
  recordAt,
  recordSizeAt,
  serializeRepeat,
  writeDatagramRecord,
  writeEventRecord,
} from './record.ts'

const endpoints = fc
  .record({
    ip: fc.constantFrom('192.0.2.1', '2001:db8::7', '::1', '255.255.255.255'),
    port: fc.nat(65_535),
  })
  .map(({ ip, port }) => ({ ip, port }))
const observations = fc
  .record({
    at: fc.nat(2 ** 45),
    transport: fc.constantFrom(...TRANSPORTS),
    source: endpoints,
    destination: endpoints,
    validation: fc.constantFrom(...SOURCE_VALIDATIONS),
    collectedMethod: fc.constantFrom(...COLLECTED_METHODS),
    responses: fc.array(fc.integer({ min: 100, max: 699 }), { maxLength: 8 }),
    sentSize: fc.nat(100_000),
    bytes: fc.uint8Array({ maxLength: 2000 }),
    ja4: fc.option(fc.constant('t13d1516h2_8daaf6152771_b186095e22b6')),
  })
  .map((facts) => observation({ ...facts, size: facts.bytes.length, validation: validationOf(facts) }))

/** What came by RTP proves nothing of its source, whatever the sensor says. */
function validationOf({ transport, validation }: Pick<Observation, 'transport' | 'validation'>): SourceValidation {
  return transport === 'rtp' ? 'none' : validation
}

const behaviours = fc.subarray([...BEHAVIOURS])

test('an observation comes back from its record as it went in, wherever that lies', () => {
  fc.assert(
    fc.property(observations, fc.nat(50), fc.boolean(), behaviours, (wanted, at, rawShed, marked) => {
      const bytes = new Uint8Array(at + eventRecordSize(wanted))
      const records = new DataView(bytes.buffer)
      const size = writeEventRecord(wanted, bytes, at, rawShed)
      markBehaviours(records, at, behaviourBits(marked))
      assert.equal(recordSizeAt(bytes, at), size)
      assert.equal(recordAt(bytes, at), wanted.at)
      assert.equal(rawStartOf(records, at), at + size - wanted.bytes.length)
      const record = readRecord(bytes, at)
      assert(record.type === 'event')
      const read = { ...record.observation, bytes: new Uint8Array(record.observation.bytes) }
      assert.deepEqual(read, { ...wanted, bytes: new Uint8Array(wanted.bytes), rawShed, behaviours: marked })
    }),
  )
})

test('a shortened copy keeps all of a record but its bytes', () => {
  fc.assert(
    fc.property(observations, behaviours, fc.uint8Array({ maxLength: 20 }), (wanted, marked, short) => {
      const bytes = new Uint8Array(eventRecordSize(wanted))
      writeEventRecord(wanted, bytes, 0)
      markBehaviours(new DataView(bytes.buffer), 0, behaviourBits(marked))
      const copy = new Uint8Array(RECORD_SIZE_MAX)
      const rawStart = copyEventHead(new DataView(bytes.buffer), 0, new DataView(copy.buffer), 7, short.length)
      copy.set(short, rawStart)
      const record = readRecord(copy, 7)
      assert(record.type === 'event')
      const read = { ...record.observation, bytes: new Uint8Array(record.observation.bytes) }
      assert.deepEqual(read, { ...wanted, bytes: short, rawShed: true, behaviours: marked })
    }),
  )
})

test('a record of the version before, without the newer flags, is read as it was', () => {
  const bytes = observation().bytes
  const old = Buffer.alloc(63 + bytes.length)
  old.writeUInt32LE(old.length, 0)
  old[4] = RECORD.event
  old[7] = 1
  old.writeDoubleLE(1_795_456_800_000, 8)
  old.writeUInt32LE(bytes.length, 52)
  old[60] = 1
  old.writeUInt16LE(200, 61)
  old.set(bytes, 63)
  const record = readRecord(old, 0)
  assert(record.type === 'event')
  const { responses, collectedMethod, ja4, behaviours: marked } = record.observation
  assert.deepEqual([responses, collectedMethod, ja4, marked], [[200], 'responsive', null, []])
  assert.deepEqual(Buffer.from(record.observation.bytes), Buffer.from(bytes))
})

test('the record of a datagram is that of the same observation', () => {
  const datagrams = fc.record({
    wanted: observations,
    validation: fc.constantFrom(undefined, 0, 1),
    statuses: fc.array(fc.integer({ min: 100, max: 699 }), { maxLength: 12 }),
  })
  fc.assert(
    fc.property(datagrams, ({ wanted, validation, statuses }) => {
      const bytes = Buffer.from(wanted.bytes)
      const packed = ({ ip }: { ip: string }) => {
        const address = new Uint8Array(16)
        writeAddress(ip, address, 0)
        return address
      }
      const datagram: DatagramToStore = {
        at: wanted.at,
        bytes,
        start: 0,
        end: bytes.length,
        source: { address: packed(wanted.source), port: wanted.source.port },
        target: { address: packed(wanted.destination), endpoint: wanted.destination },
        isPassive: wanted.collectedMethod === 'passive',
        status: statuses[0] ?? 0,
        sentSize: wanted.sentSize,
        ...(validation === undefined ? {} : { validation }),
        ...(statuses.length > 1 ? { moreStatuses: statuses.slice(1) } : {}),
      }
      const same = observation({
        ...wanted,
        transport: 'udp',
        validation: validation === 1 ? 'echo' : 'none',
        responses: statuses,
        ja4: null,
      })
      const written = Buffer.alloc(datagramRecordSize(datagram))
      writeDatagramRecord(datagram, written, new DataView(written.buffer, written.byteOffset, written.length), 0)
      const expected = new Uint8Array(eventRecordSize(same))
      writeEventRecord(same, expected, 0)
      assert.deepEqual(written, Buffer.from(expected))
    }),
  )
})

test('a repeat comes back from its record as it went in', () => {
  const repeat = { at: 1_795_456_800_123, repeatOf: 1_795_456_800_000_007, sentSize: 512 }
  assert.deepEqual(readRecord(serializeRepeat(repeat), 0), { type: 'repeat', repeat })
})

test('what is too large for a record is cut, and the size received still told', () => {
  const wanted = observation({ bytes: new Uint8Array(70_000), size: 70_000, responses: Array(20).fill(200) })
  const bytes = new Uint8Array(eventRecordSize(wanted))
  writeEventRecord(wanted, bytes, 0)
  const record = readRecord(bytes, 0)
  assert(record.type === 'event')
  assert.equal(record.observation.bytes.length, 65_536)
  assert.equal(record.observation.size, 70_000)
  assert.equal(record.observation.responses.length, 8)
})

test('readRecord() names a type that it does not know', () => {
  const bytes = serializeRepeat({ at: 1, repeatOf: 2, sentSize: 3 })
  bytes[4] = 9
  assert.throws(() => readRecord(bytes, 0), /type 9 is unknown/)
})
