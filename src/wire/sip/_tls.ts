// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Whether the bytes begin with a TLS record that holds a ClientHello (RFC 8446 §5.1, §4), or with as much of one as there
 * is, or with a ClientHello as SSL 2.0 had it (RFC 5246 appendix E.2).
 */
export function looksLikeTls(bytes: Uint8Array): boolean {
  if (bytes.length < 3) return false
  if ((bytes[0]! & 0x80) !== 0) {
    const isVersion = bytes[3] === 0x03 || (bytes[3] === 0x00 && bytes[4] === 0x02)
    return bytes.length >= 11 && bytes[2] === 0x01 && isVersion
  }
  const isHandshake = bytes[0] === 0x16 && bytes[1] === 0x03 && bytes[2]! <= 0x04
  return isHandshake && (bytes.length < 6 || bytes[5] === 0x01)
}
