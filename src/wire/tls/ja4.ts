// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ClientHello } from './client-hello.ts'

const VERSIONS: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
}
const SERVER_NAME = 0x0000
const ALPN = 0x0010
const NO_HASH = '000000000000' // stands for a list that is empty

/**
 * The JA4 fingerprint of a client of TLS over TCP, written from its public description (FoxIO; JA4 itself is under the
 * BSD licence, unlike its relatives): what it offers, in an order that does not depend on the client's.
 * `sha256` gives the digest of a text as hexadecimal digits.
 */
export function ja4(hello: ClientHello, sha256: (text: string) => string): string {
  const { cipherSuites, extensions, signatureAlgorithms, supportedVersions } = hello
  const version = VERSIONS[Math.max(...supportedVersions, 0) || hello.version] ?? '00'
  const serverName = extensions.includes(SERVER_NAME) ? 'd' : 'i'
  const start = `t${version}${serverName}${count(cipherSuites)}${count(extensions)}${alpnMark(hello.alpnProtocols[0])}`
  const hash = (text: string) => (text === '' ? NO_HASH : sha256(text).slice(0, 12))
  const sorted = hexList(extensions.filter((type) => type !== SERVER_NAME && type !== ALPN)).sort()
  const algorithms = hexList(signatureAlgorithms)
  const offered =
    extensions.length === 0 ? '' : [sorted.join(), ...(algorithms.length > 0 ? [algorithms.join()] : [])].join('_')
  return `${start}_${hash(hexList(cipherSuites).sort().join())}_${hash(offered)}`
}

function count(list: readonly number[]): string {
  return String(Math.min(list.length, 99)).padStart(2, '0')
}

/** First and last character of the first protocol; of its hexadecimal digits where one of them is no letter or digit. */
function alpnMark(protocol = ''): string {
  if (protocol === '') return '00'
  const isPlain = /^[0-9A-Za-z](.*[0-9A-Za-z])?$/s.test(protocol)
  const text = isPlain ? protocol : Buffer.from(protocol, 'latin1').toString('hex')
  return text[0]! + text.at(-1)!
}

function hexList(list: readonly number[]): string[] {
  return list.map((value) => value.toString(16).padStart(4, '0'))
}
