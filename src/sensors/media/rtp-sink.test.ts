// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { openSink, PacketPace, SINK_LIMITS } from './rtp-sink.ts'

const FROM = { address: '127.0.0.1', port: 4000, family: 'IPv4', size: 1 }

test('when too much comes to all calls of a thread, those that get more lose their ports', () => {
  let now = 0
  const deps = { monotonicNow: () => now, after: () => () => {} }
  const total = new PacketPace(deps)
  const each = SINK_LIMITS.rate - 100 // which one alone may have
  const closed: number[] = []
  const sockets = Array.from({ length: Math.ceil(SINK_LIMITS.totalRate / each) }, (_, index) => {
    const socket = Object.assign(new EventEmitter(), { address: () => ({ port: 10_000 }), close: () => {} })
    openSink(socket as unknown as Socket, deps, total, () => closed.push(index))
    return socket
  })
  for (const socket of sockets) for (let n = 0; n < each; n++) socket.emit('message', new Uint8Array(1), FROM)
  assert.deepEqual(closed, [sockets.length - 1])
  now = 1000
  for (let n = 0; n < each; n++) sockets[0]!.emit('message', new Uint8Array(1), FROM)
  assert.equal(closed.length, 1)
})
