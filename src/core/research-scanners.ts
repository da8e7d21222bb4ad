// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { RESEARCH_AGENTS, RESEARCH_NETWORKS } from './_research-data.ts'
import { ADDRESS_SIZE, packAddress } from './address.ts'

const IPV4_AT = 12 // where an IPv4 address begins in its mapped form
const BYTE_BITS = 8

type Network = { readonly address: DataView; readonly bits: number }

const networks = Object.values(RESEARCH_NETWORKS).flatMap((texts) => texts.split(/\s+/).map(networkOf))
const wideNetworks = networks.filter(({ address }) => !isMapped(address, 0))
/** The ends of each IPv4 network, in order. No two of them overlap. */
const ipv4Networks = networks
  .filter(({ address }) => isMapped(address, 0))
  .map(({ address, bits }) => ({ first: address.getUint32(IPV4_AT), count: 2 ** (ADDRESS_SIZE * BYTE_BITS - bits) }))
  .sort((a, b) => a.first - b.first)
const firsts = Uint32Array.from(ipv4Networks, ({ first }) => first)
const lasts = Uint32Array.from(ipv4Networks, ({ first, count }) => first + count - 1)

const names = RESEARCH_AGENTS.map((name) => new TextEncoder().encode(name))
const SHORTEST_NAME_SIZE = Math.min(...names.map((name) => name.length))
const begins = new Uint8Array(256) // 1 for a byte with which some name begins, in either case
for (const name of names) for (const byte of [name[0]!, name[0]! & ~0x20]) begins[byte] = 1

function networkOf(text: string): Network {
  const [ip = '', size] = text.split('/')
  const bytes = new Uint8Array(ADDRESS_SIZE)
  if (!packAddress(ip, bytes, 0)) throw new RangeError(`Cannot read the network ${text}`)
  return { address: new DataView(bytes.buffer), bits: Number(size) + (ip.includes(':') ? 0 : IPV4_AT * BYTE_BITS) }
}

/** Whether a research scanner is known to ask from the address, the 16 bytes at `at`. */
export function isResearchAddress(view: DataView, at: number): boolean {
  if (!isMapped(view, at)) return isWide(view, at)
  const address = view.getUint32(at + IPV4_AT)
  let low = 0
  let high = firsts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (firsts[middle]! <= address) low = middle + 1
    else high = middle
  }
  return low > 0 && address <= lasts[low - 1]!
}

const packed = new DataView(new ArrayBuffer(ADDRESS_SIZE))
const packedBytes = new Uint8Array(packed.buffer)

/** The same of an address as text. */
export const isResearchIp = (ip: string): boolean => packAddress(ip, packedBytes, 0) && isResearchAddress(packed, 0)

/** Whether the bytes from `start` to `end` hold the name of a research scanner, in whatever case. */
export function isResearchAgent(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at <= end - SHORTEST_NAME_SIZE; at++) {
    if (begins[bytes[at]!] === 0) continue
    for (const name of names) if (isAt(name, bytes, at, end)) return true
  }
  return false
}

function isAt(name: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < name.length) return false
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[at + i]!
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (lower !== name[i]) return false
  }
  return true
}

function isMapped(view: DataView, at: number): boolean {
  return view.getUint32(at) === 0 && view.getUint32(at + 4) === 0 && view.getUint32(at + 8) === 0xffff
}

/** IPv6 sources are few, and so are these networks. */
function isWide(view: DataView, at: number): boolean {
  for (const network of wideNetworks) if (isWithin(network, view, at)) return true
  return false
}

function isWithin({ address, bits }: Network, view: DataView, at: number): boolean {
  const byteCount = bits >> 3
  for (let i = 0; i < byteCount; i++) if (view.getUint8(at + i) !== address.getUint8(i)) return false
  const rest = bits & 7
  return rest === 0 || (view.getUint8(at + byteCount) ^ address.getUint8(byteCount)) >> (BYTE_BITS - rest) === 0
}
