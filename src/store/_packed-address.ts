// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, readAddress, writeAddress } from '../core/address.ts'

/** An address as the index holds it: IPv4 as a signed number of 32 bits, IPv6 as its 16 bytes. */
export type PackedAddress = number | Uint8Array

const IPV4_AT = ADDRESS_SIZE - 4
const scratch = new Uint8Array(ADDRESS_SIZE)
const view = new DataView(scratch.buffer)

/** Takes what `canonicalIp` or `readAddress` gave. Throws RangeError for any other text. */
export function packAddress(ip: string): PackedAddress {
  writeAddress(ip, scratch, 0)
  return ip.includes(':') ? scratch.slice() : view.getInt32(IPV4_AT)
}

export function unpackAddress(packed: PackedAddress): string {
  if (typeof packed !== 'number') return readAddress(packed, 0)
  return `${(packed >>> 24) & 255}.${(packed >>> 16) & 255}.${(packed >>> 8) & 255}.${packed & 255}`
}
