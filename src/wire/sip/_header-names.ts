// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { matchesAt } from './_bytes.ts'

/**
 * Header names that get a number while a message is scanned, so that looking one up compares numbers. The second word
 * is the compact form: those of RFC 3261 §7.3.3, and those that extensions registered.
 */
const NAMES = [
  'via v',
  'from f',
  'to t',
  'call-id i',
  'cseq',
  'contact m',
  'content-length l',
  'content-type c',
  'max-forwards',
  'user-agent',
  'server',
  'route',
  'record-route',
  'expires',
  'date',
  'require',
  'proxy-require',
  'authorization',
  'proxy-authorization',
  'www-authenticate',
  'proxy-authenticate',
  'allow',
  'accept',
  'supported k',
  'unsupported',
  'subject s',
  'content-encoding e',
  'event o', // RFC 6665
  'allow-events u', // RFC 6665
  'refer-to r', // RFC 3515
  'referred-by b', // RFC 3892
  'accept-contact a', // RFC 3841
  'reject-contact j', // RFC 3841
  'request-disposition d', // RFC 3841
  'session-expires x', // RFC 4028
  'identity y', // RFC 8224
  'identity-info n', // RFC 4474
  'diversion',
  'p-asserted-identity',
  'p-preferred-identity',
  'p-called-party-id',
  'remote-party-id',
  'reason',
] as const

/** The number of every name that is not in the table. */
export const UNKNOWN = 0
/** One more than the largest number. */
export const ID_COUNT = NAMES.length + 1

type Spelling = { readonly lower: string; readonly key: number; readonly id: number }

const SLOT_COUNT = 512 // a power of 2, several times the spellings
const slots: (Spelling | undefined)[] = new Array(SLOT_COUNT).fill(undefined)
const ids = new Map<string, number>()
const compactForms = new Map<string, string>()

for (const [index, names] of NAMES.entries()) {
  const [long, short] = names.split(' ')
  if (short !== undefined) compactForms.set(long!, short)
  for (const lower of names.split(' ')) {
    ids.set(lower, index + 1)
    const key = nameKey(lower.length, lower.charCodeAt(0), lower.charCodeAt(lower.length - 1))
    let slot = slotOf(key)
    while (slots[slot] !== undefined) slot = (slot + 1) % SLOT_COUNT
    slots[slot] = { lower, key, id: index + 1 }
  }
}

/** Size, first and last letter in one number: the same for every spelling of a name, shared by few names. */
function nameKey(size: number, first: number, last: number): number {
  return (size & 0xff) | ((first | 0x20) << 8) | ((last | 0x20) << 16)
}

function slotOf(key: number): number {
  return (key ^ (key >> 7) ^ (key >> 13)) & (SLOT_COUNT - 1)
}

/** The number of the name in the bytes, in whatever case and form. */
export function nameIdAt(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return UNKNOWN
  const key = nameKey(end - start, bytes[start]!, bytes[end - 1]!)
  for (let slot = slotOf(key); ; slot = (slot + 1) & (SLOT_COUNT - 1)) {
    const spelling = slots[slot]
    if (spelling === undefined) return UNKNOWN
    if (spelling.key !== key || spelling.lower.length !== end - start) continue
    if (matchesAt(bytes, start, end, spelling.lower)) return spelling.id
  }
}

/** The number of a name, canonical or compact, in lower case. */
export function nameId(lower: string): number {
  return ids.get(lower) ?? UNKNOWN
}

/** The compact form of a canonical name in any case, or the name itself when it has none. */
export function compactName(name: string): string {
  return compactForms.get(name.toLowerCase()) ?? name
}
