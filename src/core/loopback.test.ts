// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from './loopback.ts'

test('isLoopback() knows what only this machine can reach', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(host), host)
  const others = ['', '0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1', 'localhost.', '127.1', '127.0.0.1.evil.example']
  for (const host of others) assert.ok(!isLoopback(host), host)
})
