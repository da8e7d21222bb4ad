// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalIp } from '../core/address.ts'
import { documentationAddress } from './documentation-address.ts'
import { OwnAddresses } from './own-addresses.ts'

const DOCUMENTATION = /^(?:192\.0\.2|198\.51\.100)\.|^2001:0?db8:/

test('documentationAddress() gives distinct addresses of the length asked for, where there are any', () => {
  for (const [isIpv6, from, to] of [
    [false, 7, 15],
    [true, 2, 39],
  ] as const) {
    for (let length = from; length <= to; length++) {
      const taken = new Set<string>()
      for (let i = 0; i < 9; i++) {
        const address = documentationAddress(isIpv6, length, (other) => taken.has(other))
        assert.match(address, DOCUMENTATION)
        assert.equal(canonicalIp(address)?.includes(':'), isIpv6, address)
        const isPossible = isIpv6 ? length >= 11 : length >= 9 && length <= 14
        if (isPossible) assert.equal(address.length, length, address)
        taken.add(address)
      }
      assert.equal(new Set([...taken].map(canonicalIp)).size, 9)
    }
  }
})

const CASES: readonly [what: string, own: readonly string[], text: string, result: string][] = [
  ['an address of nine characters', ['127.0.0.1'], 'sip:100@127.0.0.1:5060', 'sip:100@192.0.2.1:5060'],
  ['the same address twice', ['203.0.113.77'], '203.0.113.77 203.0.113.77', '198.51.100.1 198.51.100.1'],
  [
    'addresses that only look alike',
    ['10.0.0.1'],
    '110.0.0.1 10.0.0.12 10.0.0.1.5 4.10.0.0.1',
    '110.0.0.1 10.0.0.12 10.0.0.1.5 4.10.0.0.1',
  ],
  ['a name that begins with it', ['10.0.0.1'], '10.0.0.1.example.com', '192.0.2.1.example.com'],
  ['an address for documentation that is there already', ['192.0.2.1'], '192.0.2.1', '192.0.2.2'],
  ['two addresses', ['10.10.0.1', '10.20.0.1'], '10.20.0.1 10.10.0.1', '192.0.2.1 192.0.2.2'],
  ['a mapped address', ['10.10.0.1'], '[::ffff:10.10.0.1] ::FFFF:0a0a:1', '[::ffff:192.0.2.1] ::ffff:192.0.2.1'],
  ['IPv6 in two spellings', ['2a00::1:2'], '[2a00::1:2] 2A00:0:0::0001:2', '[2001:db8::1] 2001:db8::1'],
  ['IPv6 of the same length', ['2a00:1450:4001::200e'], '[2a00:1450:4001::200e]:5060', '[2001:db8::1111:111:1]:5060'],
  ['IPv6 without brackets', ['2a00:1:2:3:4::5'], 'sip:2a00:1:2:3:4::5:5060;x', 'sip:2001:db8::111:1:5060;x'],
  ['IPv6 behind a colon', ['2a00:1:2:3::5'], 'received=:2a00:1:2:3::5', 'received=:2001:db8::100'],
  ['times and other things with colons', ['2a00::1'], '12:34:56 a:b:c::', '12:34:56 a:b:c::'],
  [
    'hexadecimal digits, and those in hexadecimal',
    ['127.0.0.1'],
    '7f000001 376630303030303133616434',
    'c0000201 633030303032303133616434',
  ],
]
for (const [what, own, text, result] of CASES) {
  test(`OwnAddresses.replace() of ${what}`, () => {
    const addresses = new OwnAddresses(own)
    const replaced = addresses.replace(text)
    for (const ip of own) assert(!replaced.includes(ip) || text === replaced, replaced)
    assert.equal(replaced, result)
  })
}

test('OwnAddresses tells what it replaced', () => {
  const addresses = new OwnAddresses(['203.0.113.77', '10.0.0.1'])
  addresses.replace('203.0.113.77')
  addresses.replace('x@203.0.113.77')
  assert.deepEqual(addresses.replaced, [{ from: '203.0.113.77', to: '198.51.100.1', count: 2 }])
})
