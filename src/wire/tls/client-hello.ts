// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ByteReader } from './_byte-reader.ts'

/** Bytes that a ClientHello is read from at most, records and all. Those of browsers with post-quantum keys have 2,000. */
export const CLIENT_HELLO_SIZE_MAX = 8_192

/** What a client says of itself before anything is encrypted. RFC 8446 §4.1.2. GREASE (RFC 8701) is left out. */
export type ClientHello = {
  readonly version: number // legacy_version: 0x0303 is TLS 1.2
  readonly supportedVersions: readonly number[] // empty without that extension
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly number[] // their types, in order
  readonly alpnProtocols: readonly string[] // each byte a character
  readonly signatureAlgorithms: readonly number[]
}

/**
 * What the first bytes of a connection are. `bad`: TLS by its beginning, and no ClientHello that can be read. `too-large`:
 * one that is not worth waiting for.
 */
export type ClientHelloRead =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'need-more' | 'bad' | 'too-large' | 'not-tls' }

const HANDSHAKE = 0x16
const CLIENT_HELLO = 1
const RECORD_SIZE_MAX = 16_384 // bytes of a record in the clear, RFC 8446 §5.1
const EXTENSION = { signatureAlgorithms: 0x000d, alpn: 0x0010, supportedVersions: 0x002b } as const

/** Reads the ClientHello that a connection begins with, in one record or several. Any bytes are welcome; it never throws. */
export function readClientHello(bytes: Uint8Array): ClientHelloRead {
  if (bytes.length === 0) return { kind: 'need-more' }
  if ((bytes[0]! & 0x80) !== 0) return readSslv2(bytes)
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 0x03)) return { kind: 'not-tls' }
  const message = joinRecords(bytes)
  if (message === null) return { kind: 'bad' }
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return { kind: 'bad' }
  const head = new ByteReader(message, 1)
  const size = head.number(3)
  if (size > CLIENT_HELLO_SIZE_MAX) return { kind: 'too-large' }
  if (head.isShort || message.length < 4 + size) return waitFor(bytes)
  const hello = parseBody(message.subarray(4, 4 + size))
  return hello === null ? { kind: 'bad' } : { kind: 'hello', hello }
}

/** Records may be small, so that a hello is waited for by the bytes that came. */
function waitFor({ length }: Uint8Array): ClientHelloRead {
  return { kind: length < CLIENT_HELLO_SIZE_MAX ? 'need-more' : 'too-large' }
}

/** What the handshake records hold together, as far as it is there; null when something else stands between them. */
function joinRecords(bytes: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE) return parts.length === 0 ? null : Buffer.concat(parts) // of what follows the hello
    if (bytes.length - at < 5) break
    const size = (bytes[at + 3]! << 8) | bytes[at + 4]!
    if (bytes[at + 1] !== 0x03 || size === 0 || size > RECORD_SIZE_MAX) return null
    parts.push(bytes.subarray(at + 5, at + 5 + size))
    at += 5 + size
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function parseBody(body: Uint8Array): ClientHello | null {
  const reader = new ByteReader(body)
  const version = reader.number(2)
  reader.skip(32) // random
  reader.vector(1) // session id
  const cipherSuites = numbers(reader.vector(2))
  reader.vector(1) // compression methods
  const found = new Map<number, Uint8Array>()
  const extensions: number[] = []
  const list = reader.isAtEnd ? new ByteReader(body, body.length) : new ByteReader(reader.vector(2)) // SSL 3.0 has none
  while (!list.isAtEnd && !list.isShort) {
    const type = list.number(2)
    const value = list.vector(2)
    if (list.isShort || isGrease(type)) continue
    extensions.push(type)
    if (!found.has(type)) found.set(type, value)
  }
  if (reader.isShort || list.isShort) return null
  return {
    version,
    cipherSuites,
    extensions,
    supportedVersions: numbers(new ByteReader(found.get(EXTENSION.supportedVersions)).vector(1)),
    signatureAlgorithms: numbers(new ByteReader(found.get(EXTENSION.signatureAlgorithms)).vector(2)),
    alpnProtocols: alpnProtocols(found.get(EXTENSION.alpn)),
  }
}

/** RFC 7301 §3.1. */
function alpnProtocols(value: Uint8Array | undefined): string[] {
  const reader = new ByteReader(new ByteReader(value).vector(2))
  const protocols: string[] = []
  while (!reader.isAtEnd && !reader.isShort) protocols.push(Buffer.from(reader.vector(1)).toString('latin1'))
  return protocols
}

/** The hello of SSL 2.0, which old clients of TLS send to reach servers of both. RFC 5246 appendix E.2. */
function readSslv2(bytes: Uint8Array): ClientHelloRead {
  const isHello = (bytes[2] ?? CLIENT_HELLO) === CLIENT_HELLO
  const isKnownVersion = bytes.length < 5 || bytes[3] === 0x03 || (bytes[3] === 0 && bytes[4] === 2)
  if (!isHello || !isKnownVersion) return { kind: 'not-tls' }
  const size = ((bytes[0]! & 0x7f) << 8) | (bytes[1] ?? 0)
  if (size > CLIENT_HELLO_SIZE_MAX) return { kind: 'too-large' }
  if (bytes.length < 5 || bytes.length < 2 + size) return waitFor(bytes)
  const reader = new ByteReader(bytes.subarray(0, 2 + size), 3)
  const version = reader.number(2)
  const specSize = reader.number(2)
  reader.skip(4) // sizes of session id and challenge
  const specs = new ByteReader(reader.bytes(specSize))
  const cipherSuites: number[] = []
  while (!specs.isAtEnd && !specs.isShort) {
    const spec = specs.number(3)
    if (!specs.isShort && spec <= 0xffff && !isGrease(spec)) cipherSuites.push(spec) // others are of SSL 2.0
  }
  if (reader.isShort) return { kind: 'bad' }
  const none: never[] = []
  const hello = { version, cipherSuites, extensions: none, supportedVersions: none }
  return { kind: 'hello', hello: { ...hello, alpnProtocols: none, signatureAlgorithms: none } }
}

function numbers(list: Uint8Array): number[] {
  const found: number[] = []
  for (let at = 0; at + 1 < list.length; at += 2) {
    const number = (list[at]! << 8) | list[at + 1]!
    if (!isGrease(number)) found.push(number)
  }
  return found
}

/** Values that clients sprinkle in so that servers stay used to unknown ones: 0x0a0a, 0x1a1a, … 0xfafa. RFC 8701 §2. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}
