// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyTable } from './_key-table.ts'

test('finds what was put under a number, however many there are and however alike their lowest bits', () => {
  const table = new KeyTable<string>()
  const keys = Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? i * 2 ** 20 + 7 : 2 ** 53 - 1 - i))
  for (const key of keys) {
    assert.equal(table.get(key), undefined)
    table.set(key, `of ${key}`)
  }
  for (const key of keys) assert.equal(table.get(key), `of ${key}`)
  assert.equal(table.get(8), undefined)
})

test('keeps one thing under a number, the last that was put there', () => {
  const table = new KeyTable<string>()
  table.set(0, 'a')
  table.set(0, 'b')
  assert.equal(table.get(0), 'b')
})
