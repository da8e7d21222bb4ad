// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatListeners, formatReceiver } from './listeners.ts'

const udp = (ip: string) => ({ transport: 'udp', ip, port: 5060 })

test('formatListeners() writes addresses, with brackets for IPv6', () => {
  assert.equal(
    formatListeners([udp('127.0.0.1'), { ...udp('::'), transport: 'tcp' }]),
    'udp 127.0.0.1:5060 · tcp [::]:5060',
  )
  assert.equal(formatListeners([]), '')
})

test('formatListeners() counts many addresses of one port', () => {
  const many = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '::1', '2001:db8::1'].map(udp)
  assert.equal(
    formatListeners([...many, { ...udp('::'), transport: 'tcp' }]),
    'udp port 5060 of 5 addresses · tcp [::]:5060',
  )
})

test('formatReceiver() tells how datagrams are received, if any are', () => {
  const tcp = { ...udp('::'), transport: 'tcp', receiver: 'net' }
  assert.equal(
    formatReceiver([{ ...udp('::'), receiver: 'recvmmsg' }, { ...udp('::1'), receiver: 'recvmmsg' }, tcp]),
    'by recvmmsg',
  )
  assert.equal(formatReceiver([tcp]), null)
  assert.equal(formatReceiver([udp('::')]), null) // a node that does not tell
})
