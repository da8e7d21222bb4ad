// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// CPU time of the pure parts, in a process of its own: `node tools/bench/parts.ts SECONDS RUNS`, seconds for each run.
import { randomBytes } from 'node:crypto'
import { loadPersona } from '../../src/config/personas.ts'
import type { Observation } from '../../src/core/event.ts'
import { normalizeNumber } from '../../src/core/phone-number.ts'
import { createCounters } from '../../src/sensors/counters.ts'
import { createServer, DECISION_KEY_SIZE } from '../../src/sensors/uas/create-server.ts'
import { ActiveTimers } from '../../src/sensors/uas/timers.ts'
import { SALT_SIZE, serializeBlock } from '../../src/store/block.ts'
import { deltasOf } from '../../src/store/delta.ts'
import { deriveEvent } from '../../src/store/derive.ts'
import { LiveIndicators } from '../../src/store/live-indicators.ts'
import { eventRecordSize, RECORD_SIZE_MAX, writeEventRecord } from '../../src/store/record.ts'
import { calledNumbers } from '../../src/wire/sip/called-number.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { plainMessages, variedMessages } from './traffic.ts'

const MESSAGE_COUNT = 16_384
const BLOCK_SIZE = 262_144 // bytes of records in the block that is measured
const NOW = Date.UTC(2026, 0, 1)
const MICROSECONDS_AS_NS = 1000

const bytesOf = (messages: readonly string[]): Buffer[] => messages.map((text) => Buffer.from(text, 'latin1'))
const plain = bytesOf(plainMessages(MESSAGE_COUNT))
const varied = bytesOf(variedMessages(MESSAGE_COUNT))
const sources = varied.map((_, i) => ({ ip: `127.${1 + (i >> 14)}.${(i >> 6) & 255}.${1 + (i & 63)}`, port: 5060 }))
const destination = { ip: '127.0.0.1', port: 5060 }
const observations = varied.map(
  (bytes, i): Observation => ({
    at: NOW + i,
    transport: 'udp',
    source: sources[i]!,
    destination,
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [200],
    sentSize: 400,
    bytes,
    size: bytes.length,
  }),
)

const { server, responderFor } = createServer(
  { interaction: 'medium', pacing: 'none' },
  {
    random: (size) => randomBytes(size),
    decisionKey: randomBytes(DECISION_KEY_SIZE),
    timers: new ActiveTimers(() => {}),
    limiter: { take: () => true },
    counters: createCounters(),
    sinks: { take: () => null },
    onMedia: () => {},
  },
)
const responder = responderFor(loadPersona('asterisk-chan-sip'))
const { tokens } = responder
const target = new Uint8Array(RECORD_SIZE_MAX)
const numbers = varied.flatMap((bytes) => calledNumbers(parseMessage(bytes)).map(({ raw }) => raw))
const events = observations.map((observation, i) => deriveEvent(i, { ...observation, rawShed: false }))
const deltas = events.map(deltasOf)
const block = blockOf(observations)

function blockOf(all: readonly Observation[]): { records: Uint8Array; count: number } {
  const records = new Uint8Array(BLOCK_SIZE)
  let size = 0
  let count = 0
  while (size + eventRecordSize(all[count]!) <= BLOCK_SIZE) size += writeEventRecord(all[count++]!, records, size)
  return { records: records.subarray(0, size), count }
}

/** Parses, decides, and writes what is sent; the size of it. */
function answer(bytes: Buffer, i: number): number {
  const { replies } = server.receive(parseMessage(bytes), {
    transport: 'udp',
    oversize: false,
    source: sources[i]!,
    destination,
    now: NOW,
    size: bytes.length,
    responder,
    path: () => ({ send: () => false }),
  })
  return replies[0]?.bytes.length ?? 0
}

let indicators = new LiveIndicators({ now: () => NOW })
const facts = { recordCount: block.count, firstId: 1, firstAt: NOW, lastAt: NOW }
const salt = new Uint8Array(SALT_SIZE)

/** What is done for message `i`; something of the result, so that it is not left out. */
const PARTS: Readonly<Record<string, (i: number) => number>> = {
  'parse, plain': (i) => parseMessage(plain[i]!).bodyStart,
  'parse, varied': (i) => parseMessage(varied[i]!).bodyStart,
  'find defects, varied': (i) => parseMessage(varied[i]!).defects.length,
  'parse and answer, plain': (i) => answer(plain[i]!, i),
  'parse and answer, varied': (i) => answer(varied[i]!, i),
  'parse and find the number': (i) => calledNumbers(parseMessage(varied[i]!)).length,
  'normalise a number not seen before': (i) => normalizeNumber(numbers[i % numbers.length]!).digits.length,
  'make a tag': (i) => tokens.tag(sources[i]!, 'a84b4c76e66710', NOW).short.length,
  'write a record': (i) => writeEventRecord(observations[i]!, target, 0),
  'derive an event': (i) => deriveEvent(i, { ...observations[i]!, rawShed: false }).tags.length,
  'count a new indicator': (i) => {
    if (i === 0) indicators = new LiveIndicators({ now: () => NOW })
    for (const delta of deltas[i]!) indicators.add(delta)
    return 1
  },
  'count a known indicator': (i) => {
    for (const delta of deltas[i]!) indicators.add(delta)
    return 1
  },
  'compress a block, its share': (i) => (i % block.count === 0 ? serializeBlock(block.records, facts, salt).length : 1),
}

let sum = 0

/** CPU nanoseconds of one call, over as many rounds as fill the time. */
function measure(part: (i: number) => number, seconds: number): number {
  const before = process.cpuUsage()
  const endsAt = performance.now() + 1000 * seconds
  let count = 0
  do {
    for (let i = 0; i < MESSAGE_COUNT; i++) sum += part(i)
    count += MESSAGE_COUNT
  } while (performance.now() < endsAt)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * MICROSECONDS_AS_NS) / count
}

const [seconds, runs] = process.argv.slice(2).map(Number) as [number, number]
const found = Object.entries(PARTS).map(([name, part]) => {
  measure(part, seconds / 2) // compiles it
  return { name, ns: Array.from({ length: runs }, () => measure(part, seconds)) }
})
const blockBytes = serializeBlock(block.records, facts, salt).length / block.count
process.stdout.write(`${JSON.stringify({ parts: found, blockBytes, isUsed: sum > 0 })}\n`)
