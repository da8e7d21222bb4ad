// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import type { Observation } from '../core/event.ts'
import { RawSampler } from './raw-sampler.ts'
import { HOUR_MS } from './retention.ts'

type Facts = Partial<Observation>

function keeps(sampler: RawSampler, facts: Facts): boolean {
  const { at, validation, bytes, source } = observation(facts)
  return sampler.keeps(at, validation === 'none', bytes.length, () => source.ip)
}

function flood(sampler: RawSampler, count: number, facts: Facts): number {
  let kept = 0
  for (let i = 0; i < count; i++)
    if (keeps(sampler, { source: { ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 5060 }, ...facts })) kept++
  return kept
}

test('the first 4 messages of a source and hour are kept whole', () => {
  const sampler = new RawSampler()
  const source = { ip: '192.0.2.1', port: 5060 }
  assert.equal(flood(sampler, 10, { source }), 4)
  assert.equal(flood(sampler, 10, { source, at: observation().at + HOUR_MS }), 4)
})

test('ever new forged sources use up one budget an hour, and not that of validated ones', () => {
  const bytes = new Uint8Array(100)
  const sampler = new RawSampler()
  assert.equal(flood(sampler, 100_000, { bytes }), 20_000)
  assert(keeps(sampler, { bytes, validation: 'transport' }))
  assert(keeps(sampler, { bytes, validation: 'echo' }))
  assert(keeps(sampler, { bytes, at: observation().at + HOUR_MS }), 'the next hour has its own')
})

test('large messages use the budget up sooner', () => {
  assert.equal(flood(new RawSampler(), 20_000, { bytes: new Uint8Array(65_536) }), 256)
})
