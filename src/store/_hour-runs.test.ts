// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { HourEntry } from './_hour-entry.ts'
import { HourRuns, TAKE_COUNT_MAX } from './_hour-runs.ts'
import { prepareSchema } from './day-schema.ts'

const FIRST_HOUR = 498_000

/** A number with its only form, which counts for both. */
const entry = (i: number, hash: number): HourEntry => ({
  hash,
  kind: 'phone-number',
  value: String(1_000_000 + i),
  form: `9${1_000_000 + i}`,
  isForm: false,
  count: 1,
  repeatCount: 0,
  firstMs: 0,
  lastMs: 0,
  validation: 0,
  tagMask: 0,
  numberRows: 0,
})

test('an hour goes out in parts of a bounded size, bucket after bucket, each count once', () => {
  using db = new DatabaseSync(':memory:')
  prepareSchema(db, ':memory:')
  const runs = new HourRuns(db, FIRST_HOUR)
  const spread = (i: number): number => Math.imul(i, 2_654_435_761) >>> 0
  const all = Array.from({ length: 30_000 }, (_, i) => entry(i, i % 2 === 0 ? 7 : spread(i))) // half of one hash
  for (let from = 0; from < all.length; from += 10_000) runs.write(FIRST_HOUR, all.slice(from, from + 10_000))
  runs.write(FIRST_HOUR + 1, [entry(0, 7)])
  const buckets: number[] = []
  const seen = new Set<string>()
  for (let part = runs.takeOldest(FIRST_HOUR + 1); part !== null; part = runs.takeOldest(FIRST_HOUR + 1)) {
    assert(part.lost.length <= TAKE_COUNT_MAX)
    if (buckets.at(-1) !== part.bucket) buckets.push(part.bucket)
    for (const { hash, delta } of part.lost) {
      assert.equal(hash >>> 27, part.bucket)
      const key = `${delta.value} ${delta.form}`
      assert(!seen.has(key), key)
      seen.add(key)
    }
  }
  assert.equal(seen.size, 2 * all.length)
  assert.equal(new Set(buckets).size, buckets.length, 'no bucket comes again')
  assert.equal([...runs.read(FIRST_HOUR, FIRST_HOUR + 24)].flat().length, 2)
})
