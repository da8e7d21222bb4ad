// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import { mutate, seededRandom } from '../../test/support/sip-mutator.ts'
import { invite, SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import type { Event } from '../core/event.ts'
import { deriveEvent } from './derive.ts'
import { shedRaw, writeShed } from './shed.ts'

const CASE_COUNT = 10_000

const derive = (bytes: Uint8Array): Event => deriveEvent(0, { ...observation({ bytes }), rawShed: false })

/** What indicators are made of. */
function facts(bytes: Uint8Array): unknown {
  const { kind, method, calledNumbers, e164, userAgent } = derive(bytes)
  return { kind, method, calledNumbers, e164, userAgent: userAgent?.slice(0, 128) }
}

test('a shortened message says the same of all that indicators are made of', () => {
  const samples = [
    ...Object.values(SCANNERS),
    invite({ headers: ['User-Agent: a\r\n folded', `X: ${'x'.repeat(900)}`] }),
  ]
  for (const bytes of samples) {
    const short = shedRaw(bytes)
    assert.deepEqual(facts(short), facts(bytes))
    assert(short.length <= bytes.length)
  }
  assert(shedRaw(samples.at(-1)!).length < 700)
})

test('a shortened message is shortened to itself', () => {
  const short = shedRaw(invite())
  assert.deepEqual(shedRaw(short), short)
})

test('of what is no message so many bytes are left', () => {
  const junk = Buffer.from('x'.repeat(100))
  assert.equal(shedRaw(junk).length, 64)
  assert.equal(shedRaw(junk.subarray(0, 10)).length, 10)
  assert.equal(shedRaw(new Uint8Array(0)).length, 0)
})

test(`${CASE_COUNT} mutated messages are never made longer, nor is anything written beyond them`, () => {
  const corpus = readSipVectors().map(({ bytes }) => bytes)
  for (let seed = 1; seed <= CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    const bytes = mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random)
    const target = new Uint8Array(bytes.length + 2).fill(0xee)
    const size = writeShed(bytes, 0, bytes.length, target, 1)
    assert(size <= bytes.length)
    assert(target[0] === 0xee && target.at(-1) === 0xee)
    if (size === bytes.length) continue
    const { kind, method } = derive(bytes)
    if (kind === 'non-sip') continue // what is left of it may happen to look like SIP
    const short = derive(target.subarray(1, 1 + size))
    assert.equal(short.kind, kind, JSON.stringify(bytes.toString('latin1')))
    assert.equal(short.method, method)
  }
})
