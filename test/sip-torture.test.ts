// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The messages that were made to torture SIP parsers: that all are here, and that a stream may be cut anywhere in them.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { calledNumbers } from '../src/wire/sip/called-number.ts'
import { type Frame, StreamFramer } from '../src/wire/sip/framing.ts'
import { parseMessage } from '../src/wire/sip/message.ts'
import { readSipVectors, type SipVector } from './support/sip-vectors.ts'

const vectors = readSipVectors()

/** The names that the RFCs give to their messages, in the order of their sections. */
const CORPORA = {
  // Sections 3.1.1, 3.1.2, 3.2, 3.3 and 3.4
  rfc4475:
    'wsinv intmeth esc01 escnull esc02 lwsdisp longreq dblreq semiuri transports mpart01 unreason noreason ' +
    'badinv01 clerr ncl scalar02 scalarlg quotbal ltgtruri lwsruri lwsstart trws escruri baddate regbadct badaspec ' +
    'baddn badvers mismatch01 mismatch02 bigcode badbranch insuf unkscm novelsc unksm2 bext01 invut regaut01 multi01 ' +
    'mcl01 bcast zeromf cparam01 cparam02 regescrt sdp01 inv2543',
  // Sections 4.1 to 4.10
  rfc5118:
    'ipv6-good ipv6-bad port-ambiguous port-unambiguous via-received-param-with-delim via-received-param-no-delim ' +
    'ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp ipv4-mapped-ipv6 ipv6-bug-abnf-3-colons ipv6-correct-abnf-2-colons',
} as const
const COUNTS = { rfc4475: 49, rfc5118: 12 } as const

for (const rfc of ['rfc4475', 'rfc5118'] as const) {
  test(`all messages of ${rfc.toUpperCase()} are among the vectors`, () => {
    const named = CORPORA[rfc].split(' ').map((name) => `${rfc}-${name}`)
    assert.equal(named.length, COUNTS[rfc])
    const here = vectors.map(({ name }) => name).filter((name) => name.startsWith(rfc))
    assert.deepEqual(here, named.sort())
  })
}

/** The package brings the messages of RFC 4475 as somebody else took them out of it. */
test('the messages of RFC 4475 are those of the package sip, byte for byte', () => {
  const folder = join(dirname(createRequire(import.meta.url).resolve('sip')), 'test', 'messages')
  for (const { name, bytes } of vectors.filter((one) => one.name.startsWith('rfc4475-'))) {
    const file = join(folder, `${name.slice('rfc4475-'.length)}.dat`)
    assert(existsSync(file), file)
    const theirs = readFileSync(file)
    const cut = name === 'rfc4475-baddn' ? 2 : 0 // theirs has no last blank line
    assert(bytes.subarray(0, bytes.length - cut).equals(theirs), name)
  }
})

/** In RFC 5118 one message only is one that a server must refuse: it has an IPv6 address without brackets as its target. */
test('of the messages of RFC 5118 one is refused', () => {
  const bad = vectors.filter(
    ({ name, bytes }) =>
      name.startsWith('rfc5118-') && parseMessage(bytes).defects.some((one) => one.severity !== 'lenient'),
  )
  assert.deepEqual(
    bad.map(({ name }) => name),
    ['rfc5118-ipv6-bad'],
  )
})

/** What a message is known by, as far as it came. */
function evidenceOf(bytes: Uint8Array) {
  const message = parseMessage(bytes)
  const { kind, method, requestUri, status, defects } = message
  const codes = defects.map(({ code, at }) => `${code} at ${at}`)
  return { kind, method, requestUri, status, headers: message.allHeaders(), numbers: calledNumbers(message), codes }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** The same messages, pings and reason; of what cannot be framed that much is kept which had come when that was seen. */
function isSame(piece: Frame | undefined, whole: Frame | undefined): boolean {
  if (piece?.kind === 'message' && whole?.kind === 'message') return isEqual(piece.bytes, whole.bytes)
  if (piece?.kind === 'bad' && whole?.kind === 'bad') {
    return piece.reason === whole.reason && isEqual(piece.bytes, whole.bytes.subarray(0, piece.bytes.length))
  }
  return piece?.kind === whole?.kind
}

function checkSplit({ name, bytes }: SipVector, at: number, whole: readonly Frame[]): void {
  const where = `${name}, split at ${at}`
  const framer = new StreamFramer()
  const first = framer.push(bytes.subarray(0, at))
  assert(
    first.every((frame, index) => isSame(frame, whole[index])),
    where,
  )
  if (first.at(-1)?.kind !== 'bad') {
    const messages = first.flatMap((frame) => (frame.kind === 'message' ? [frame.bytes] : []))
    const kept = Buffer.concat([...messages, framer.pending]).toString('latin1')
    const came = bytes.toString('latin1', 0, at)
    assert.equal(withoutLineEnds(kept), withoutLineEnds(came), `${where}: nothing is lost`)
  }
  const frames = [...first, ...framer.push(bytes.subarray(at))]
  assert(frames.length === whole.length && frames.every((frame, index) => isSame(frame, whole[index])), where)
}

/** Line ends between messages are in no frame. */
const withoutLineEnds = (text: string): string => text.replace(/[\r\n]/g, '')

describe('a stream cut in two at any byte', () => {
  for (const vector of vectors) {
    test(`${vector.name} is framed alike, and what came first is kept`, () => {
      const { bytes } = vector
      const whole = new StreamFramer().push(bytes)
      for (let at = 0; at <= bytes.length; at++) checkSplit(vector, at, whole)
    })
  }
})

describe('a datagram cut off at any byte', () => {
  for (const { name, bytes } of vectors) {
    test(`${name} is read as far as it came`, () => {
      const whole = evidenceOf(bytes)
      const wholeCount = whole.headers.length
      for (let size = 0; size <= bytes.length; size++) {
        const { kind, headers } = evidenceOf(Uint8Array.prototype.slice.call(bytes, 0, size))
        // A start line is one as soon as it has ended; from then on nothing takes it back.
        if (kind === 'non-sip' || whole.kind === 'non-sip') continue
        assert.equal(kind, whole.kind)
        assert(headers.length <= wholeCount, `${name}, cut off at ${size}`)
        const complete = headers.slice(0, -1) // the last one may be cut, or folded into the next line
        assert.deepEqual(complete, whole.headers.slice(0, complete.length))
      }
    })
  }
})
