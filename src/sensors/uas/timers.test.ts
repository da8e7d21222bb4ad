// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActiveTimers } from './timers.ts'

test('timers call once, in their time, and not when cancelled or after the end', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const called: string[] = []
  const timers = new ActiveTimers(() => {})
  timers.after(10, () => called.push('first'))
  timers.after(20, () => called.push('cancelled'))?.cancel()
  timers.after(30, () => called.push('too late'))
  t.mock.timers.tick(25)
  assert.deepEqual([called, timers.count], [['first'], 1])
  timers[Symbol.dispose]()
  t.mock.timers.tick(100)
  assert.deepEqual([called, timers.count], [['first'], 0])
})

test('there are at most 20,000, and one that ends makes room', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  using timers = new ActiveTimers(() => {})
  for (let n = 0; n < 20_000; n++)
    assert.notEqual(
      timers.after(n, () => {}),
      null,
    )
  assert.equal(
    timers.after(1, () => {}),
    null,
  )
  t.mock.timers.tick(0)
  assert.notEqual(
    timers.after(1, () => {}),
    null,
  )
})

test('what a task throws is told, and ends nothing else', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const errors: unknown[] = []
  const called: string[] = []
  using timers = new ActiveTimers((error) => errors.push(error))
  const bug = new Error('a bug')
  timers.after(1, () => {
    throw bug
  })
  timers.after(2, () => called.push('next'))
  t.mock.timers.tick(5)
  assert.deepEqual([errors, called], [[bug], ['next']])
})
