// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createFakeStore } from '../../test/support/fake-store.ts'
import { canonicalIp } from '../core/address.ts'
import { findNumber, isDialled, parseIp, parseNumber, parseTime, readIp } from './query.ts'

const NOW = Date.UTC(2026, 10, 23, 12)

test('parseTime() reads RFC 3339 and how long ago', () => {
  const times: Record<string, number> = {
    '2026-11-23T12:00:00Z': NOW,
    '2026-11-23t12:00:00.000z': NOW,
    '2026-11-23T13:00:00+01:00': NOW,
    '2026-11-23T13:00:00 01:00': NOW, // what is left of an unescaped +
    '2026-11-23T11:59:59.999999Z': NOW - 1,
    '30s': NOW - 30_000,
    '15m': NOW - 900_000,
    '2h': NOW - 7_200_000,
    '7d': NOW - 604_800_000,
  }
  for (const [text, at] of Object.entries(times)) assert.equal(parseTime(text, 'since', NOW), at, text)
  assert.equal(parseTime(undefined, 'since', NOW), undefined)
})

test('parseTime() refuses the rest, by name', () => {
  for (const text of [
    '',
    'yesterday',
    '2026-11-23',
    '2026-02-30T00:00:00Z',
    '2026-11-23T25:00:00Z',
    '7w',
    '-1h',
    '1e3s',
  ]) {
    assert.throws(() => parseTime(text, 'until', NOW), { code: 'INVALID_PARAMETER', parameter: 'until' }, text)
  }
})

test('parseIp() canonicalises, and refuses ranges and what only some read as an address', () => {
  assert.equal(parseIp('192.0.2.1'), '192.0.2.1')
  assert.equal(parseIp('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(parseIp('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  for (const text of ['', '192.0.2.0/24', '127.1', '0x7f000001', '192.0.2.01', 'host', '$(id)']) {
    assert.throws(() => parseIp(text), { code: 'INVALID_ADDRESS' }, text)
  }
})

test('readIp() reads what canonicalIp() reads', () => {
  const octet = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '01', '0x1', '1e1', ' 1', '-1'))
  const quad = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'))
  const text = fc.oneof(
    quad,
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `::ffff:${ip}`),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (given) => assert.equal(readIp(given), canonicalIp(given))),
    { numRuns: 2000 },
  )
})

test('parseNumber() takes what can be dialled', () => {
  for (const text of ['100', '+442081234567', '*31#0044', '00(44)20-8123.4567', '+44 20 8123 4567']) {
    assert.equal(parseNumber(text), text)
  }
  assert.equal(parseNumber(' 442081234567'), '+442081234567')
  for (const text of ['', '+', 'nm', '100;x=y', '1'.repeat(257), '<script>']) {
    assert.throws(() => parseNumber(text), { code: 'INVALID_NUMBER' }, text)
  }
  assert.equal(isDialled(`${'+'.repeat(200)}x`), false)
})

test('findNumber() finds a number by every form', () => {
  const store = createFakeStore()
  const dialled = [{ raw: '900442081234567', count: 2, lastSeenAt: NOW }]
  const found = store.putIndicator({ kind: 'phone-number', value: '+442081234567', dialled })
  const extension = store.putIndicator({ kind: 'phone-number', value: '1000' })
  for (const form of ['+442081234567', '442081234567', '900442081234567', '00442081234567', '+44 20 8123 4567']) {
    assert.equal(findNumber(store.indicators, form), found, form)
  }
  assert.equal(findNumber(store.indicators, '+1000'), extension)
  assert.equal(findNumber(store.indicators, '+442081234568'), undefined)
})
