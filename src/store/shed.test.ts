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

/** Of which a cut in the wrong place makes a call to a number that nobody dialled. */
const ACCUSING = [
  invite({ to: `"${'A'.repeat(107)}" <sip:+442081234567899@h>`, uri: 'sip:bob@h' }),
  invite({ uri: `sip:${'.'.repeat(239)}+442081234567899@h` }),
  Buffer.from(`INVITE tel:+46500729221;phone-context=${'a'.repeat(17)} SIP/2.0 is no SIP\r\n\r\n`),
]

test('a shortened message says the same of all that indicators are made of', () => {
  const samples = [
    ...Object.values(SCANNERS),
    invite({ headers: ['User-Agent: a\r\n folded', `X: ${'x'.repeat(900)}`] }),
    ...ACCUSING,
    Buffer.from(`SIP/2.0 200 OK\r\nServer: PBX\r\n${'X: y\r\n'.repeat(20)}\r\n`),
  ]
  for (const bytes of samples) {
    const short = shedRaw(bytes)
    assert.deepEqual(facts(short), facts(bytes))
    assert(short.length <= bytes.length)
  }
  assert(shedRaw(samples.at(-1)!).length < 700)
  assert(shedRaw(samples[Object.keys(SCANNERS).length]!).length < 700)
})

test('what is too large of an address is left out, never cut', () => {
  const withName = (size: number): Uint8Array =>
    invite({ to: `"${'A'.repeat(size)}" <sip:+442081234567899@h>`, uri: 'sip:bob@h' })
  const [small, large] = [withName(2000), withName(2040)]
  assert.deepEqual(facts(shedRaw(small)), facts(small))
  const { to: kept, calledNumbers } = derive(shedRaw(large))
  assert.deepEqual([kept, calledNumbers], [null, []])
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

test(`${CASE_COUNT} mutated messages say the same when they are shortened, are never longer, and nothing is written beyond them`, () => {
  const corpus = [...readSipVectors().map(({ bytes }) => bytes), ...ACCUSING]
  for (let seed = 1; seed <= CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    const bytes = mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random)
    const target = new Uint8Array(bytes.length + 2).fill(0xee)
    const size = writeShed(bytes, 0, bytes.length, target, 1)
    assert(size <= bytes.length)
    assert(target[0] === 0xee && target.at(-1) === 0xee)
    if (size === bytes.length) continue
    assert.deepEqual(facts(target.subarray(1, 1 + size)), facts(bytes), JSON.stringify(bytes.toString('latin1')))
  }
})
