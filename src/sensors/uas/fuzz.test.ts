// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PERSONAS } from '../../../test/support/personas.ts'
import { mutate, type Random, seededRandom } from '../../../test/support/sip-mutator.ts'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { type Arriving, NOW, startDevice, TCP, UDP } from '../../../test/support/uas.ts'
import { parseMessage } from '../../wire/sip/message.ts'
import type { Handled } from './user-agent-server.ts'

/*
 * Mutations of all vectors against each device at each level, as datagrams and over connections, while time goes on:
 * whatever comes, a source that may be forged gets one response at most, no larger than what it sent.
 * SENTRYPEER_FUZZ_CASES says how many, SENTRYPEER_FUZZ_SEED where to begin.
 */
const { SENTRYPEER_FUZZ_CASES = '50000', SENTRYPEER_FUZZ_SEED = '1' } = process.env
const CASE_COUNT = Number(SENTRYPEER_FUZZ_CASES)
const FIRST_SEED = Number(SENTRYPEER_FUZZ_SEED)
const ROUND_SIZE = 500 // cases of one device

const LEVELS = ['low', 'medium', 'high'] as const
const PACINGS = ['none', 'natural', 'tarpit'] as const
const IPS = ['198.51.100.7', '203.0.113.77', '2001:db8::7']

type Device = ReturnType<typeof startDevice>

test(`${CASE_COUNT} mutated messages make no device throw, say too much, or remember without end`, () => {
  const corpus = readSipVectors().map(({ bytes }) => bytes)
  let device: Device = startDevice()
  let lateCount = 0
  let repliedCount = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    if ((seed - FIRST_SEED) % ROUND_SIZE === 0) {
      checkEnd(device)
      device = deviceOf(random)
    }
    const bytes = mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random)
    try {
      const to = arrivalOf(bytes, seed, random)
      const handled = device.receive(bytes, to)
      checkReplies(handled, to)
      repliedCount += handled.replies.length
      lateCount += handled.later.length
      if (random.below(8) === 0) device.timers.advance(random.below(2_000))
    } catch (cause) {
      const hex = bytes.toString('hex')
      throw new Error(`SENTRYPEER_FUZZ_SEED=${seed}: ${cause instanceof Error ? cause.message : cause}\n${hex}`, {
        cause,
      })
    }
  }
  checkEnd(device)
  assert(repliedCount > CASE_COUNT / 4 && lateCount > 0, `${repliedCount} replies, ${lateCount} of them later`)
})

function deviceOf(random: Random): Device {
  return startDevice({
    persona: PERSONAS[random.below(PERSONAS.length)]!,
    interaction: LEVELS[random.below(LEVELS.length)]!,
    pacing: PACINGS[random.below(PACINGS.length)]!,
    sinkCount: random.below(20),
  })
}

function arrivalOf(bytes: Buffer, seed: number, random: Random): Arriving {
  const source = { ip: IPS[random.below(IPS.length)]!, port: 5060 + random.below(3) }
  const how = random.below(4) === 0 ? TCP : UDP
  return { ...how, source, size: bytes.length, now: NOW + (seed % ROUND_SIZE) * 100 }
}

function checkReplies({ replies, later, validation }: Handled, to: Arriving): void {
  for (const reply of [...replies, ...later]) {
    const parsed = parseMessage(reply.bytes)
    assert.equal(parsed.kind, 'response')
    assert.equal(parsed.status, reply.status)
    assert.equal(parsed.body.length, parsed.contentLength)
  }
  if (validation !== 'none') return
  assert.equal(to.transport, 'udp')
  assert.deepEqual(later, [])
  assert(replies.length <= 1)
  const size = replies[0]?.bytes.length ?? 0
  assert(size <= to.size, `${size} bytes for ${to.size}`)
}

/** All that a device began ends by itself, and with it what it holds. */
function checkEnd(device: Device): void {
  device[Symbol.dispose]()
  device.timers.advance(600_000)
  assert.deepEqual([device.timers.count, device.dialogs.count], [0, 0])
}
