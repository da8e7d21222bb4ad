// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quote } from './text.ts'

test('quote() shows any value on one line that ends', () => {
  assert.equal(quote('a\n"b"'), '"a\\n\\"b\\""')
  assert.equal(quote(['a', 1]), '["a",1]')
  assert.equal(quote(undefined), 'nothing')
  assert.equal(quote('x'.repeat(1000)).length, 101)
})
