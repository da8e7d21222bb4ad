// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../test/support/sip-mutator.ts'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { type Frame, StreamFramer } from './framing.ts'

const MESSAGE = 'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nContent-Length: 4\r\n\r\nbody'
const words = (frames: readonly Frame[]) =>
  frames.map((frame) => (frame.kind === 'bad' ? `bad ${frame.reason}` : frame.kind))
const frame = (text: string) => new StreamFramer().push(Buffer.from(text, 'latin1'))

/** Frames of the bytes pushed in pieces of those sizes, the last one again and again. */
function pushInPieces(bytes: Buffer, sizes: Iterable<number>): { frames: Frame[]; framer: StreamFramer } {
  const framer = new StreamFramer()
  const frames: Frame[] = []
  let at = 0
  for (const size of sizes) {
    frames.push(...framer.push(bytes.subarray(at, at + size)))
    at += size
    if (at >= bytes.length) break
  }
  return { frames, framer }
}

function* sizesBelow(limit: number, seed: number): Generator<number> {
  const random = seededRandom(seed)
  for (;;) yield 1 + random.below(limit)
}

function* always(size: number): Generator<number> {
  for (;;) yield size
}

/** The same messages, pings and reason; of what could not be framed, less when it came in pieces. */
function assertSameFrames(pieces: readonly Frame[], whole: readonly Frame[]): void {
  assert.deepEqual(words(pieces), words(whole))
  for (const [index, one] of whole.entries()) {
    const other = pieces[index]!
    if (one.kind === 'message' && other.kind === 'message') assert.deepEqual(other.bytes, one.bytes)
    if (one.kind === 'bad' && other.kind === 'bad') {
      assert.deepEqual(other.bytes, one.bytes.subarray(0, other.bytes.length))
    }
  }
}

for (const { name, bytes, expected } of readSipVectors()) {
  test(`StreamFramer cuts ${name} the same way however it is split`, () => {
    const whole = new StreamFramer().push(bytes)
    assert.deepEqual(words(whole), expected.frames)
    assertSameFrames(pushInPieces(bytes, always(1)).frames, whole)
    for (let seed = 1; seed <= 20; seed++) assertSameFrames(pushInPieces(bytes, sizesBelow(40, seed)).frames, whole)
    const long = Buffer.concat([Buffer.from(`${MESSAGE}\r\n\r\n${MESSAGE}\r\n`), bytes])
    assert.deepEqual(words(new StreamFramer().push(long)).slice(0, 3), ['message', 'ping', 'message'])
    assertSameFrames(pushInPieces(long, always(1)).frames, new StreamFramer().push(long))
  })
}

test('StreamFramer splits two messages at every byte', () => {
  const bytes = Buffer.from(`${MESSAGE}\r\n\r\n${MESSAGE}`)
  for (let at = 0; at <= bytes.length; at++) {
    const framer = new StreamFramer()
    const frames = [...framer.push(bytes.subarray(0, at)), ...framer.push(bytes.subarray(at))]
    assert.deepEqual(words(frames), ['message', 'ping', 'message'])
    assert.equal(framer.pendingSize, 0)
  }
})

test('StreamFramer frames hold copies that a later push does not touch', () => {
  const framer = new StreamFramer()
  const bytes = Buffer.from(MESSAGE)
  const [first] = framer.push(bytes)
  bytes.fill(0)
  framer.push(Buffer.from(MESSAGE.replaceAll('a', 'z')))
  assert(first?.kind === 'message')
  assert.equal(Buffer.from(first.bytes).toString(), MESSAGE)
})

test('StreamFramer answers pings and ignores lone line ends', () => {
  assert.deepEqual(words(frame('\r\n')), [])
  assert.deepEqual(words(frame('\r\n\r\n')), ['ping'])
  assert.deepEqual(words(frame('\r\n\r\n\r\n')), ['ping'])
  assert.deepEqual(words(frame('\r\n\r\n\r\n\r\n')), ['ping', 'ping'])
  assert.deepEqual(words(frame(`\r\n${MESSAGE}\r\n${MESSAGE}\r\n`)), ['message', 'message'])
  assert.deepEqual(words(frame(`\n\n${MESSAGE}`)), ['message'])
})

test('StreamFramer keeps what is not complete as pending', () => {
  const framer = new StreamFramer()
  framer.push(Buffer.from(`${MESSAGE}OPTIONS`))
  assert.equal(framer.pendingSize, 7)
  assert.equal(Buffer.from(framer.pending).toString(), 'OPTIONS')
})

for (const [about, text, expected] of [
  ['HTTP', 'GET / HTTP/1.1\r\n', ['bad not-sip']],
  ['HTTP without a line end so far', 'GET / HTTP/1.1', []],
  ['a first byte that begins nothing', '\x80', ['bad not-sip']],
  ['a control byte in the first word', 'OPT\x01', ['bad not-sip']],
  ['a CR without LF first', '\rO', ['bad not-sip']],
  ['white space first', ' OPTIONS', ['bad not-sip']],
  ['a word that is too long', 'A'.repeat(200), ['bad not-sip']],
  ['a line that is too long', `OPTIONS ${'a'.repeat(8_200)}`, ['bad headers-too-large']],
  ['headers that are too large', `OPTIONS sip:a SIP/2.0\r\n${'X: y\r\n'.repeat(6_000)}`, ['bad headers-too-large']],
  ['a body that is too large', 'OPTIONS sip:a SIP/2.0\r\nl:65535\r\n\r\n', ['message', 'bad message-too-large']],
  ['a body that fits', 'OPTIONS sip:a SIP/2.0\r\nl:65400\r\n\r\n', []],
  ['TLS', '\x16\x03\x01\x00\x05\x01', ['bad tls']],
  ['TLS so far', '\x16\x03\x01\x00\x05', []],
  ['a TLS record that is no ClientHello', '\x16\x03\x01\x00\x05\x02', ['bad not-sip']],
  ['two bytes that might be TLS', '\x16\x03', []],
  ['0x16 and something else', '\x16\x04', ['bad not-sip']],
  ['no Content-Length', 'OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\nrest', ['message', 'bad content-length-missing']],
] as const) {
  test(`StreamFramer meets ${about}`, () => {
    const bytes = Buffer.from(text, 'latin1')
    const whole = frame(text)
    assert.deepEqual(words(whole), expected)
    assertSameFrames(pushInPieces(bytes, always(1)).frames, whole)
    const last = whole.at(-1)
    if (last?.kind === 'bad') assert(last.bytes.length > 0 || whole.length > 1, 'the bytes are kept')
  })
}

test('StreamFramer is deaf after a bad frame', () => {
  const framer = new StreamFramer()
  assert.deepEqual(words(framer.push(Buffer.from(`GET / HTTP/1.1\r\n${MESSAGE}`))), ['bad not-sip'])
  assert.deepEqual(framer.push(Buffer.from(MESSAGE)), [])
  assert.equal(framer.pendingSize, 0)
})

test('StreamFramer holds no more than its bound, whatever is pushed', () => {
  const framer = new StreamFramer({ bufferSize: 500 })
  const head = Buffer.from('OPTIONS sip:a SIP/2.0\r\nX: ')
  assert.deepEqual(words(framer.push(Buffer.concat([head, Buffer.alloc(5_000, 'y')]))), ['bad message-too-large'])
  assert.equal(framer.pendingSize, 0)
  const many = Buffer.from(MESSAGE.repeat(5_000))
  assert.equal(new StreamFramer({ bufferSize: 500 }).push(many).length, 5_000)
})

test('StreamFramer takes a large message in small pieces without moving it again and again', () => {
  const body = 'b'.repeat(60_000)
  const bytes = Buffer.from(`OPTIONS sip:a SIP/2.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  const { frames, framer } = pushInPieces(Buffer.concat([bytes, bytes, bytes]), always(7))
  assert.deepEqual(words(frames), ['message', 'message', 'message'])
  for (const one of frames) assert(one.kind === 'message' && bytes.equals(one.bytes))
  assert(framer.movedSize <= 4 * 3 * bytes.length, `moved ${framer.movedSize} bytes`)
})
