// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deliver } from '../../test/support/datagrams.ts'
import { CONFIG } from '../../test/support/sensor-kit.ts'
import { invite, request } from '../../test/support/sip-samples.ts'
import { createAnswering } from './answering.ts'
import { createCounters } from './counters.ts'
import { ReplyGuard } from './reply-guard.ts'
import { DatagramTarget } from './udp/datagram.ts'

const TIMER_COUNT = 20_000 // as many as there may be, and one more

test('a call that comes when all timers run already meets no bug', async () => {
  const counters = createCounters()
  const now = () => 1_790_000_000_000
  await using answering = await createAnswering(
    { ...CONFIG, listen: [{ transport: 'udp', host: '127.0.0.1', port: 5060 }] },
    {
      now,
      random: randomBytes,
      observe: () => {},
      observeDatagram: () => {},
      log: { info: () => {}, warn: () => {}, error: () => {} },
      ownAddresses: () => ['127.0.0.1'],
    },
    {
      counters,
      guard: new ReplyGuard([], { now, ownAddresses: () => [], isOwnPort: () => false }),
      monotonicNow: () => 0,
    },
  )
  const target = new DatagramTarget({ ip: '127.0.0.1', port: 5060 })
  const send = (bytes: Buffer) => {
    const datagram = { bytes, ip: '198.51.100.7', port: 5060, target }
    return deliver(answering.datagrams.handle, answering.fixed, datagram).map(String)
  }
  const options = request({ headers: [`Subject: ${'x'.repeat(300)}`] })
  const [, tag] = /^To: .*;tag=(\w+)/m.exec(send(options)[0] ?? '') ?? []
  send(request({ to: `<sip:100@203.0.113.5>;tag=${tag}` })) // and so it is proven
  // Their refusals wait for an ACK.
  for (let count = 0; count < TIMER_COUNT; count++) send(invite({ callId: `${count}`, from: '<sip:100@a>;tag=1' }))
  for (let count = 0; count < 10; count++) {
    assert.match(
      send(invite({ callId: `guest-${count}`, from: '<sip:guest@a>;tag=1' })).at(-1) ?? '',
      /^SIP\/2\.0 [24]/,
    )
  }
  assert.equal(counters.bugCount, 0)
})
