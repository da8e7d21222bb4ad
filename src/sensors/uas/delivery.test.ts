// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invite, request } from '../../../test/support/sip-samples.ts'
import { startDevice, TCP, textOf } from '../../../test/support/uas.ts'

const LARGE = ['Record-Route: <sip:a.example;lr>', `Record-Route: <sip:${'a'.repeat(3_000)}.example>`]

test('a request that comes again while its answer is on the way is not answered twice', () => {
  const device = startDevice({ pacing: 'tarpit' })
  const response = '0'.repeat(32)
  const credentials = `Authorization: Digest username="100",realm="asterisk",nonce="x",uri="sip:x",response="${response}"`
  const register = request({ method: 'REGISTER', headers: [credentials] })
  for (let time = 0; time < 3; time++) assert.deepEqual(device.statuses(register, TCP), [])
  device.timers.advance(32_000)
  assert.equal(device.late.length, 1)
  assert.deepEqual(device.statuses(register, TCP), [401])
})

test('large responses are sent at once and once, so that none is held', () => {
  const device = startDevice({ pacing: 'natural' })
  assert.deepEqual(device.statuses(invite({ headers: LARGE }), TCP), [100, 180, 200])
  device.timers.advance(32_000)
  assert.deepEqual(device.late, [])
  assert.equal(device.timers.count, 0)
})

test('what is kept of a transaction keeps nothing else', () => {
  const device = startDevice()
  for (const reply of device.receive(invite(), TCP).replies) {
    assert.equal(reply.bytes.buffer.byteLength, reply.bytes.length, textOf(reply))
  }
})
