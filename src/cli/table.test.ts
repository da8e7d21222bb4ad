// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Column, fittingView, formatFacts, formatTable } from './table.ts'
import { displayWidth, type Paint } from './terminal.ts'

const paint: Paint = (_style, text) => text
const columns: readonly Column[] = [
  { title: 'VALUE' },
  { title: 'EVENTS', align: 'right' },
  { title: 'USER AGENT', shrink: true },
]

test('formatTable() aligns columns', () => {
  const rows = [
    ['192.0.2.1', '5', 'friendly-scanner'],
    ['2001:db8::1', '1,234', '你好'],
  ]
  assert.equal(
    formatTable(columns, rows, { width: undefined, paint }),
    'VALUE        EVENTS  USER AGENT\n192.0.2.1         5  friendly-scanner\n2001:db8::1   1,234  你好\n',
  )
})

test('formatTable() cuts what may be cut, to fit the terminal', () => {
  const text = formatTable(columns, [['192.0.2.1', '5', 'a very long user agent']], { width: 32, paint })
  assert.equal(text, 'VALUE      EVENTS  USER AGENT\n192.0.2.1       5  a very long …\n')
})

test('formatTable() lets no control character through', () => {
  const text = formatTable(columns, [['a\u001b[2J', '1', 'b\nc']], { width: undefined, paint, header: false })
  assert.equal(text, 'a\\x1b[2J  1  b\\x0ac\n')
})

test('formatTable() shrinks the widest first', () => {
  const both: readonly Column[] = [
    { title: 'A', shrink: true },
    { title: 'B', shrink: true },
  ]
  const text = formatTable(both, [['x'.repeat(40), 'y'.repeat(12)]], { width: 30, paint, header: false })
  assert.equal(text, `${'x'.repeat(15)}…  ${'y'.repeat(12)}\n`)
})

test('fittingView() leaves out what can be spared, the highest first, and only when it must', () => {
  const spare: readonly Column[] = [
    { title: 'A' },
    { title: 'B', spare: 2 },
    { title: 'C', spare: 1, shrink: true },
    { title: 'D', spare: 3 },
  ]
  const row = ['aaaaa', 'bbbbb', 'c'.repeat(30), 'ddddd']
  const titles = (width: number | undefined) => fittingView(spare, [row], width).columns.map(({ title }) => title)
  assert.deepEqual(titles(undefined), ['A', 'B', 'C', 'D'])
  assert.deepEqual(titles(29), ['A', 'B', 'C', 'D'])
  assert.deepEqual(titles(28), ['A', 'B', 'C'])
  assert.deepEqual(titles(21), ['A', 'C'])
  assert.deepEqual(titles(14), ['A'])
  assert.deepEqual(titles(1), ['A'])
  assert.deepEqual(fittingView(spare, [row], 15).pick(row), ['aaaaa', 'c'.repeat(30)])
})

test('formatTable() never exceeds the terminal when its whole columns fit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.ipV4(), fc.nat(99_999), fc.string({ unit: 'grapheme' })), { maxLength: 5 }),
      fc.integer({ min: 34, max: 200 }),
      (rows, width) => {
        const text = formatTable(
          columns,
          rows.map((row) => row.map(String)),
          { width, paint },
        )
        for (const line of text.split('\n')) assert(displayWidth(line) <= width, line)
      },
    ),
  )
})

test('formatFacts() puts labels on the left', () => {
  const facts = [
    ['one', 'a\u0007'],
    ['', 'b'],
  ] as const
  assert.equal(formatFacts(facts, paint), '  one  a\\x07\n       b\n')
})
