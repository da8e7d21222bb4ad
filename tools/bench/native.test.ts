// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { loadArguments } from './load.ts'
import { buildPrograms, whyNoPrograms } from './native.ts'
import { variedMessages, writeTraffic } from './traffic.ts'

const reason = whyNoPrograms()
const SENT_COUNT = 80 // few enough for any receive buffer, however late they are read
const skip = reason === null ? false : `skipped: ${reason}`

function trafficFile(t: TestContext): string {
  const file = path.join(tempDir(t), 'traffic')
  writeTraffic(file, variedMessages(SENT_COUNT))
  return file
}

/** Runs a program to its end without standing in its way. */
async function output(program: string, args: readonly string[]): Promise<Record<string, number>> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return JSON.parse(text)
}

test('whatever is not on this machine is refused as a target, before anything is sent', { skip }, (t) => {
  const { load, http } = buildPrograms()
  const rest = ['--traffic', trafficFile(t), '--rate', '1', '--count', '1']
  const elsewhere = ['192.0.2.1:5060', '128.0.0.1:5060', '0.0.0.0:5060', '255.255.255.255:5060', '10.0.0.1:5060']
  const others = [
    '[::]:5060',
    '[2001:db8::1]:5060',
    '[::ffff:192.0.2.1]:5060',
    '[::ffff:127.0.0.1]:5060',
    '[fe80::1]:5060',
  ]
  const broken = ['localhost:5060', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:99999', '127.0.0.1:5060.1', '127.1:5060', '']
  for (const target of [...elsewhere, ...others, ...broken]) {
    for (const [program, args] of [
      [load, rest],
      [http, ['--paths', '/dev/null', '--seconds', '1']],
    ] as const) {
      const { status, stdout, stderr } = spawnSync(program, ['--target', target, ...args], { encoding: 'utf8' })
      assert.equal(status, 2, `${target}: ${stdout}${stderr}`)
      assert.match(stderr, /refused|is no address|has no port/, target)
      assert.equal(stdout, '')
    }
  }
})

test('the reference listens on this machine only', { skip }, () => {
  const { status, stderr } = spawnSync(buildPrograms().echo, ['--address', '192.0.2.1'], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /refused: 192\.0\.2\.1/)
})

for (const way of ['cut by the kernel', 'one by one'] as const) {
  test(`load sends as many datagrams as told, from as many sources, and counts replies: ${way}`, {
    skip,
  }, async (t) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1_048_576 })
    t.after(() => socket.close())
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const sources = new Set<string>()
    const received: string[] = []
    socket.on('message', (bytes, from) => {
      sources.add(from.address)
      received.push(bytes.toString('latin1'))
      socket.send('SIP/2.0 200 OK\r\n\r\n', from.port, from.address)
    })
    const plan = {
      port: socket.address().port,
      traffic: 'varied',
      rate: 20_000,
      amount: { count: SENT_COUNT },
    } as const
    const patience = ['--linger', '20000'] // it ends with the last reply
    const args = [...loadArguments({ ...plan, sourceCount: 30, burstCount: 2 }, trafficFile(t)), ...patience]
    const result = await output(buildPrograms().load, way === 'one by one' ? [...args, '--no-gso'] : args)
    assert.deepEqual([result.sentCount, result.repliedCount, result.sendErrorCount], [SENT_COUNT, SENT_COUNT, 0])
    assert.deepEqual(received.sort(), variedMessages(SENT_COUNT).sort())
    assert(sources.size === 30 && [...sources].every((ip) => /^127\.1\.\d+\.\d+$/.test(ip)), [...sources].join(' '))
  })
}

test('http counts answers by status, and takes an answer in pieces', { skip }, async (t) => {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/seen' ? 200 : 404, { 'content-length': 20 })
    response.write('0123456789')
    setImmediate(() => response.end('0123456789'))
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  assert(typeof address === 'object' && address !== null)
  const paths = path.join(tempDir(t), 'paths')
  writeFileSync(paths, '/seen\n/unseen\n')
  const result = await output(buildPrograms().http, [
    ...['--target', `127.0.0.1:${address.port}`, '--paths', paths],
    ...['--seconds', '0.2', '--connections', '4', '--rate', '500'],
  ])
  assert.equal(result.errorCount, 0)
  assert.equal(result.otherCount, 0)
  assert(result.okCount! > 0 && Math.abs(result.okCount! - result.notFoundCount!) <= 1, JSON.stringify(result))
  assert.equal(result.answeredCount, result.okCount! + result.notFoundCount!)
  assert(result.p50Us! <= result.p99Us! && result.p99Us! <= result.maxUs!)
})
