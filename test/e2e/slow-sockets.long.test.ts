// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WebSocket } from 'ws'
import { STREAM_LIMITS } from '../../src/sensors/stream/limits.ts'
import { makeCredentials } from '../support/credentials.ts'
import { listenersOf, startSensors, tcpClient } from '../support/sensor-kit.ts'
import { request } from '../support/sip-samples.ts'

const SOCKET_COUNT = 18_000
const PER_ADDRESS = 10
const ROUNDS = 10 // of good clients, one of each kind
const SERVED_CPU_MS = 500 // of this process, however little of it the machine gives
const HEAP_GROWTH_MAX = 32 * 1_048_576 // bytes; 4,000 connections take more than that when they are kept
const ATTACKER = new URL('../support/slow-sockets.ts', import.meta.url).pathname

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

function heapSize(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const GOOD_CLIENTS: Record<string, (port: number) => Promise<void>> = {
  async tcp(port) {
    using client = await tcpClient(port)
    client.write(request())
    await client.got(/200 OK/)
  },
  async tls(port) {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.write(request())
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /200 OK/)
    socket.destroy()
  },
  async ws(port) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'sip')
    await once(socket, 'open')
    socket.send(request())
    const [answer] = await once(socket, 'message')
    assert.match(String(answer), /200 OK/)
    socket.terminate()
  },
}

test(`${SOCKET_COUNT} slow connections from ${SOCKET_COUNT / PER_ADDRESS} addresses keep nobody out`, async (t) => {
  let observedCount = 0
  const observe = () => void observedCount++ // kept ones would be what grows
  await using node = await startSensors(
    { listen: listenersOf('tcp', 'tls', 'ws'), credentials: makeCredentials() },
    { observe },
  )
  const ports = [node.tcpPort, node.tlsPort, node.wsPort]
  const args = ['--disable-warning=ExperimentalWarning', ATTACKER, ...[SOCKET_COUNT, PER_ADDRESS, ...ports].map(String)]
  const more = `ulimit -n ${SOCKET_COUNT + 500} && exec "$0" "$@"` // files than are allowed by default
  const attacker = spawn('bash', ['-c', more, process.execPath, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => attacker.kill('SIGKILL'))
  const exited = once(attacker, 'exit')
  const { connectionCountMax } = STREAM_LIMITS
  let openedCount = 0
  let countMax = 0
  const lines = createInterface(attacker.stdout)
  const opened = async (count: number) => {
    while (openedCount < count) {
      const [line] = await Promise.race([
        once(lines, 'line'),
        exited.then(([code]) => assert.fail(`it ended with ${code}`)),
      ])
      openedCount = Number(line)
      countMax = Math.max(countMax, node.sensors.counters().connectionCount)
    }
  }
  await opened(connectionCountMax * 2)
  assert.equal(node.sensors.counters().connectionCount, connectionCountMax)
  const heapBefore = heapSize()
  await opened(SOCKET_COUNT)
  const tookMs: Record<string, number[]> = {}
  const cpuMs: Record<string, number[]> = {}
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, [name, serve]] of Object.entries(GOOD_CLIENTS).entries()) {
      const [startedAt, before] = [performance.now(), process.cpuUsage()]
      await serve(ports[i]!)
      const { user, system } = process.cpuUsage(before)
      ;(tookMs[name] ??= []).push(Math.round(performance.now() - startedAt))
      ;(cpuMs[name] ??= []).push(Math.round((user + system) / 1000))
    }
    await opened(openedCount + 1)
  }
  t.diagnostic(`a good client is served after, ms: ${JSON.stringify(tookMs)}; of CPU time: ${JSON.stringify(cpuMs)}`)
  for (const [name, times] of Object.entries(cpuMs)) assert(Math.max(...times) <= SERVED_CPU_MS, `${name}: ${times}`)
  const heapGrowth = heapSize() - heapBefore
  t.diagnostic(
    `heap ${heapBefore} bytes, then ${heapGrowth} more; resident ${process.memoryUsage.rss()}; ${openedCount} opened`,
  )
  assert(heapGrowth <= HEAP_GROWTH_MAX, `${heapGrowth} bytes more`)
  assert.equal(countMax, connectionCountMax)
  assert(node.sensors.counters().shedConnectionCount >= SOCKET_COUNT - connectionCountMax)
  assert.equal(node.sensors.counters().bugCount, 0)
  attacker.stdin.end()
  await exited
  while (node.sensors.counters().connectionCount > 0) await new Promise((resolve) => setImmediate(resolve))
  assert(observedCount >= openedCount, `${observedCount} of ${openedCount}`)
})
