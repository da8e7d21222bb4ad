// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { RESEARCH_NETWORKS } from './_research-data.ts'
import { isResearchAgent, isResearchIp } from './research-scanners.ts'

const networks = Object.values(RESEARCH_NETWORKS).flatMap((texts) =>
  texts.split(/\s+/).map((one) => ipaddr.parseCIDR(one)),
)

/** By the library, one network after another. */
function isIn(ip: string): boolean {
  const address = ipaddr.parse(ip)
  return networks.some(([network, size]) => network.kind() === address.kind() && address.match([network, size]))
}

test('no network is wider than /20 or, of IPv6, /29, and none lies within another', () => {
  for (const [network, size] of networks) {
    assert(size >= (network.kind() === 'ipv4' ? 20 : 29), `${network}/${size}`)
    const overlaps = networks.filter(
      ([other, otherSize]) => other.kind() === network.kind() && size >= otherSize && network.match([other, otherSize]),
    )
    assert.equal(overlaps.length, 1, `${network}/${size}`)
  }
})

test('isResearchIp() is right at the edges of each network, and beside it', () => {
  for (const [network, size] of networks) {
    const bytes = network.toByteArray()
    for (const [bit, step] of [
      [size - 1, 1],
      [bytes.length * 8 - 1, 1],
      [bytes.length * 8 - 1, -1],
    ] as const) {
      const address = [...bytes]
      address[bit >> 3] = (address[bit >> 3]! + step * (1 << (7 - (bit & 7)))) & 0xff
      const ip = ipaddr.fromByteArray(address).toString()
      assert.equal(isResearchIp(ip), isIn(ip), ip)
    }
    assert(isResearchIp(network.toString()), network.toString())
  }
})

test('isResearchIp() of any address is what the library says', () => {
  const near = fc
    .tuple(fc.constantFrom(...networks), fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }), fc.nat(16))
    .map(([[network], noise, kept]) => network.toByteArray().map((byte, i) => (i < kept ? byte : noise[i]!)))
  fc.assert(
    fc.property(near, (bytes) => {
      const ip = ipaddr.fromByteArray(bytes).toString()
      assert.equal(isResearchIp(ip), isIn(ip), ip)
    }),
    { numRuns: 5000 },
  )
  assert(!isResearchIp('no address'))
})

for (const [text, is] of [
  ['Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)', true],
  ['censysINSPECT', true],
  ['Mozilla/5.0 (compatible; InternetMeasurement/1.0; +https://internet-measurement.com/)', true],
  ['Expanse, a Palo Alto Networks company, searches across the global IPv4 space', true],
  ['CensysInspec', false],
  ['friendly-scanner', false],
  ['', false],
] as const) {
  test(`isResearchAgent() of ${JSON.stringify(text)}`, () => {
    const bytes = Buffer.from(`x${text}t`)
    assert.equal(isResearchAgent(bytes, 1, bytes.length - 1), is)
  })
}
