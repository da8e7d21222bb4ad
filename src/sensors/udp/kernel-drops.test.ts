// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { KernelDrops, tableAddress } from './kernel-drops.ts'

test('tableAddress() writes an endpoint as the system does', {
  skip: process.platform !== 'linux' && 'only Linux',
}, () => {
  assert.equal(tableAddress({ ip: '127.0.0.1', port: 5060 }), '0100007F:13C4')
  assert.equal(tableAddress({ ip: '::1', port: 5060 }), '00000000000000000000000001000000:13C4')
})

test('what the system dropped at our sockets is counted, once a second at most', () => {
  const table = (drops: number): string =>
    `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   41: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 123 2 0000000000000000 ${drops}
   42: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 124 2 0000000000000000 99\n`
  let now = 0
  let drops = 7
  const kernel = new KernelDrops({
    endpoints: () => [{ ip: '127.0.0.1', port: 5060 }],
    monotonicNow: () => now,
    readTable: (path) => (path.endsWith('6') ? assert.fail('no such table') : table(drops)),
  })
  const isLinux = process.platform === 'linux'
  assert.equal(kernel.count(), isLinux ? 7 : 0)
  drops = 12
  assert.equal(kernel.count(), isLinux ? 7 : 0)
  now = 1000
  assert.equal(kernel.count(), isLinux ? 12 : 0)
})

test('a buffer that overflows is seen', { skip: process.platform !== 'linux' && 'only Linux' }, async (t) => {
  const receiver = createSocket({ type: 'udp4', recvBufferSize: 4096 })
  t.after(() => receiver.close())
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  const sender = createSocket('udp4')
  t.after(() => sender.close())
  const { port } = receiver.address()
  let now = 0
  const kernel = new KernelDrops({ endpoints: () => [{ ip: '127.0.0.1', port }], monotonicNow: () => (now += 1000) })
  sender.connect(port, '127.0.0.1')
  await once(sender, 'connect')
  // All in one turn of the event loop, so that the receiver takes nothing meanwhile.
  for (let i = 0; i < 200; i++) sender.send(Buffer.alloc(1000))
  assert(kernel.count() > 0)
})
