// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SourceValidation } from '../core/validation.ts'
import type { Delta } from './delta.ts'
import { batchOf, deltasOfBatch } from './delta-batch.ts'
import { LiveIndicators } from './live-indicators.ts'
import { HOUR_MS, RETENTION_MS } from './retention.ts'

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

test('paging leaves nobody out who moves, shows the others once, and not who comes in', () => {
  const live = new LiveIndicators({ now: () => START })
  for (let i = 0; i < 100; i++) live.add(delta({ value: `192.0.2.${i}` }))
  let turn = 0
  const seen = pages(live, 10, () => {
    live.add(delta({ value: `198.51.100.${turn}` }))
    live.add(delta({ value: `192.0.2.${99 - turn * 10 - 9}` })) // the very last of the page just read
    live.add(delta({ value: '192.0.2.1' })) // never still
    turn++
  })
  assert.deepEqual(
    seen.slice(0, 99),
    Array.from({ length: 100 }, (_, i) => `192.0.2.${99 - i}`).filter((value) => value !== '192.0.2.1'),
  )
  const moved = new Set(['192.0.2.1', ...Array.from({ length: 9 }, (_, i) => `192.0.2.${i * 10 + 10}`)])
  assert.deepEqual(new Set(seen.slice(99)), moved)
  assert.equal(seen.length, 99 + moved.size)
})

test('whatever moves, comes and goes: pages leave out nobody who stays, all() neither, and all() repeats nobody', () => {
  const step = fc.record({ kind: fc.constantFrom('touch', 'come', 'go'), i: fc.nat(19) })
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 6 })), fc.integer({ min: 1, max: 4 }), (turns, limit) => {
      const read = (listed: (live: LiveIndicators, between: () => void) => string[]): void => {
        const live = new LiveIndicators({ now: () => START })
        const staying = new Set(Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`))
        for (const value of staying) live.add(delta({ value }))
        let turn = 0
        const seen = listed(live, () => {
          for (const { kind, i } of turns[turn++] ?? []) {
            const value = `192.0.2.${kind === 'come' ? 100 + i : i}`
            if (kind === 'go') staying.delete(value)
            if (kind === 'go') live.replace(delta({ value }), null)
            else live.add(delta({ value }))
          }
        })
        assert.deepEqual(
          [...staying].filter((value) => !seen.includes(value)),
          [],
        )
      }
      read((live, between) => pages(live, limit, between))
      read((live, between) => {
        const seen: string[] = []
        const all = live.all('ip-address')
        between()
        for (const { value } of all) {
          seen.push(value)
          between()
        }
        assert.equal(new Set(seen).size, seen.length)
        return seen
      })
    }),
  )
})

test('two readers at once do not disturb each other', () => {
  const live = new LiveIndicators({ now: () => START })
  for (let i = 0; i < 50; i++) live.add(delta({ value: `192.0.2.${i}` }))
  const read: string[][] = [[], []]
  const readers = read.map(() => live.all('ip-address'))
  for (let turn = 0; turn < 200; turn++) {
    const next = readers[turn % 3 === 0 ? 0 : 1]?.next()
    if (next?.done === false) read[turn % 3 === 0 ? 0 : 1]?.push(next.value.value)
    live.add(delta({ value: `192.0.2.${(turn * 7) % 50}` }))
  }
  for (const values of read) assert.deepEqual([values.length, new Set(values).size], [50, 50])
})

test('a list ends though all of it keeps moving', () => {
  const live = new LiveIndicators({ now: () => START })
  const values = Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`)
  const moveAll = (): void => {
    for (const value of values) live.add(delta({ value }))
  }
  moveAll()
  assert.deepEqual(new Set(pages(live, 4, moveAll)), new Set(values))
  const seen: string[] = []
  for (const { value } of live.all('ip-address')) {
    seen.push(value)
    moveAll()
  }
  assert.deepEqual([seen.length, new Set(seen).size], [30, 30])
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

test('a page is refused an `after` that no page gave, also one of the other list or of another process', () => {
  const [live, other] = [new LiveIndicators({ now: () => START }), new LiveIndicators({ now: () => START })]
  for (const each of [live, other]) for (let i = 0; i < 3; i++) each.add(delta({ value: `192.0.2.${i}` }))
  const after = live.page('ip-address', { limit: 1 }).next ?? ''
  assert.equal(live.page('ip-address', { limit: 1, after }).items.length, 1)
  assert.throws(() => live.page('ip-address', { limit: 1, after: 'nonsense' }), RangeError)
  assert.throws(() => live.page('phone-number', { limit: 1, after }), RangeError)
  assert.throws(() => other.page('ip-address', { limit: 1, after }), RangeError)
})

test('a filtered page looks at so many entries only, and the pages together still find all', () => {
  const live = new LiveIndicators({ now: () => START })
  const found = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
  live.add(delta({ value: '192.0.2.1', tagMask: 1 }))
  for (let i = 0; i < 60_000; i++) live.add(delta({ value: `10.0.${i >> 8}.${i & 255}` }))
  live.add(delta({ value: '192.0.2.2', tagMask: 1 }))
  for (let i = 0; i < 60_000; i++) live.add(delta({ value: `10.1.${i >> 8}.${i & 255}` }))
  live.add(delta({ value: '192.0.2.3', tagMask: 1 }))
  const seen: string[] = []
  const sizes: number[] = []
  let after: string | undefined
  do {
    const { items, next, total } = live.page('ip-address', { limit: 2, after, tag: 'options-scan' })
    assert.equal(total, null)
    seen.unshift(...items.map(({ value }) => value).reverse())
    sizes.push(items.length)
    after = next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(seen, found)
  assert.deepEqual(sizes, [1, 1, 1])
  assert.equal(live.page('ip-address', { limit: 2 }).total, 120_003)
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
  live.replace(delta({ value: '192.0.2.1', count: 5 }), delta({ value: '192.0.2.1', count: 4, tagMask: 1 }))
  live.replace(delta({ value: '192.0.2.2' }), null)
  live.replace(delta({ value: '192.0.2.3' }), null)
  const left = live.get('ip-address', '192.0.2.1')
  assert.deepEqual([left?.count, left?.validation, left?.tags], [4, 'none', ['options-scan']])
  assert.deepEqual(pages(live, 10), ['192.0.2.1'])
})

test('replace() forgets no event that the index does not have yet', () => {
  const later = { firstAt: START + HOUR_MS, lastAt: START + HOUR_MS }
  const number = { kind: 'phone-number', value: '+442081234567' } as const
  const form = { ...number, form: '00442081234567' }
  const live = new LiveIndicators({ now: () => START + HOUR_MS })
  for (const each of [{ value: '192.0.2.1' }, { value: '192.0.2.2' }, number, form]) {
    live.add(delta({ ...each, count: 9, repeatCount: 2, tagMask: 1 }))
    live.add(delta({ ...each, ...later, count: 3, repeatCount: 1, tagMask: 2, validation: 'echo' }))
  }
  const lost = { count: 9, repeatCount: 2, tagMask: 1 }
  live.replace(delta({ value: '192.0.2.1', ...lost }), null)
  live.replace(
    delta({ value: '192.0.2.2', ...lost }),
    delta({ value: '192.0.2.2', ...later, count: 2, tagMask: 2, firstAt: later.firstAt + 5 }),
  )
  live.replace(delta({ ...number, ...lost }), null)
  live.replace(delta({ ...form, ...lost }), null)
  for (const value of ['192.0.2.1', '192.0.2.2']) {
    const { count, repeatCount, validation, tags } = live.get('ip-address', value) ?? {}
    assert.deepEqual([count, repeatCount, validation], [3, 1, 'echo'], value)
    assert(tags?.includes('register-probe'), value)
  }
  assert.equal(live.get('ip-address', '192.0.2.2')?.firstSeenAt, START)
  const { count, dialled } = live.get('phone-number', number.value) ?? {}
  assert.deepEqual([count, dialled?.[0]?.count], [3, 3])
  live.replace(delta({ ...form, ...later, count: 3 }), null)
  live.replace(delta({ ...number, ...later, count: 3 }), null)
  assert.equal(live.get('phone-number', number.value), undefined)
})

test('replace() in pieces of an hour comes to the same, and never below what the index holds', () => {
  const live = new LiveIndicators({ now: () => START + HOUR_MS })
  const later = { firstAt: START + HOUR_MS, lastAt: START + HOUR_MS }
  live.add(delta({ value: '192.0.2.1', count: 9 }))
  live.add(delta({ value: '192.0.2.1', ...later, count: 3 }))
  const left = delta({ value: '192.0.2.1', ...later, count: 3 })
  const counts = [4, 4, 4].map((count) => {
    live.replace(delta({ value: '192.0.2.1', count }), left)
    return live.get('ip-address', '192.0.2.1')?.count
  })
  assert.deepEqual(counts, [8, 4, 3])
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

test('a flood of numbers dialled once pushes out itself, not those dialled again or in several forms', () => {
  const live = new LiveIndicators({ now: () => START, max: { 'ip-address': 3, 'phone-number': 1000 } })
  const number = (value: string, form = ''): Delta =>
    delta({ kind: 'phone-number', value, form, validation: 'transport' })
  const known = Array.from({ length: 250 }, (_, i) => `+44208123${4000 + i}`)
  for (const [i, value] of known.entries()) {
    live.add(number(value))
    if (i % 2 === 0) live.add(number(value))
    live.add(number(value, value))
    if (i % 2 === 1) live.add(number(value, `9${value}`))
  }
  for (let i = 0; i < 10_000; i++) live.add(number(String(100_000_000 + i)))
  assert.deepEqual(
    known.filter((value) => live.get('phone-number', value) === undefined),
    [],
  )
  assert.equal(live.count('phone-number'), 1000)
  assert.equal(live.evictedCount, 9250)
  assert.notEqual(live.get('phone-number', '100009999'), undefined)
  assert.equal(live.get('phone-number', '100009000'), undefined)
})

test('a table full of what is worth keeping lets go of the longest unseen', () => {
  const live = new LiveIndicators({ now: () => START, max: { 'ip-address': 3, 'phone-number': 200 } })
  for (let i = 0; i < 300; i++) {
    live.add(delta({ kind: 'phone-number', value: String(1000 + i), count: 2, validation: 'transport' }))
  }
  for (let i = 0; i < 50; i++) live.add(delta({ kind: 'phone-number', value: String(5000 + i) }))
  const left = [...live.all('phone-number')].map(({ value }) => value)
  assert.equal(left[0], '5049')
  assert.deepEqual(
    left.slice(1),
    Array.from({ length: 199 }, (_, i) => String(1299 - i)),
  )
})

test('so many dialled forms are kept in all; a number beyond is still found, and room comes back', () => {
  const live = new LiveIndicators({ now: () => START, formsMax: 3, max: { 'ip-address': 3, 'phone-number': 2 } })
  const number = (value: string, form = ''): Delta => delta({ kind: 'phone-number', value, form })
  live.add(number('+442081234567'))
  for (const form of ['+442081234567', '00442081234567', '900442081234567']) live.add(number('+442081234567', form))
  live.add(number('+442081234568'))
  live.add(number('+442081234568', '00442081234568'))
  assert.equal(live.formCount, 3)
  assert.deepEqual(live.get('phone-number', '00442081234568')?.dialled, [])
  live.replace(number('+442081234567', '00442081234567'), null)
  live.replace(number('+442081234567', 'never kept'), null)
  assert.equal(live.formCount, 2)
  live.add(number('+442081234568', '00442081234568'))
  assert.equal(live.formCount, 3)
  live.add(number('+442081234569')) // the one before goes: it was dialled once, in one form
  assert.equal(live.get('phone-number', '+442081234568'), undefined)
  assert.equal(live.formCount, 2)
  live.replace(number('+442081234567'), null)
  assert.equal(live.formCount, 0)
})

/** Addresses, then numbers, then their forms. */
const orderOf = ({ kind, form }: Delta): number => (kind === 'ip-address' ? 0 : form === '' ? 1 : 2)

test('a batch adds what its rows add one by one, in whatever parts', () => {
  const row = fc.record({
    isAddress: fc.boolean(),
    i: fc.nat(12),
    form: fc.constantFrom('', '', 'a', 'b'),
    count: fc.nat(3),
    at: fc.nat(1000),
    validation: fc.constantFrom('none' as const, 'echo' as const, 'transport' as const),
  })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (rows, size) => {
      const deltas = rows
        .map(({ isAddress, i, form, at, ...facts }): Delta => {
          const times = { firstAt: START + at, lastAt: START + at + 5, repeatCount: 1 }
          if (isAddress) return { ...delta({ value: i < 6 ? `192.0.2.${i}` : `2001:db8::${i}`, ...facts, ...times }) }
          return delta({ kind: 'phone-number', value: `+4420812345${i}`, form, ...facts, ...times })
        })
        .sort((a, b) => orderOf(a) - orderOf(b))
      const max = { 'ip-address': 8, 'phone-number': 8 }
      const [one, other] = [
        new LiveIndicators({ now: () => START, max }),
        new LiveIndicators({ now: () => START, max }),
      ]
      for (const each of deltas) one.add(each)
      const batch = batchOf(deltas)
      assert.deepEqual(deltasOfBatch(batch), deltas)
      for (let from = 0; from < deltas.length; from += size) {
        other.addBatch(batch, from, Math.min(from + size, deltas.length))
      }
      for (const kind of ['ip-address', 'phone-number'] as const) {
        assert.deepEqual([...other.all(kind)], [...one.all(kind)])
      }
      assert.deepEqual([other.formCount, other.evictedCount], [one.formCount, one.evictedCount])
    }),
  )
})

test('addresses are found among many, whichever came and went', () => {
  const count = 5000
  const live = new LiveIndicators({ now: () => START, max: { 'ip-address': count, 'phone-number': 1 } })
  const address = (i: number): string => (i % 3 === 0 ? `2001:db8::${i.toString(16)}` : `10.1.${i >> 8}.${i & 255}`)
  for (let i = 0; i < 3 * count; i++) {
    live.add(delta({ value: address(i) }))
    if (i % 7 === 0) live.replace(delta({ value: address(i) }), null)
    if (i % 11 === 0) live.replace(delta({ value: address(i - 1000) }), null)
  }
  const left = [...live.all('ip-address')].map(({ value }) => value)
  assert.equal(new Set(left).size, left.length)
  assert.equal(left.length, live.count('ip-address'))
  assert(left.length > count / 2)
  const known = new Set(left)
  for (let i = 0; i < 3 * count; i++) {
    assert.equal(live.get('ip-address', address(i)) !== undefined, known.has(address(i)), address(i))
  }
  assert.equal(live.get('ip-address', 'no address'), undefined)
})

test('what was saved and loaded is the same, and goes on in the same way', () => {
  const step = fc.record({
    kind: fc.constantFrom('ip-address' as const, 'phone-number' as const),
    i: fc.nat(30),
    form: fc.constantFrom('', 'a', 'b\xff'),
    goes: fc.integer({ min: 0, max: 5 }),
  })
  const steps = fc.array(step, { maxLength: 80 })
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const deps = { now: () => START, max: { 'ip-address': 12, 'phone-number': 12 }, formsMax: 9 }
      const [one, other] = [new LiveIndicators(deps), new LiveIndicators(deps)]
      let at = START
      const play = (live: LiveIndicators, { kind, i, form, goes }: (typeof before)[number]): void => {
        const value = kind === 'ip-address' ? `192.0.2.${i}` : `+4420812345${i}`
        const each = delta({ kind, value, form: kind === 'ip-address' ? '' : form, firstAt: at, lastAt: at })
        if (goes === 0) live.replace(each, null)
        else live.add(each)
      }
      for (const each of before) {
        at++
        play(one, each)
      }
      other.load([...one.save()].map((piece) => Uint8Array.from(piece)))
      const seen = (live: LiveIndicators): unknown => [
        [...live.all('ip-address')],
        [...live.all('phone-number')],
        live.formCount,
        live.findOldestAt(),
      ]
      assert.deepEqual(seen(other), seen(one))
      for (const each of after) {
        at++
        play(one, each)
        play(other, each)
      }
      assert.deepEqual(seen(other), seen(one))
      for (const { kind, value } of [...one.all('ip-address'), ...one.all('phone-number')]) {
        assert.deepEqual(other.get(kind, value), one.get(kind, value))
      }
      other.clear()
      assert.deepEqual(seen(other), [[], [], 0, Number.POSITIVE_INFINITY])
    }),
  )
})

test('a table of several segments is saved and loaded whole', () => {
  const [one, other] = [new LiveIndicators({ now: () => START }), new LiveIndicators({ now: () => START })]
  for (let i = 0; i < 40_000; i++) {
    one.add(delta({ value: `10.1.${i >> 8}.${i & 255}`, firstAt: START - i }))
    one.add(delta({ kind: 'phone-number', value: String(1_000_000 + i) }))
  }
  other.load([...one.save()].map((piece) => Uint8Array.from(piece)))
  assert.deepEqual([...other.all('ip-address')], [...one.all('ip-address')])
  assert.deepEqual([...other.all('phone-number')], [...one.all('phone-number')])
  assert.equal(other.findOldestAt(), START - 39_999)
  assert.throws(
    () =>
      new LiveIndicators({ now: () => START }).load([...one.save()].map((piece) => Uint8Array.from(piece)).slice(0, 3)),
    RangeError,
  )
})

test('the oldest first time is that of any indicator or form that was seen within 7 days', () => {
  let now = START
  const live = new LiveIndicators({ now: () => now })
  assert.equal(live.findOldestAt(), Number.POSITIVE_INFINITY)
  const later = START + 5000
  const [number, form] = ['', '0081'].map((form) => delta({ kind: 'phone-number', value: '+81', form, count: 2 }))
  assert(number !== undefined && form !== undefined)
  live.add({ ...number, lastAt: later })
  live.add({ ...form, lastAt: later })
  live.add(delta({ value: '192.0.2.1' }))
  const left = { count: 1, firstAt: later, lastAt: later }
  live.replace(number, { ...number, ...left })
  now = START + RETENTION_MS
  assert.equal(live.findOldestAt(), START, 'the form')
  live.replace(form, { ...form, ...left })
  assert.equal(live.findOldestAt(), later, 'the address was not seen for 7 days')
  live.replace(form, null)
  live.replace(number, null)
  assert.equal(live.findOldestAt(), Number.POSITIVE_INFINITY)
})
