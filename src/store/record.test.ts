// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { observation } from '../../test/support/observations.ts'
import { COLLECTED_METHODS, TRANSPORTS } from '../core/event.ts'
import { SOURCE_VALIDATIONS } from '../core/validation.ts'
import { eventRecordSize, readRecord, recordAt, recordSizeAt, serializeRepeat, writeEventRecord } from './record.ts'

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
  })
  .map((facts) => observation({ ...facts, size: facts.bytes.length }))

test('an observation comes back from its record as it went in, wherever that lies', () => {
  fc.assert(
    fc.property(observations, fc.nat(50), fc.boolean(), (wanted, at, rawShed) => {
      const bytes = new Uint8Array(at + eventRecordSize(wanted))
      const size = writeEventRecord(wanted, bytes, at, rawShed)
      assert.equal(recordSizeAt(bytes, at), size)
      assert.equal(recordAt(bytes, at), wanted.at)
      const record = readRecord(bytes, at)
      assert(record.type === 'event')
      const read = { ...record.observation, bytes: new Uint8Array(record.observation.bytes) }
      assert.deepEqual(read, { ...wanted, bytes: new Uint8Array(wanted.bytes), rawShed })
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
