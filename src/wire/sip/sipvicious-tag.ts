// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What a program of SIPVicious wrote into its From-tag, so as to know its own requests again in the responses. */
export type SipviciousTag = {
  readonly kind: 'svmap' | 'svwar' | 'svcrack'
  /** The address and port it scans, the extension it asks for, or `user:password` that it tries; one character a byte. */
  readonly value: string
}

const TAG_SIZE_MAX = 512 // characters
const MARK = '\u0001'

/**
 * Reads a From-tag of SIPVicious: the hex of what it is to remember, the byte 01, and a random number of 32 bits in
 * decimal (createTag in its svhelper.py). `toUser` is the user part of To, which svwar repeats; svmap writes an address
 * as hex without its dots or colons, which looks like a number that svwar could ask for. Null for any other tag.
 */
export function decodeSipviciousTag(tag: string, toUser: string | null): SipviciousTag | null {
  if (tag.length > TAG_SIZE_MAX || tag.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(tag)) return null
  const [value, random, ...more] = Buffer.from(tag, 'hex').toString('latin1').split(MARK)
  if (!value || random === undefined || more.length > 0 || !/^[0-9]{1,10}$/.test(random)) return null
  if (value.includes(':')) return { kind: 'svcrack', value }
  if (value === toUser) return { kind: 'svwar', value }
  if (/^[0-9a-f]{12}$/.test(value)) return { kind: 'svmap', value: ipv4Target(value) }
  // An IPv6 address stays as it is: where its colons were is not to be told.
  const isTarget = /^[0-9a-f]{5,36}$/.test(value) && /[a-f]/.test(value)
  return { kind: isTarget ? 'svmap' : 'svwar', value }
}

/** Four bytes of address and two of port, in hexadecimal. */
function ipv4Target(hex: string): string {
  const at = (start: number, end: number) => Number.parseInt(hex.slice(start, end), 16)
  return `${at(0, 2)}.${at(2, 4)}.${at(4, 6)}.${at(6, 8)}:${at(8, 12)}`
}
