// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, readAddress, writeAddress } from '../core/address.ts'

/** An address as the index holds it: IPv4 as a signed number of 32 bits, IPv6 as its 16 bytes. */
export type PackedAddress = number | Uint8Array

/** Takes what `canonicalIp` or `readAddress` gave. Throws RangeError for any other text. */
export function packAddress(ip: string): PackedAddress {
  const ipv4 = packIpv4(ip)
  if (ipv4 !== null) return ipv4
  const bytes = new Uint8Array(ADDRESS_SIZE)
  writeAddress(ip, bytes, 0)
  return bytes
}

/** Null for what is no dotted quad. */
export function packIpv4(ip: string): number | null {
  let packed = 0
  let octet = -1
  let count = 0
  for (let i = 0; i <= ip.length; i++) {
    const code = i === ip.length ? DOT : ip.charCodeAt(i)
    if (code === DOT) {
      if (octet < 0 || octet > 255) return null
      packed = (packed << 8) | octet
      octet = -1
      count++
    } else if (code >= ZERO && code <= NINE) octet = (octet < 0 ? 0 : octet * 10) + code - ZERO
    else return null
  }
  return count === 4 ? packed : null
}

const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39

export function unpackAddress(packed: PackedAddress): string {
  if (typeof packed !== 'number') return readAddress(packed, 0)
  return `${(packed >>> 24) & 255}.${(packed >>> 16) & 255}.${(packed >>> 8) & 255}.${packed & 255}`
}
