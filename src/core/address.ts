// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import ipaddr from 'ipaddr.js'

/** An IPv4 address takes the IPv4-mapped form ::ffff:a.b.c.d. */
export const ADDRESS_SIZE = 16

/**
 * The one way an address is written here: dotted quad for IPv4 and IPv4-mapped, RFC 5952 for IPv6, no zone.
 * Null when the text is no address; octal, hexadecimal and shortened IPv4 are none, since readers disagree on them.
 */
export function canonicalIp(text: string): string | null {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const zoneAt = bare.indexOf('%')
  const address = zoneAt === -1 ? bare : bare.slice(0, zoneAt)
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return address
  if (!ipaddr.IPv6.isValid(address)) return null
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String()
}

/** Writes the 16 bytes of an address that `canonicalIp` gave. Throws RangeError for any other text. */
export function writeAddress(text: string, target: Uint8Array, at: number): void {
  if (!packAddress(text, target, at)) throw new RangeError(`Cannot write the address: "${text}" is none`)
}

/** The same for a text that may be anything: false when it is no address. */
export function packAddress(text: string, target: Uint8Array, at: number): boolean {
  target.fill(0, at, at + ADDRESS_SIZE)
  if (writeIpv4(text, target, at)) return true
  if (!ipaddr.IPv6.isValid(text)) return false
  target.set(ipaddr.IPv6.parse(text).toByteArray(), at)
  return true
}

function writeIpv4(text: string, target: Uint8Array, at: number): boolean {
  let octet = -1
  let count = 0
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i)
    if (code === 0x2e) {
      if (octet < 0 || octet > 255 || count === 4) return false
      target[at + 12 + count++] = octet
      octet = -1
    } else if (code >= 0x30 && code <= 0x39) octet = (octet < 0 ? 0 : octet * 10) + code - 0x30
    else return false
  }
  if (count !== 4) return false
  target[at + 10] = 0xff
  target[at + 11] = 0xff
  return true
}

/** The text of 16 bytes, in canonical form. */
export function readAddress(source: Uint8Array, at: number): string {
  let mapped = source[at + 10] === 0xff && source[at + 11] === 0xff
  for (let i = 0; mapped && i < 10; i++) mapped = source[at + i] === 0
  if (mapped) return `${source[at + 12]}.${source[at + 13]}.${source[at + 14]}.${source[at + 15]}`
  return new ipaddr.IPv6(Array.from(source.subarray(at, at + ADDRESS_SIZE))).toRFC5952String()
}
