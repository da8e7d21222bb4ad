// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Header names that get a number while scanning, so that looking one up compares integers.
 * Second words are the compact forms of RFC 3261 §7.3.3 and of the extensions that registered one.
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
  'route',
  'record-route',
  'expires',
  'require',
  'proxy-require',
  'authorization',
  'proxy-authorization',
  'date',
  'supported k',
  'content-encoding e',
  'subject s',
  'event o',
  'allow-events u',
  'refer-to r',
  'referred-by b',
  'accept-contact a',
  'reject-contact j',
  'request-disposition d',
  'session-expires x',
  'identity y',
  'identity-info n',
  'allow',
  'accept',
  'accept-encoding',
  'accept-language',
  'server',
  'www-authenticate',
  'proxy-authenticate',
  'organization',
  'warning',
  'retry-after',
  'diversion',
  'p-asserted-identity',
  'p-preferred-identity',
  'p-called-party-id',
  'remote-party-id',
  'mime-version',
  'content-disposition',
  'content-language',
  'unsupported',
  'reason',
  'timestamp',
  'min-expires',
  'min-se',
  'replaces',
  'privacy',
  'path',
] as const

/** Number of a name that is not in the table. */
export const UNKNOWN = 0

type Entry = { readonly name: string; readonly id: number; readonly hash: number }

const ENTRIES: Entry[] = []
const IDS = new Map<string, number>()
for (const [index, names] of NAMES.entries()) {
  for (const name of names.split(' ')) {
    ENTRIES.push({ name, id: index + 1, hash: hashOf(name) })
    IDS.set(name, index + 1)
  }
}

const SLOT_COUNT = 1024
const SLOTS = new Int16Array(SLOT_COUNT).fill(-1)
for (const [index, entry] of ENTRIES.entries()) {
  let slot = slotOf(entry.hash)
  while (SLOTS[slot] !== -1) slot = (slot + 1) & (SLOT_COUNT - 1)
  SLOTS[slot] = index
}

/** One step of the hash of a name; the scanner takes it byte by byte. Case is folded by setting the bit that letters differ in. */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + (byte | 0x20)) | 0
}

function hashOf(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = hashStep(hash, name.charCodeAt(i))
  return hash
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 10)) & (SLOT_COUNT - 1)
}

/** The number of a name in the bytes, given its hash. A collision, made or met, is found by comparing. */
export function idOfBytes(bytes: Uint8Array, start: number, end: number, hash: number): number {
  for (let slot = slotOf(hash); SLOTS[slot] !== -1; slot = (slot + 1) & (SLOT_COUNT - 1)) {
    const entry = ENTRIES[SLOTS[slot]!]!
    if (entry.hash === hash && equalsLower(bytes, start, end, entry.name)) return entry.id
  }
  return UNKNOWN
}

/** The number of a name, canonical or compact, in lower case. */
export function idOfName(name: string): number {
  return IDS.get(name) ?? UNKNOWN
}

/** Whether the bytes are that lower case name, in any case. */
export function equalsLower(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i]!
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== lower.charCodeAt(i)) return false
  }
  return true
}
