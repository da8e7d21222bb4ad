// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invite, request } from '../../../test/support/sip-samples.ts'
import { startDevice, TCP, UDP } from '../../../test/support/uas.ts'

const tagIn = (response: string): string | undefined => /;tag=(as[0-9a-f]+)/.exec(response)?.[1]

test('nothing is told of the media of a call that was not accepted', () => {
  const device = startDevice({ pacing: 'natural' })
  device.receive(invite({ callId: 'cancelled' }), TCP)
  const cancel = invite({ callId: 'cancelled', body: '' })
    .toString()
    .replaceAll(/INVITE(?= sip|\r)/g, 'CANCEL')
  assert.deepEqual(device.statuses(Buffer.from(cancel), TCP), [200, 487])
  assert.deepEqual(device.statuses(invite({ callId: 'no room' }), { ...UDP, size: 300 }), [486])
  assert.equal(device.dialogs.count, 0)
  assert.deepEqual(device.media, [])
  device.receive(invite({ callId: 'accepted' }), TCP)
  device.timers.advance(60_000)
  assert.equal(device.media.length, 1)
})

test('a request within a call that is not answered does not end it', () => {
  let mayReply = true
  const device = startDevice({ mayReply: () => mayReply })
  const to = `<sip:100@203.0.113.5>;tag=${tagIn(device.texts(invite(), TCP).at(-1) ?? '')}`
  device.receive(request({ method: 'ACK', to }), TCP)
  mayReply = false
  assert.deepEqual(device.statuses(invite({ to, cseq: '2 INVITE' }), TCP), [])
  assert.equal(device.dialogs.count, 1)
  assert.deepEqual(device.media, [])
})

test('a call that may not be answered takes no port', () => {
  let mayReply = false
  const device = startDevice({ sinkCount: 1, mayReply: () => mayReply })
  assert.deepEqual(device.statuses(invite(), TCP), [])
  mayReply = true
  assert.deepEqual(device.statuses(invite(), TCP), [100, 180, 200])
})
