// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { LEAVES } from './_leaves.ts'
import { editDistance, nearest } from './_nearest.ts'
import { hasRightKind, readValue } from './_values.ts'

const anything = fc.oneof(
  fc.integer(),
  fc.integer({ min: -2, max: 70_000 }),
  fc.double(),
  fc.boolean(),
  fc.string(),
  fc.constantFrom('info', 'auto', 'system', 'udp:127.0.0.1:5060', '192.0.2.0/24'),
  fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
  fc.constant(null),
  fc.object(),
)

test('hasRightKind() agrees with the schema library on every setting', () => {
  fc.assert(
    fc.property(fc.constantFrom(...LEAVES), anything, (leaf, value) => {
      assert.equal(hasRightKind(leaf.schema, value), Check(leaf.schema as TSchema, value), leaf.key)
    }),
    { numRuns: 2000 },
  )
})

test('readValue() answers or throws RangeError, whatever it is given', () => {
  fc.assert(
    fc.property(fc.constantFrom(...LEAVES), anything, (leaf, value) => {
      try {
        readValue(leaf.schema, value, '/')
      } catch (error) {
        assert(error instanceof RangeError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('every default and example passes its own check', () => {
  for (const { key, schema } of LEAVES) {
    for (const value of [schema.default, ...schema.examples]) {
      if (value !== undefined) assert.doesNotThrow(() => readValue(schema, value, '/'), key)
    }
  }
})

test('editDistance() counts added, dropped, changed and swapped letters', () => {
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('passive', 'passive'), 0)
  assert.equal(editDistance('pasive', 'passive'), 1)
  assert.equal(editDistance('passvie', 'passive'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
})

test('nearest() answers only what is near', () => {
  assert.equal(nearest('passiv', ['enabled', 'passive']), 'passive')
  assert.equal(nearest('quotaMiB', ['quota_mib']), 'quota_mib')
  assert.equal(nearest('xyzzy', ['enabled', 'passive']), null)
})
