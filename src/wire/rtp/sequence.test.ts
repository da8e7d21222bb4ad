// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SequenceCounter } from './sequence.ts'

function countOf(sequences: Iterable<number>): { lost: number; late: number; again: number } {
  const counter = new SequenceCounter()
  for (const sequence of sequences) counter.packet(sequence & 0xffff)
  return { lost: counter.lostCount, late: counter.lateCount, again: counter.duplicateCount }
}

const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

const CASES: readonly [what: string, sequences: readonly number[], lost: number, late: number, again: number][] = [
  ['nothing', [], 0, 0, 0],
  ['one packet', [65_535], 0, 0, 0],
  ['a run over the wrap', run(65_500, 100), 0, 0, 0],
  ['a gap over the wrap', [65_534, 2], 3, 0, 0],
  ['two in the wrong order', [1, 3, 2, 4], 0, 1, 0],
  ['one that comes late over the wrap', [65_535, 1, 0], 0, 1, 0],
  ['what was sent before the first', [5, 4, 6], 0, 1, 0],
  ['what was sent before the first, with one missing', [5, 3, 6], 1, 1, 0],
  ['one that comes three times', [1, 2, 2, 3, 2], 0, 0, 2],
  ['the first again', [0, 0], 0, 0, 1],
  ['the largest gap', [0, 3000], 2999, 0, 0],
  ['one number far away', [1, 2, 40_000, 3], 0, 0, 0],
  ['a new beginning', [1, 2, 4, 40_000, 40_001, 40_003], 2, 0, 0],
  ['a new beginning that is never confirmed', [1, 40_000, 20_000, 50_000], 0, 0, 0],
  ['two full turns', run(0, 2 * 65_536 + 10), 0, 0, 0],
]

for (const [what, sequences, lost, late, again] of CASES) {
  test(`SequenceCounter of ${what}`, () => assert.deepEqual(countOf(sequences), { lost, late, again }))
}

test('SequenceCounter counts what is lost, late and doubled on the way, from any first number', () => {
  const fate = fc.constantFrom('lost', 'twice', 'late', 'fine', 'fine', 'fine')
  fc.assert(
    fc.property(fc.nat(0xffff), fc.array(fate, { maxLength: 300 }), (from, fates) => {
      const sent = ['fine', ...fates, 'fine'] // what is lost before the first or behind the last nobody can know
      const arrived: number[] = []
      let held: number[] = []
      for (const [i, what] of sent.entries()) {
        if (what === 'late') held.push(from + i)
        else if (what !== 'lost') {
          arrived.push(from + i, ...(what === 'twice' ? [from + i] : []), ...held)
          held = []
        }
        if (held.length > 10) arrived.push(...held.splice(0)) // no later than the window reaches
      }
      const lost = sent.filter((what) => what === 'lost').length
      const again = sent.filter((what) => what === 'twice').length
      const counted = countOf(arrived)
      assert.deepEqual([counted.lost, counted.again], [lost, again])
    }),
  )
})

test('SequenceCounter takes any numbers, and never counts less than nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(0xffff), fc.nat(40)), { maxLength: 200 }), (sequences) => {
      const counter = new SequenceCounter()
      for (const sequence of sequences) {
        counter.packet(sequence)
        assert(counter.lostCount >= 0)
      }
    }),
  )
})
