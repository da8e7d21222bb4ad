// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { canReceiveBatches } from '../../src/sensors/udp/linux/batch-receiver.ts'
import type { StoreStatus } from '../../src/store/types.ts'
import { freePort } from '../support/free-port.ts'
import { type NodeProcess, startNode } from '../support/node-process.ts'
import { sipRequest } from '../support/observations.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUdpLoad } from '../support/udp-load.ts'

const COLLECT_GARBAGE = new URL('../support/collect-garbage.cjs', import.meta.url).pathname
const NO_BATCHES = !canReceiveBatches() && 'this system has no recvmmsg that Node could call'
const WAYS = {
  'recvmmsg, one thread': { SENTRYPEER_SIP_RECEIVER: 'recvmmsg', SENTRYPEER_SIP_RECEIVER_THREADS: '1' },
  'recvmmsg, three threads': { SENTRYPEER_SIP_RECEIVER: 'recvmmsg', SENTRYPEER_SIP_RECEIVER_THREADS: '3' },
  dgram: { SENTRYPEER_SIP_RECEIVER: 'dgram' },
}
const CLIENT_COUNT = 20
const EACH_COUNT = 25

type Stats = {
  readonly listeners: readonly { transport: string; receiver: string }[]
  readonly sensors: { receivedCount: number; repliedCount: number; kernelDropCount: number }
  readonly store: StoreStatus
}

const stats = (node: NodeProcess): Promise<Stats> => node.get<Stats>('/v1/stats')

/** Clients that each send some OPTIONS; resolves once each got as many replies. */
async function askFromMany(t: TestContext, port: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: CLIENT_COUNT }, () => openClient(t)))
  const answered = clients.map(async (client, c) => {
    let count = 0
    const all = new Promise<void>((resolve) => {
      client.on('message', () => {
        if (++count === EACH_COUNT) resolve()
      })
    })
    for (let i = 0; i < EACH_COUNT; i++) {
      const bytes = sipRequest({ method: 'OPTIONS', callId: `client${c}-${i}` })
      client.send(Buffer.concat([bytes]), port, '127.0.0.1')
    }
    await all
  })
  await Promise.all(answered)
}

async function openClient(t: TestContext): Promise<Socket> {
  const client = createSocket('udp4')
  t.after(() => client.close())
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  return client
}

for (const [name, env] of Object.entries(WAYS)) {
  const receiver = env.SENTRYPEER_SIP_RECEIVER
  test(`by ${name}: every datagram is answered, kept once and counted`, {
    skip: receiver === 'recvmmsg' && NO_BATCHES,
  }, async (t) => {
    const off = { SENTRYPEER_SIP_REPLY_LIMIT_OFF: 'true' }
    const node = await startNode(t, tempDir(t), [], { ...env, ...off })
    await askFromMany(t, node.sipPort)
    await node.durable(CLIENT_COUNT * EACH_COUNT)
    await node.indexed()
    const { listeners, store } = await stats(node)
    assert.deepEqual(
      listeners.map((one) => [one.transport, one.receiver]),
      [
        ['udp', receiver],
        ['tcp', 'net'],
      ],
    )
    assert.equal(store.droppedCount + store.shedRawCount, 0)
    const { count } = await node.get<{ count: number }>('/v1/ip-addresses/127.0.0.1')
    assert.equal(count, CLIENT_COUNT * EACH_COUNT)
    assert.deepEqual(await node.kill('SIGTERM'), { code: 0, signal: null })
    assert.match(node.output(), /Stopped: 500 events saved/)
  })
}

test('a port that threads of one node share is still refused to another node', { skip: NO_BATCHES }, async (t) => {
  const port = await freePort()
  const env = WAYS['recvmmsg, three threads']
  const args = ['--sip', `udp:127.0.0.1:${port}`]
  const node = await startNode(t, tempDir(t), args, env)
  await assert.rejects(startNode(t, tempDir(t), args, env), /the address is taken: udp 127\.0\.0\.1/)
  assert.equal((await stats(node)).listeners.length, 1)
})

test('while all garbage is collected again and again, nothing that the system points at goes away', {
  skip: NO_BATCHES,
}, async (t) => {
  const env = { ...WAYS['recvmmsg, one thread'], NODE_OPTIONS: `--require=${COLLECT_GARBAGE}` }
  const node = await startNode(t, tempDir(t), [], env)
  const load = await startUdpLoad({ port: node.sipPort, perSecond: 4000, prefix: 'gc', countMax: 8000 })
  await load.done
  await load.stop()
  await node.accepted(8000)
  assert.deepEqual(await node.kill('SIGTERM'), { code: 0, signal: null })
})
