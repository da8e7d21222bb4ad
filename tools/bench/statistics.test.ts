// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile, spread } from './statistics.ts'

test('median() is the middle value, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([7]), 7)
  assert(Number.isNaN(median([])))
})

test('percentile() is a value that was measured', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.equal(percentile(hundred, 0.5), 50)
  assert.equal(percentile(hundred, 0.99), 99)
  assert.equal(percentile(hundred, 1), 100)
  assert.equal(percentile([3, 8], 0.99), 8)
  assert.equal(percentile([3], 0), 3)
  assert(Number.isNaN(percentile([], 0.5)))
})

test('spread() is a part of the median', () => {
  assert.equal(spread([90, 100, 120]), 0.3)
  assert.equal(spread([5]), 0)
})
