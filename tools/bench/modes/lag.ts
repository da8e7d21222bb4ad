// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendLoad } from '../load.ts'
import { BenchNode } from '../node.ts'
import { percentile } from '../statistics.ts'
import { fixed, type Report, whole } from '../table.ts'
import { plainMessages } from '../traffic.ts'
import type { World } from '../world.ts'

const PROBE_COUNT = 200
const PROBE_COUNT_QUICK = 30
const PROBE_MS_MAX = 10_000 // a packet not seen by then was lost, and counts so long
const LOAD_RATE = 20_000
const LOAD_SECONDS_MAX = 60

/** How long after a packet leaves a lookup answers that its address was seen. */
export async function lag(world: World): Promise<Report> {
  const rate = world.options.rate ?? LOAD_RATE
  const node = await BenchNode.start(world, { stateDir: world.stateDir() })
  const message = plainMessages(1)[0]!
  const probe = (first: number) => probeAll(world, node, message, first)
  await probe(0) // compiles what is measured next
  const idle = await probe(1)
  world.say(`  idle: p50 ${fixed(percentile(idle, 0.5), 1)} ms, p99 ${fixed(percentile(idle, 0.99), 1)} ms`)
  const stop = new AbortController()
  const loading = loadUntil(world, node, rate, stop.signal)
  loading.catch(() => {}) // told when it is waited for
  const busy = await probe(2)
  stop.abort()
  await loading
  world.say(`  busy: p50 ${fixed(percentile(busy, 0.5), 1)} ms, p99 ${fixed(percentile(busy, 0.99), 1)} ms`)
  await node.stop()
  world.remove(node.stateDir)
  const row = (name: string, times: readonly number[]): string[] => [
    name,
    whole(times.length),
    ...[0.5, 0.99, 1].map((part) => fixed(percentile(times, part), 1)),
    '≤ 100',
  ]
  return {
    tables: [
      {
        title: 'From a packet to a lookup that answers "seen", ms',
        columns: ['', 'packets', 'p50', 'p99', 'longest', 'reach (p99)'],
        rows: [row('nothing else arrives', idle), row(`${whole(rate)} events/s arrive, with replies`, busy)],
      },
    ],
    notes: ['One packet at a time, each from an address of its own, asked for about every millisecond.'],
    figures: { idleMs: idle, busyMs: busy },
  }
}

/** Loads in pieces until it is told to stop, so that nothing is sent for longer than it is needed. */
async function loadUntil(world: World, node: BenchNode, rate: number, signal: AbortSignal): Promise<void> {
  const endsAt = performance.now() + 1000 * LOAD_SECONDS_MAX
  while (!signal.aborted && performance.now() < endsAt) {
    await sendLoad(world, { port: node.port, traffic: 'varied', rate, amount: { seconds: 1 }, sourceCount: 2000 })
  }
}

async function probeAll(world: World, node: BenchNode, message: string, round: number): Promise<number[]> {
  const times: number[] = []
  const count = world.options.quick ? PROBE_COUNT_QUICK : PROBE_COUNT
  for (let i = 0; i < count && world.hasTime(PROBE_MS_MAX / 1000); i++) {
    // 127.200.0.0 and on: addresses that the load does not use.
    times.push(await probeOnce(node, message, `127.${200 + round}.${i >> 7}.${1 + (i & 127)}`))
  }
  return times
}

async function probeOnce(node: BenchNode, message: string, address: string): Promise<number> {
  const socket = await bound(address)
  socket.send(message, node.port, '127.0.0.1')
  const sentAt = performance.now()
  while (performance.now() - sentAt < PROBE_MS_MAX) {
    if ((await node.get(`/v1/ip-addresses/${address}`)).status === 200) break
    await sleep(1)
  }
  const took = performance.now() - sentAt
  socket.close()
  return took
}

async function bound(address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('message', () => {}) // the reply is not what is measured
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}
