// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonError } from '../core/errors.ts'
import { isUnicast, ReplyGuard } from './reply-guard.ts'

const LOCAL = { ip: '203.0.113.5', port: 5060 }

function guard(neverReply: string[] = [], own = ['127.0.0.1', '203.0.113.5', '2001:db8::5']) {
  let now = 0
  const deps = { now: () => now, ownAddresses: () => own, isOwnPort: (port: number) => port === 5060 || port === 5061 }
  return { guard: new ReplyGuard(neverReply, deps), own, advance: (ms: number) => (now += ms) }
}

test('ordinary sources may be answered, loopback among them', () => {
  const { guard: one } = guard()
  for (const ip of ['198.51.100.7', '127.0.0.1', '10.0.0.1', '2001:db8::1', '::1', '1.1.1.1', '223.255.255.255']) {
    assert(one.mayReply(ip, 40_000, LOCAL), ip)
  }
})

test('addresses that no host can have are not', () => {
  const none = ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255', '::', 'ff02::1']
  for (const ip of none) {
    assert(!isUnicast(ip), ip)
    assert(!guard().guard.mayReply(ip, 40_000, LOCAL), ip)
  }
  assert(isUnicast('ff::1')) // 00ff::/16 is not multicast
})

test('port 0 is not', () => {
  assert(!guard().guard.mayReply('198.51.100.7', 0, LOCAL))
})

test('our own listeners are not, so that nothing can loop', () => {
  const { guard: one, own, advance } = guard()
  assert(!one.mayReply('203.0.113.5', 5060, LOCAL))
  assert(!one.mayReply('203.0.113.5', 5061, LOCAL))
  assert(!one.mayReply('2001:db8::5', 5060, LOCAL))
  assert(!one.mayReply('192.0.2.77', 5060, { ip: '192.0.2.77', port: 5060 })) // even when it is not in the list
  assert(one.mayReply('203.0.113.5', 5062, LOCAL))
  assert(one.mayReply('198.51.100.7', 5060, LOCAL))
  own.push('198.51.100.7') // an address that came later
  advance(10_001)
  assert(!one.mayReply('198.51.100.7', 5060, LOCAL))
})

test('networks that the operator named are not', () => {
  const { guard: one } = guard(['198.51.100.0/25', '192.0.2.1', '2001:db8:bad::/48'])
  assert(!one.mayReply('198.51.100.7', 40_000, LOCAL))
  assert(one.mayReply('198.51.100.200', 40_000, LOCAL))
  assert(!one.mayReply('192.0.2.1', 40_000, LOCAL))
  assert(one.mayReply('192.0.2.2', 40_000, LOCAL))
  assert(!one.mayReply('2001:db8:bad:1::1', 40_000, LOCAL))
})

test('a network that is none is refused with its text', () => {
  for (const text of ['192.0.2.0/33', 'example.org', '192.0.2.0/', '2001:db8::/129', '192.0.2.0/a']) {
    assert.throws(
      () => guard([text]),
      (error) => error instanceof DaemonError && error.code === 'CONFIG_INVALID' && error.message.includes(text),
    )
  }
})
