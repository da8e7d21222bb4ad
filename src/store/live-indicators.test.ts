// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SourceValidation } from '../core/validation.ts'
import type { Delta } from './delta.ts'
import { LiveIndicators } from './live-indicators.ts'
import { RETENTION_MS } from './retention.ts'

const START = 1_795_456_800_000

function delta(facts: Partial<Delta> & { value: string }): Delta {
  return {
    kind: 'ip-address',
    form: '',
    count: 1,
    repeatCount: 0,
    firstAt: START,
    lastAt: START,
    validation: 'none',
    tagMask: 0,
    ...facts,
  }
}

function pages(live: LiveIndicators, limit: number, between: () => void = () => {}): string[] {
  const values: string[] = []
  let after: string | undefined
  do {
    const page = live.page('ip-address', { limit, after })
    values.push(...page.items.map(({ value }) => value))
    after = page.next ?? undefined
    between()
  } while (after !== undefined)
  return values
}

test('deltas add up to what a plain model holds, and pages list it most recently seen first', () => {
  const step = fc.record({ ip: fc.nat(20), ms: fc.nat(1000), transport: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 7 }), (steps, limit) => {
      const live = new LiveIndicators({ now: () => START + 1_000_000 })
      const model = new Map<string, { count: number; first: number; last: number; validation: SourceValidation }>()
      let at = START
      for (const { ip, ms, transport } of steps) {
        at += ms
        const value = `192.0.2.${ip}`
        const validation = transport ? 'transport' : 'none'
        live.add(delta({ value, firstAt: at, lastAt: at, validation }))
        const known = model.get(value)
        model.delete(value)
        model.set(value, {
          count: (known?.count ?? 0) + 1,
          first: known?.first ?? at,
          last: at,
          validation: transport ? 'transport' : (known?.validation ?? 'none'),
        })
      }
      assert.deepEqual(pages(live, limit), [...model.keys()].reverse())
      for (const [value, known] of model) {
        const { count, firstSeenAt, lastSeenAt, validation } = live.get('ip-address', value) ?? {}
        assert.deepEqual({ count, first: firstSeenAt, last: lastSeenAt, validation }, known)
      }
    }),
  )
})

test('paging shows every entry once though others come in, and moved ones not again', () => {
  const live = new LiveIndicators({ now: () => START })
  for (let i = 0; i < 100; i++) live.add(delta({ value: `192.0.2.${i}` }))
  let turn = 0
  const seen = pages(live, 10, () => {
    live.add(delta({ value: `198.51.100.${turn}` }))
    live.add(delta({ value: `192.0.2.${99 - turn * 10 - 9}` })) // the very last of the page just read
    turn++
  })
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, i) => `192.0.2.${99 - i}`),
  )
})

test('all() ends and repeats nothing though what it stands at moves or goes', () => {
  const live = new LiveIndicators({ now: () => START, max: { 'ip-address': 50, 'phone-number': 5 } })
  for (let i = 0; i < 50; i++) live.add(delta({ value: `192.0.2.${i}` }))
  const seen: string[] = []
  for (const { value } of live.all('ip-address')) {
    seen.push(value)
    live.add(delta({ value }))
    if (seen.length === 10) for (let i = 0; i < 5; i++) live.add(delta({ value: `198.51.100.${i}` }))
  }
  assert.equal(new Set(seen).size, seen.length)
  assert(seen.length <= 50)
})

test('a page is refused an `after` that no page gave', () => {
  const live = new LiveIndicators({ now: () => START })
  assert.throws(() => live.page('ip-address', { limit: 1, after: 'nonsense' }), RangeError)
})

test('filters choose by time, tag and validation', () => {
  const live = new LiveIndicators({ now: () => START })
  live.add(delta({ value: '192.0.2.1', tagMask: 1 }))
  live.add(delta({ value: '192.0.2.2', tagMask: 2, validation: 'transport', firstAt: START + 5, lastAt: START + 5 }))
  const found = (query: object): string[] =>
    live.page('ip-address', { limit: 10, ...query }).items.map(({ value }) => value)
  assert.deepEqual(found({ since: START + 1 }), ['192.0.2.2'])
  assert.deepEqual(found({ tag: 'options-scan' }), ['192.0.2.1'])
  assert.deepEqual(found({ tag: 'no such tag' }), [])
  assert.deepEqual(found({ validation: 'transport' }), ['192.0.2.2'])
  assert.equal(live.page('ip-address', { limit: 1, tag: 'options-scan' }).next, null)
})

test('a number is found by each of its forms, and shows at most 32 of them', () => {
  const live = new LiveIndicators({ now: () => START })
  const number = { kind: 'phone-number', value: '+442081234567' } as const
  for (let i = 0; i < 40; i++) {
    live.add(delta({ ...number }))
    live.add(delta({ ...number, form: `${i}00442081234567` }))
  }
  live.add(delta({ ...number }))
  live.add(delta({ ...number, form: '700442081234567' }))
  for (const form of ['+442081234567', '442081234567', '00442081234567', '900442081234567']) {
    assert.equal(live.get('phone-number', form)?.count, 41, form)
  }
  const dialled = live.get('phone-number', '+442081234567')?.dialled ?? []
  assert.equal(dialled.length, 32)
  assert.deepEqual([dialled[0]?.raw, dialled[0]?.count], ['700442081234567', 2])
  assert.equal(live.get('phone-number', '+442081234568'), undefined)
})

test('nothing is answered that was last seen 7 days ago, and no first time before that', () => {
  let now = START
  const live = new LiveIndicators({ now: () => now })
  live.add(delta({ value: '192.0.2.1' }))
  live.add(delta({ value: '192.0.2.2', lastAt: START + 1000 }))
  now = START + RETENTION_MS
  assert.equal(live.get('ip-address', '192.0.2.1'), undefined)
  assert.deepEqual(pages(live, 10), ['192.0.2.2'])
  now += 500
  assert.equal(live.get('ip-address', '192.0.2.2')?.firstSeenAt, START + 500)
})

test('replace() puts what is left in the place of what was, and removes what has nothing left', () => {
  const live = new LiveIndicators({ now: () => START })
  live.add(delta({ value: '192.0.2.1', count: 9, validation: 'transport', tagMask: 3 }))
  live.add(delta({ value: '192.0.2.2' }))
  live.replace(delta({ value: '192.0.2.1' }), delta({ value: '192.0.2.1', count: 4, tagMask: 1 }))
  live.replace(delta({ value: '192.0.2.2' }), null)
  live.replace(delta({ value: '192.0.2.3' }), null)
  const left = live.get('ip-address', '192.0.2.1')
  assert.deepEqual([left?.count, left?.validation, left?.tags], [4, 'none', ['options-scan']])
  assert.deepEqual(pages(live, 10), ['192.0.2.1'])
})

test('a full table lets go of the longest unseen forgeable entry first, and counts it', () => {
  const live = new LiveIndicators({ now: () => START, max: { 'ip-address': 3, 'phone-number': 3 } })
  live.add(delta({ value: '192.0.2.1', validation: 'transport' }))
  live.add(delta({ value: '192.0.2.2' }))
  live.add(delta({ value: '192.0.2.3' }))
  live.add(delta({ value: '192.0.2.4' }))
  assert.deepEqual(pages(live, 10), ['192.0.2.4', '192.0.2.3', '192.0.2.1'])
  assert.equal(live.evictedCount, 1)
})
