// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seenLastWriter } from './_seen-last.ts'

test('each time is written as by itself, whichever came before', () => {
  const times = fc.array(fc.integer({ min: 1_790_000_000_000, max: 1_790_000_300_000 }), { minLength: 1 })
  fc.assert(
    fc.property(times, (all) => {
      const write = seenLastWriter()
      for (const at of all) {
        const time = new Date(at).toISOString()
        assert.equal(write(at), `${time.replace('T', ' ').replace('Z', '')}000000`)
      }
    }),
  )
})
