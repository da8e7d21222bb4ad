// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deliver, observationOf } from '../../test/support/datagrams.ts'
import { invite, request, SCANNERS } from '../../test/support/sip-samples.ts'
import { startDevice } from '../../test/support/uas.ts'
import type { Observation } from '../core/event.ts'
import { Boundary, type BoundaryDeps, type StreamPeer } from './boundary.ts'
import { ReplyGuard } from './reply-guard.ts'
import { ReplyLimiter } from './reply-limit.ts'
import { DatagramTarget } from './udp/datagram.ts'
import { Datagrams } from './udp/datagrams.ts'
import { QuickAnswers } from './udp/quick-answers.ts'
import { FixedTexts } from './udp/reply-draft.ts'

const LOCAL = { ip: '203.0.113.5', port: 5060 }
const PEER: StreamPeer = { transport: 'tcp', source: { ip: '198.51.100.7', port: 40_000 }, destination: LOCAL }
const CLOSED = { send: () => false }
const RATES = { source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: false }

type Deps = BoundaryDeps & { readonly limiter: ReplyLimiter }

function setUp(change: Partial<Deps> = {}, { isPassive = false, neverReply = [] as string[] } = {}) {
  const observations: Observation[] = []
  const logged: string[] = []
  const log = (_: object, text: string) => void logged.push(text)
  const now = () => 1_790_000_000_000
  const observe = (observation: Observation) =>
    void observations.push({ ...observation, bytes: Uint8Array.from(observation.bytes) })
  const device = startDevice()
  const { responder, counters } = device
  const deps: Deps = {
    now,
    observe,
    log: { info: log, warn: log, error: log },
    counters,
    guard: new ReplyGuard(neverReply, {
      now,
      ownAddresses: () => ['203.0.113.5'],
      isOwnPort: (port) => port === 5060,
    }),
    limiter: new ReplyLimiter(RATES),
    server: device.server,
    responderAt: () => responder,
    ...change,
  }
  const boundary = new Boundary({ isPassive }, deps)
  const texts = new FixedTexts()
  const quick = new QuickAnswers({ responder, texts })
  const fixed = texts.take()
  const datagrams = new Datagrams(
    { isPassive },
    {
      ...deps,
      observe: (datagram) => deps.observe(observationOf(datagram)),
      bug: (bytes, error) => boundary.bug(bytes, error),
      memory: device.memory,
      deviceAt: () => ({ responder, quick }),
    },
  )
  const target = new DatagramTarget(LOCAL)
  const send = (bytes: Uint8Array, ip = '198.51.100.7', port = 5060, how = {}) =>
    deliver(datagrams.handle, fixed, { bytes: Buffer.from(bytes), ip, port, target }, how)
  const stream = (message: Uint8Array) => {
    const replies: Uint8Array[] = []
    const packet = { message, evidence: message, size: message.length, oversize: false }
    boundary.stream(PEER, packet, { push: (reply) => replies.push(reply) > 0, path: CLOSED })
    return replies
  }
  return { boundary, datagrams, fixed, target, counters, observations, logged, send, stream }
}

test('a datagram is answered and recorded as it was', () => {
  const { send, observations, counters } = setUp()
  const bytes = request()
  const [reply, ...more] = send(bytes)
  assert.equal(more.length, 0)
  assert.deepEqual(observations, [
    {
      at: 1_790_000_000_000,
      transport: 'udp',
      source: { ip: '198.51.100.7', port: 5060 },
      destination: LOCAL,
      validation: 'none',
      collectedMethod: 'responsive',
      responses: [200],
      sentSize: reply?.length,
      bytes: new Uint8Array(bytes),
      size: bytes.length,
    },
  ])
  assert.deepEqual([counters.receivedCount, counters.repliedCount], [1, 1])
})

test('a datagram may lie in a larger buffer, as in one that many are received in', () => {
  const { datagrams, fixed, target, observations } = setUp()
  const bytes = request()
  const all = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
  const datagram = { bytes: all, start: 6, end: 6 + bytes.length, ip: '198.51.100.7', port: 5060, target }
  const [reply, ...more] = deliver(datagrams.handle, fixed, datagram)
  assert.equal(more.length, 0)
  assert.match(reply?.toString() ?? '', /^SIP\/2\.0 200 OK\r\n[\s\S]*\r\n\r\n$/)
  assert.deepEqual(observations[0]?.bytes, new Uint8Array(bytes))
})

test('every datagram is one observation: empty ones, responses and junk as well', () => {
  const { send, observations } = setUp()
  const junk = [
    '',
    '\0',
    '\r\n\r\n',
    'SIP/2.0 200 OK\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'INVITE',
    '\x16\x03\x01\0\0\x01',
  ]
  for (const text of junk) assert.deepEqual(send(Buffer.from(text, 'latin1')), [])
  assert.deepEqual(
    observations.map(({ bytes, size }) => [Buffer.from(bytes).toString('latin1'), size]),
    junk.map((text) => [text, text.length]),
  )
})

test('a stream is proved by its handshake, and may get more than it sent', () => {
  const { stream, observations, counters } = setUp()
  const replies = stream(invite())
  assert.equal(replies.length, 3)
  assert.equal(observations[0]?.validation, 'transport')
  assert.deepEqual(observations[0]?.responses, [100, 180, 200])
  assert.equal(
    observations[0]?.sentSize,
    replies.reduce((size, reply) => size + reply.length, 0),
  )
  assert.equal(counters.repliedCount, 3)
})

test('passive: not a byte, over any transport, and everything is recorded', () => {
  const { send, stream, boundary, observations, counters } = setUp({}, { isPassive: true })
  for (const bytes of Object.values(SCANNERS)) {
    assert.deepEqual(send(bytes), [])
    assert.deepEqual(stream(bytes), [])
  }
  assert(!boundary.mayAnswer(PEER))
  assert.equal(observations.length, 2 * Object.keys(SCANNERS).length)
  assert(observations.every((one) => one.collectedMethod === 'passive' && one.responses.length === 0))
  assert.equal(counters.repliedCount, 0)
})

test('sources that must not be answered are recorded', () => {
  const { send, observations } = setUp({}, { neverReply: ['198.51.100.128/25'] })
  const sources: [string, number][] = [
    ['198.51.100.7', 0],
    ['203.0.113.5', 5060],
    ['255.255.255.255', 5060],
    ['224.0.0.1', 5060],
    ['0.0.0.0', 5060],
    ['::', 5060],
    ['ff02::1', 5060],
    ['198.51.100.200', 5060],
  ]
  for (const [ip, port] of sources) assert.deepEqual(send(request(), ip, port), [], ip)
  assert.equal(observations.length, sources.length)
  assert.equal(send(request(), '127.0.0.1').length, 1)
})

test('what was sent to many is recorded and not answered', () => {
  const { send, counters, observations } = setUp()
  assert.deepEqual(send(request(), '198.51.100.7', 5060, { isForMany: true }), [])
  assert.deepEqual(observations[0]?.responses, [])
  assert.deepEqual([counters.sendErrorCount, counters.receivedCount], [0, 1])
})

test('a rate limit silences, counts and still records', () => {
  const { send, observations, counters } = setUp()
  let replied = 0
  for (let i = 0; i < 300; i++) replied += send(request()).length
  assert.equal(replied, 200)
  assert.equal(counters.silencedByRateCount, 100)
  assert.equal(observations.length, 300)
})

test('the byte rule silences even without rate limits, and counts', () => {
  const { send, counters, observations } = setUp({ limiter: new ReplyLimiter({ ...RATES, off: true }) })
  const tiny = Buffer.from(
    'OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:<sip:a>\r\nt:<sip:a>\r\ni:1\r\nCSeq:1 OPTIONS\r\n\r\n',
  )
  assert.deepEqual(send(tiny), [])
  assert.equal(counters.silencedByBytesCount, 1)
  assert.equal(observations.length, 1)
})

test('a reply that could not be sent is counted and not recorded as sent', () => {
  const { send, counters, observations } = setUp()
  assert.deepEqual(send(request(), '198.51.100.7', 5060, { fails: true }), [])
  assert.deepEqual(observations[0]?.responses, [])
  assert.equal(observations[0]?.sentSize, 0)
  assert.deepEqual([counters.sendErrorCount, counters.repliedCount], [1, 0])
})

test('a bug is caught once, counted and logged; its packet is kept and recorded, and the next one is answered', () => {
  const vectors: [string, unknown][] = []
  const bug = new Error('a bug')
  const good = setUp()
  let broken = false
  const { send, observations, counters, logged } = setUp({
    keepVector: (bytes, error) => vectors.push([Buffer.from(bytes).toString(), error]),
    server: {
      receive: () => {
        if (broken) throw bug
        return { replies: [], later: [], validation: 'none' }
      },
    },
  })
  broken = true
  const bytes = request({ method: 'BYE' }) // which the responder itself has to answer
  for (let i = 0; i < 3; i++) assert.deepEqual(send(bytes), [])
  assert.equal(counters.bugCount, 3)
  assert.equal(logged.length, 1) // or an attacker could fill the disk with lines
  assert.deepEqual(vectors, Array(3).fill([bytes.toString(), bug]))
  assert.equal(observations.length, 3)
  broken = false
  send(bytes)
  assert.equal(counters.bugCount, 3)
  assert.equal(good.send(bytes).length, 1)
})

test('a bug behind observe() or keepVector() does not come back to the socket', () => {
  const fail = () => {
    throw new Error('full')
  }
  const { send, counters } = setUp({ observe: fail, keepVector: fail })
  assert.equal(send(request()).length, 1)
  assert.equal(counters.bugCount, 1)
})

test('an observation holds at most 64 KiB and tells the whole size', () => {
  const { boundary, observations } = setUp()
  const evidence = Buffer.alloc(100_000, 'x')
  boundary.stream(
    PEER,
    { message: new Uint8Array(), evidence, size: 100_000, oversize: false },
    { push: () => true, path: CLOSED },
  )
  assert.deepEqual([observations[0]?.bytes.length, observations[0]?.size], [65_536, 100_000])
})

test('whatever comes, it is recorded once, and the replies are no larger than it', () => {
  const { send, observations, counters } = setUp({ limiter: new ReplyLimiter({ ...RATES, off: true }) })
  const some = fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...Object.values(SCANNERS)))
  fc.assert(
    fc.property(some, some, fc.nat(600), (a, b, cut) => {
      const bytes = Buffer.concat([a.subarray(0, cut), b])
      const before = observations.length
      const sent = send(bytes).reduce((size, reply) => size + reply.length, 0)
      assert(sent <= bytes.length)
      assert.equal(observations.length, before + 1)
    }),
    { numRuns: 2_000 },
  )
  assert.equal(counters.bugCount, 0)
})
