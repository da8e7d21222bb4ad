// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { startNode } from '../support/node-process.ts'
import { sipRequest } from '../support/observations.ts'
import { tempDir } from '../support/temp-dir.ts'

type Stats = { readonly indicators: { readonly ipAddressCount: number; readonly phoneNumberCount: number } }

test('a node that has seen nothing, or no number, starts again', async (t) => {
  const stateDir = tempDir(t)
  for (const [sentCount, addressCount] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [0, 1],
  ] as const) {
    const node = await startNode(t, stateDir)
    const { indicators } = await node.get<Stats>('/v1/stats')
    assert.deepEqual(indicators, { ipAddressCount: addressCount, phoneNumberCount: 0 })
    if (sentCount > 0) {
      const socket = createSocket('udp4')
      socket.send(sipRequest({ method: 'OPTIONS', number: 'nobody' }), node.sipPort, '127.0.0.1')
      await node.durable(1)
      socket.close()
    }
    assert.deepEqual(await node.kill('SIGINT'), { code: 0, signal: null }, node.output())
  }
})
