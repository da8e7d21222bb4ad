// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// ClientHellos of TLS: those of real programs, and what builds others.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientHello } from '../../src/wire/tls/client-hello.ts'

const DIR = join(import.meta.dirname, '../vectors/tls')

/** Of real programs, with the JA4 fingerprint of each. */
export const TLS_VECTORS = Object.entries<string>(JSON.parse(readFileSync(join(DIR, 'ja4.json'), 'utf8'))).map(
  ([name, expected]) => ({
    name,
    expected,
    bytes: Buffer.from(readFileSync(join(DIR, `${name}.hex`), 'utf8').replaceAll('\n', ''), 'hex'),
  }),
)

/** The bytes after their size in 16 bits. */
export function vector16(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

const vector8 = (bytes: Uint8Array) => Buffer.concat([Buffer.from([bytes.length]), bytes])
const numbers = (list: readonly number[]) => Buffer.from(list.flatMap((value) => [value >> 8, value & 0xff]))

/** A ClientHello in one record, of TLS 1.2 by its legacy version. */
export function clientHello(hello: Omit<ClientHello, 'version'>): Buffer {
  const values: Record<number, Buffer> = {
    0: vector16(Buffer.concat([Buffer.from([0]), vector16(Buffer.from('pbx.example.org'))])),
    13: vector16(numbers(hello.signatureAlgorithms)),
    16: vector16(Buffer.concat(hello.alpnProtocols.map((name) => vector8(Buffer.from(name))))),
    43: vector8(numbers(hello.supportedVersions)),
  }
  const extensions = hello.extensions.map((type) =>
    Buffer.concat([numbers([type]), vector16(values[type] ?? Buffer.alloc(0))]),
  )
  const body = Buffer.concat([
    ...[
      numbers([0x0303]),
      Buffer.alloc(32, 0x52),
      vector8(Buffer.alloc(32, 0x53)),
      vector16(numbers(hello.cipherSuites)),
    ],
    ...[vector8(Buffer.from([0])), vector16(Buffer.concat(extensions))],
  ])
  return inRecords(Buffer.concat([Buffer.from([1, 0]), vector16(body)]), 16_384)
}

/** A handshake message in records of so many bytes. */
export function inRecords(message: Uint8Array, size: number): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    records.push(Buffer.from('160301', 'hex'), vector16(message.subarray(at, at + size)))
  }
  return Buffer.concat(records)
}
