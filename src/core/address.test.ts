// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ADDRESS_SIZE, canonicalIp, readAddress, writeAddress } from './address.ts'

const written: [string, string | null][] = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
  ['::', '::'],
  ['192.0.2', null],
  ['0300.0.2.1', null],
  ['0x7f.1', null],
  ['256.0.0.1', null],
  ['', null],
  ['example.org', null],
  ['192.0.2.1:5060', null],
]
for (const [text, canonical] of written) {
  test(`canonicalIp() writes "${text}" as ${canonical}`, () => assert.equal(canonicalIp(text), canonical))
}

test('writeAddress() and readAddress() agree on every address', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const canonical = canonicalIp(text)
      if (canonical === null) return // fast-check also writes IPv4 inside IPv6 in ways RFC 5952 has no place for
      const bytes = new Uint8Array(ADDRESS_SIZE + 3)
      writeAddress(canonical, bytes, 3)
      assert.equal(readAddress(bytes, 3), canonical)
    }),
  )
})

test('writeAddress() refuses what is no address', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.400', 'a.b.c.d']) {
    assert.throws(() => writeAddress(text, new Uint8Array(16), 0), RangeError)
  }
})
