// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { NODE_FLAGS, startNode } from '../support/node-process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUdpLoad } from '../support/udp-load.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

function run(args: readonly string[]): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(process.execPath, [...NODE_FLAGS, MAIN, ...args], { encoding: 'utf8', timeout: 20_000 })
}

const start = (dir: string, ...args: string[]): ReturnType<typeof run> =>
  run(['start', '--state-dir', dir, '--api', '127.0.0.1:0', ...args])

test('a busy UDP, TCP or API port is named, with the way out', async (t) => {
  const udp = createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => udp.close())
  const tcp = createServer().listen(0, '127.0.0.1')
  t.after(() => tcp.close())
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  const tcpAddress = tcp.address()
  assert(tcpAddress !== null && typeof tcpAddress === 'object')
  const udpPort = udp.address().port
  for (const [args, words] of [
    [
      ['--sip', `udp:127.0.0.1:${udpPort}`],
      [`udp 127.0.0.1:${udpPort}`, '--sip udp:'],
    ],
    [
      ['--sip', `tcp:127.0.0.1:${tcpAddress.port}`],
      [`tcp 127.0.0.1:${tcpAddress.port}`, '--sip tcp:'],
    ],
    [
      ['--no-sip', '--api', `127.0.0.1:${tcpAddress.port}`],
      [`127.0.0.1:${tcpAddress.port}`, '--api'],
    ],
  ] as const) {
    const { status, stderr } = start(tempDir(t), ...args)
    assert.equal(status, 1, stderr)
    for (const word of ['Cannot listen: the address is taken', ...words])
      assert(stderr.includes(word), `${word}: ${stderr}`)
    assert(!stderr.includes('    at '), stderr)
  }
})

test('a second node on the same folder is refused, and the first goes on', async (t) => {
  const dir = tempDir(t)
  const node = await startNode(t, dir)
  const { status, stderr } = start(dir, '--no-sip')
  assert.equal(status, 1)
  assert.match(stderr, /another node holds it.*--state-dir/)
  assert.deepEqual(await node.get('/v1/ready'), { status: 'ready' })
})

test('a state folder that cannot be made is refused with the way out', (t) => {
  const dir = tempDir(t)
  writeFileSync(`${dir}/file`, '')
  const { status, stderr } = start(`${dir}/file/state`, '--no-sip')
  assert.equal(status, 1)
  assert.match(stderr, /Cannot write to the state folder.*--state-dir/)
})

test('a damaged index is made again and a torn journal cut; both are said, nothing else is lost', async (t) => {
  const dir = tempDir(t)
  const first = await startNode(t, dir)
  const load = await startUdpLoad({ port: first.sipPort, perSecond: 2000, prefix: 'damage', countMax: 500 })
  await load.done
  await load.stop()
  await first.accepted(500)
  await first.kill('SIGTERM')
  assert.match(first.output(), /500 events saved/)
  const [journal] = readdirSync(`${dir}/journal`)
  const path = `${dir}/journal/${journal}`
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('half a block')]))
  for (const name of readdirSync(`${dir}/index`))
    writeFileSync(`${dir}/index/${name}`, 'this is no database'.repeat(500))

  const doctor = run(['doctor', '--state-dir', dir])
  assert.notEqual(doctor.status, 0)
  assert.match(doctor.stdout, /sentrypeer reindex/)

  const second = await startNode(t, dir)
  const { count } = await second.get<{ count: number }>('/v1/ip-addresses/127.0.0.1')
  assert.equal(count, 500)
  await second.kill('SIGTERM')
  assert.match(second.output(), /made again from the journal/)
  assert.match(second.output(), /cut 12 bytes/)
})
