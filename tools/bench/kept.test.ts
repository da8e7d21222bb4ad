// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balanceOf } from './kept.ts'

const stats = (sensors: Record<string, number>, droppedCount: number) => ({
  sensors,
  store: { droppedCount, trouble: null } as unknown as Record<string, number> & { trouble: null },
  indicators: {},
})

test('balanceOf() tells what nobody accounts for', () => {
  assert.deepEqual(balanceOf(1000, 850, stats({ kernelDropCount: 100 }, 40)), {
    sentCount: 1000,
    keptCount: 850,
    lostCount: 150,
    kernelDropCount: 100,
    shedCount: 40,
    unaccountedCount: 10,
  })
})

test('balanceOf() of a run in which nothing was lost', () => {
  const { lostCount, unaccountedCount } = balanceOf(10, 10, stats({ kernelDropCount: 0 }, 0))
  assert.deepEqual([lostCount, unaccountedCount], [0, 0])
})
