// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Whether the bytes begin with a TLS record that holds a ClientHello (RFC 8446 §5.1, §4), or with as much of one as there is. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  if (bytes.length < 3) return false
  const isHandshake = bytes[0] === 0x16 && bytes[1] === 0x03 && bytes[2]! <= 0x04
  return isHandshake && (bytes.length < 6 || bytes[5] === 0x01)
}
