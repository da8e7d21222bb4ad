// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export const NUL = 0x00
export const HT = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const LESS = 0x3c
export const EQUALS = 0x3d
export const GREATER = 0x3e
export const BACKSLASH = 0x5c

/** 1 for the bytes of a token. RFC 3261 §25.1. */
const TOKEN = new Uint8Array(256)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") {
  TOKEN[character.charCodeAt(0)] = 1
}

export function isTokenByte(byte: number): boolean {
  return TOKEN[byte] === 1
}

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff || TOKEN[code] !== 1) return false
  }
  return text !== ''
}

/** SP or HT, the white space inside a line. */
export function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === HT
}

/** The bytes as text, one character a byte, so that none is lost. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end <= start) return ''
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('latin1', start, end)
}

/** Whether the bytes at `at` are `lower`, which is lower case ASCII, in any case. */
export function matchesAt(bytes: Uint8Array, at: number, end: number, lower: string): boolean {
  if (end - at < lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[at + i]!
    const folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (folded !== lower.charCodeAt(i)) return false
  }
  return true
}

/** Without the SP and HT around it. The language's own trim also takes the byte A0, which is half a letter in UTF-8. */
export function trimBlank(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** A decimal number of digits only, or null. Above 2^53 it is only known to be large. */
export function parseDecimal(text: string): number | null {
  let number = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return null
    number = number * 10 + digit
  }
  return text === '' ? null : number
}

/** The same on the bytes; −1 when they are none. */
export function decimalAt(bytes: Uint8Array, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return end > start ? number : -1
}
