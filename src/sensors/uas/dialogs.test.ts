// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invite, request } from '../../../test/support/sip-samples.ts'
import { type Arriving, startDevice, TCP, UDP } from '../../../test/support/uas.ts'

const tagIn = (response: string): string | undefined => /;tag=(as[0-9a-f]+)/.exec(response)?.[1]

const callFrom = (n: number) => ({ ...TCP, source: { ip: `198.51.${n >> 8}.${n & 255}`, port: 5060 } })

test('of more than 2,000 calls the one that began first is over, and its media told', () => {
  const device = startDevice()
  for (let n = 0; n < 2_001; n++) device.receive(invite(), callFrom(n))
  assert.equal(device.dialogs.count, 2_000)
  assert.deepEqual(
    device.media.map(({ call }) => call.circumstances.source.ip),
    ['198.51.0.0'],
  )
})

test('the end of the device is the end of its calls', () => {
  const device = startDevice()
  for (let n = 0; n < 3; n++) device.receive(invite(), callFrom(n))
  device[Symbol.dispose]()
  assert.deepEqual([device.dialogs.count, device.media.length], [0, 3])
})

test('a call is found by its own tag, Call-ID and source alone', () => {
  const device = startDevice()
  const [, , ok = ''] = device.texts(invite(), TCP)
  const to = `<sip:x@y>;tag=${/\r\nTo: .*;tag=(\S+)/.exec(ok)?.[1]}`
  const info = (change: object, arriving: Arriving = TCP): number[] =>
    device.statuses(request({ method: 'INFO', to, cseq: '2 INFO', ...change }), arriving)
  assert.deepEqual(info({}), [200])
  assert.deepEqual(info({ callId: 'another' }), [481])
  assert.deepEqual(info({ to: '<sip:x@y>;tag=as0123456789abcdef' }), [481])
  assert.deepEqual(info({}, callFrom(1)), [481])
})

test('a second INVITE in a call keeps its media, a new one of that Call-ID takes its place', () => {
  const device = startDevice()
  const [, , ok = ''] = device.texts(invite(), TCP)
  const to = `<sip:x@y>;tag=${/\r\nTo: .*;tag=(\S+)/.exec(ok)?.[1]}`
  assert.deepEqual(device.statuses(invite({ to, cseq: '2 INVITE' }), TCP), [200])
  assert.deepEqual([device.dialogs.count, device.media.length], [1, 0])
  device.receive(invite({ cseq: '3 INVITE' }), TCP)
  assert.deepEqual([device.dialogs.count, device.media.length], [1, 1])
})

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

test('a source has 10 calls with a port for media, and sources that may be forged 100 together', () => {
  const device = startDevice()
  const statuses = (n: number, callId: string, how: Arriving = TCP) =>
    device.statuses(invite({ callId }), { ...how, source: callFrom(n).source }).at(-1)
  for (let n = 0; n < 10; n++) assert.equal(statuses(1, `${n}`), 200)
  assert.equal(statuses(1, 'one more'), 486)
  for (let n = 0; n < 100; n++) assert.equal(statuses(100 + n, 'forged', UDP), 200)
  assert.equal(statuses(300, 'forged', UDP), 486)
  assert.equal(statuses(301, 'connected'), 200)
  device.timers.advance(30_000) // media is over, and the ports are free
  assert.equal(statuses(1, 'later'), 200)
  assert.equal(statuses(300, 'later', UDP), 200)
})
