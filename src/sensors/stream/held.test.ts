// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSensors, tcpClient } from '../../../test/support/sensor-kit.ts'
import { invite } from '../../../test/support/sip-samples.ts'
import { ClosablePath } from './held.ts'

test('a path sends until it is closed', () => {
  const sent: Uint8Array[] = []
  const path = new ClosablePath((bytes) => sent.push(bytes) > 0)
  const bytes = Buffer.from('x')
  assert.equal(path.send(bytes), true)
  path.close()
  assert.equal(path.send(bytes), false)
  assert.deepEqual(sent, [bytes])
})

test('over TCP: what is to be answered later is not, once the connection is closed', async () => {
  await using node = await startSensors({ pacing: 'natural' })
  {
    using client = await tcpClient(node.tcpPort)
    client.write(invite())
    await client.got(/^SIP\/2\.0 100 /)
  }
  const [call] = await node.observed(1)
  assert.deepEqual(call?.responses, [100, 180, 200])
  const signal = AbortSignal.timeout(10_000)
  while (node.sensors.counters().sendErrorCount === 0) {
    signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(node.sensors.counters().repliedCount, 1)
})
