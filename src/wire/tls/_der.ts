// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// As much of DER (ITU-T X.690) as a certificate takes.

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const head = size < 0x80 ? [tag, size] : size < 0x100 ? [tag, 0x81, size] : [tag, 0x82, size >> 8, size & 0xff]
  return Buffer.concat([Uint8Array.from(head), ...parts])
}

export const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts)
export const set = (...parts: readonly Uint8Array[]) => encode(TAG.set, ...parts)
export const octetString = (bytes: Uint8Array) => encode(TAG.octetString, bytes)
export const bitString = (bytes: Uint8Array) => encode(TAG.bitString, Uint8Array.of(0), bytes)
export const utf8String = (text: string) => encode(TAG.utf8String, Buffer.from(text))
export const yes = encode(TAG.boolean, Uint8Array.of(0xff))
/** A tag of the surrounding type's own, [n], around a value or in place of its tag. */
export const explicit = (n: number, bytes: Uint8Array) => encode(0xa0 + n, bytes)
export const implicit = (n: number, bytes: Uint8Array) => encode(0x80 + n, bytes)

/** A number of 0 or more, big endian. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const digits = bytes.subarray(start)
  return digits[0]! >= 0x80 ? encode(TAG.integer, Uint8Array.of(0), digits) : encode(TAG.integer, digits)
}

export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const digits = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
    bytes.push(...digits)
  }
  return encode(TAG.objectIdentifier, Uint8Array.from(bytes))
}

/** Of whole seconds; from 2050 on with four digits for the year. RFC 5280 §4.1.2.5. */
export function time(ms: number): Uint8Array {
  const digits = `${new Date(ms).toISOString().replace(/[-T:]/g, '').slice(0, 14)}Z`
  return Number(digits.slice(0, 4)) < 2050
    ? encode(TAG.utcTime, Buffer.from(digits.slice(2)))
    : encode(TAG.generalizedTime, Buffer.from(digits))
}
