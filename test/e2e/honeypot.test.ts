// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A whole node as callers meet it, and what it tells of them.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { headerOf, provenCaller, statusOf, tcpCaller, toTag, udpCaller } from '../support/callers.ts'
import { type NodeProcess, startNode } from '../support/node-process.ts'
import { digitPackets, rtpPacket } from '../support/rtp.ts'
import { invite, request } from '../support/sip-samples.ts'
import { tempDir } from '../support/temp-dir.ts'

const NUMBER = 'sip:900442081234567@203.0.113.5'
const PREFIXES = Array.from({ length: 40 }, (_, i) => 10_000 + 997 * i)

/** How calls with those prefixes end there, over UDP or TCP. */
async function endsOf({ sipPort }: NodeProcess, open: typeof udpCaller): Promise<number[]> {
  using caller = await open({ port: sipPort })
  const statuses: number[] = []
  for (const prefix of PREFIXES) {
    const uri = `sip:${prefix}442081234567@203.0.113.5`
    statuses.push(statusOf(await caller.askFinal(invite({ uri, callId: `${prefix}` }))))
  }
  return statuses
}

test('a prefix is refused in the same way over UDP and TCP, and after a restart', { timeout: 60_000 }, async (t) => {
  const stateDir = tempDir(t)
  const level = ['--interaction', 'low']
  const pacing = { SENTRYPEER_SIP_PACING: 'none' }
  const node = await startNode(t, stateDir, level, pacing)
  const ends = await endsOf(node, udpCaller)
  assert(new Set(ends).size > 1, 'of 40 prefixes 2 in 10^6 nodes end all alike')
  assert.deepEqual(await endsOf(node, tcpCaller), ends)
  await node.kill('SIGTERM')
  const again = await startNode(t, stateDir, level, pacing)
  assert.deepEqual(await endsOf(again, tcpCaller), ends)
  assert.deepEqual(await endsOf(again, udpCaller), ends)
})

type Told = { items: { kind: string; transport: string; sourcePort: number; callId: string; raw: string }[] }

/** A telephone's end of the media. */
async function openMedia(
  t: TestContext,
): Promise<{ socket: Socket; sendTo(port: number, packets: Buffer[]): Promise<void>; cameBack: number }> {
  const socket = createSocket('udp4')
  const media = {
    socket,
    cameBack: 0,
    async sendTo(port: number, packets: Buffer[]): Promise<void> {
      for (const packet of packets) {
        await new Promise<void>((resolve, reject) => {
          socket.send(packet, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
        })
      }
    },
  }
  socket.on('message', () => media.cameBack++)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return media
}

for (const [way, open] of [
  ['TCP', tcpCaller],
  ['proven UDP', provenCaller],
] as const) {
  test(`the media of a call over ${way} is counted, and nothing comes back`, { timeout: 60_000 }, async (t) => {
    const node = await startNode(t, tempDir(t), ['--interaction', 'high'], { SENTRYPEER_SIP_PACING: 'none' })
    using caller = await open({ port: node.sipPort })
    const media = await openMedia(t)
    const call = { callId: 'with-media', uri: NUMBER }
    const answer = await caller.askFinal(invite(call))
    assert.equal(statusOf(answer), 200)
    const port = Number(/\r\nm=audio (\d+) /.exec(answer)?.[1])
    const to = headerOf(answer, 'to')
    assert.notEqual(toTag(answer), '')
    caller.send(request({ ...call, method: 'ACK', to }))
    const voice = Array.from({ length: 10 }, (_, i) => rtpPacket({ sequence: 1 + i, timestamp: 160 * i }))
    await media.sendTo(port, [...voice, ...digitPackets('4', { sequence: 11, timestamp: 1_600 })])
    // What the system had is read before what comes after that: two requests, each sent when the last one was answered.
    for (const method of ['INFO', 'BYE'])
      assert.equal(statusOf(await caller.askFinal(request({ ...call, method, to }))), 200)
    await node.durable(way === 'TCP' ? 5 : 7)
    await node.indexed()
    const { items } = await node.get<Told>('/v1/events?limit=50')
    const told = items.filter(({ kind }) => kind === 'media')
    assert.equal(told.length, 1)
    assert.equal(told[0]!.transport, 'rtp')
    assert.equal(told[0]!.sourcePort, media.socket.address().port)
    const summary = JSON.parse(told[0]!.raw)
    assert.deepEqual([summary.callId, summary.packetCount, summary.dtmf], [call.callId, 16, '4'])
    assert.equal(media.cameBack, 0)
  })
}
