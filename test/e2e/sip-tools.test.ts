// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The programs that scan the world, against our sensors on loopback.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { Observation } from '../../src/core/event.ts'
import { listenSensors, type SensorsConfig } from '../../src/sensors/sensors.ts'
import type { Sensors } from '../../src/sensors/types.ts'
import { makeCredentials } from '../support/credentials.ts'
import { observationOf } from '../support/datagrams.ts'
import { request } from '../support/sip-samples.ts'

const TOOL_MS = 30_000 // longer than any of them takes
const PACKAGES = {
  svmap: 'sipvicious',
  svwar: 'sipvicious',
  svcrack: 'sipvicious',
  sipp: 'sip-tester',
  sipsak: 'sipsak',
  openssl: 'openssl',
}
type Tool = keyof typeof PACKAGES

/** Whether the tool is here. Without it the test is skipped aloud, or fails where nothing may be skipped. */
function has(t: TestContext, tool: Tool): boolean {
  const { PATH = '', SENTRYPEER_NO_SKIP } = process.env
  for (const folder of PATH.split(delimiter)) {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {} // not in this folder
  }
  const line = `skipped: ${tool} is not installed (apt-get install ${PACKAGES[tool]})`
  assert.notEqual(SENTRYPEER_NO_SKIP, '1', line)
  t.skip(line)
  return false
}

/** `until`: its input stays open until it has printed that. */
async function run(
  tool: Tool,
  args: readonly string[],
  { input = '', until }: { input?: string | Uint8Array; until?: RegExp } = {},
): Promise<{ output: string; code: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'sip-tools-'))
  try {
    const env = { ...process.env, HOME: folder, TERM: 'dumb' }
    const child = spawn(tool, args, { cwd: folder, env, stdio: 'pipe', timeout: TOOL_MS })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        output += bytes
        if (until?.test(output)) child.stdin.end()
      })
    }
    child.stdin.on('error', () => {}) // it does not have to read what it is given
    child.stdin.write(input)
    if (until === undefined) child.stdin.end()
    const [code] = await once(child, 'close')
    return { output, code }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const RATES = { source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: false }

async function startSensors(listen: SensorsConfig['listen'], replyLimit: SensorsConfig['replyLimit'] = RATES) {
  const observations: (Observation & { text: string })[] = []
  const trouble: string[] = []
  const credentials = makeCredentials()
  const common = { enabled: true, passive: false, neverReply: [], receiver: 'auto' } as const
  const config = { ...common, listen, replyLimit, credentials }
  const observe = (one: Observation) =>
    void observations.push({ ...one, text: Buffer.from(one.bytes).toString('latin1') })
  const sensors: Sensors = await listenSensors(config, {
    now: Date.now,
    random: randomBytes,
    observe,
    observeDatagram: (datagram) => observe(observationOf(datagram)),
    log: { info: () => {}, warn: () => {}, error: (_, text) => trouble.push(text) },
    ownAddresses: () => ['127.0.0.1', '::1'],
  })
  return {
    port: sensors.listeners[0]?.endpoint.port ?? 0,
    observations,
    /** What must hold after any tool: no bug, and over UDP never more bytes sent than received. */
    check() {
      assert.deepEqual(trouble, [])
      assert.equal(sensors.counters().bugCount, 0)
      const udp = observations.filter(({ transport }) => transport === 'udp')
      for (const { sentSize, size, text } of udp) assert(sentSize <= size, `${sentSize} > ${size}: ${text}`)
      const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0)
      const [sent, received] = [sum(udp.map((one) => one.sentSize)), sum(udp.map((one) => one.size))]
      return `${observations.length} messages; over UDP ${received} bytes came and ${sent} went`
    },
    [Symbol.asyncDispose]: () => sensors[Symbol.asyncDispose](),
  }
}

const udp = (host = '127.0.0.1', port = 0) => ({ transport: 'udp', host, port }) as const
const tcp = (host = '127.0.0.1', port = 0) => ({ transport: 'tcp', host, port }) as const
const tls = (host: string) => ({ transport: 'tls', host, port: 0 }) as const

/** A UDP port that is free just now, for a tool that wants to be told its own. */
async function freePort(host = '127.0.0.1'): Promise<number> {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
  const listening = once(socket, 'listening')
  socket.bind(0, host)
  await listening
  const { port } = socket.address()
  const closed = once(socket, 'close')
  socket.close()
  await closed
  return port
}

/** Sensors on a port of four digits, since sipsak cuts longer ones in its URIs. */
async function startOnShortPort() {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(2_000, 10_000)
    try {
      return await startSensors([udp('127.0.0.1', port), tcp('127.0.0.1', port)])
    } catch (error) {
      if (attempt === 20) throw error // each of them taken: that is no chance
    }
  }
}

// Together, since they wait more than they work.
describe('the tools of the scanners', { concurrency: 4 }, () => {
  test('svmap prints the device', async (t) => {
    if (!has(t, 'svmap')) return
    for (const method of ['OPTIONS', 'INVITE', 'REGISTER']) {
      await using node = await startSensors([udp()])
      const args = [`-p${node.port}`, `-P${await freePort()}`, `-m${method}`, '127.0.0.1']
      const { output } = await run('svmap', args)
      assert.match(output, new RegExp(`127\\.0\\.0\\.1:${node.port}\\s*\\| Asterisk PBX`), `${method}: ${output}`)
      t.diagnostic(`${method}: ${node.check()}`)
    }
  })

  test('svmap prints the device over IPv6', async (t) => {
    if (!has(t, 'svmap')) return
    await using node = await startSensors([udp('::1')])
    const { output } = await run('svmap', ['-6', `-p${node.port}`, `-P${await freePort('::1')}`, '::1'])
    assert.match(output, /Asterisk PBX/, output)
    t.diagnostic(node.check())
  })

  test('svwar finds the extensions, and only those', async (t) => {
    if (!has(t, 'svwar')) return
    await using node = await startSensors([udp()])
    const { output } = await run('svwar', [
      '-e100-103,300,1000',
      `-p${node.port}`,
      `-P${await freePort()}`,
      '127.0.0.1',
    ])
    const found = Array.from(
      output.matchAll(/\|\s*(\d+)\s*\|\s*(\w+)\s*\|/g),
      ([, extension, how]) => `${extension} ${how}`,
    )
    assert.deepEqual(
      found.sort(),
      ['100', '1000', '101', '102', '103'].map((one) => `${one} reqauth`),
      output,
    )
    t.diagnostic(node.check())
  })

  test('svcrack tries its whole range and finds no password', async (t) => {
    if (!has(t, 'svcrack')) return
    await using node = await startSensors([udp()])
    const { output } = await run('svcrack', [
      '-u100',
      '-r90-110',
      `-p${node.port}`,
      `-P${await freePort()}`,
      '127.0.0.1',
    ])
    assert.match(output, /found nothing/, output)
    const attempts = node.observations.filter(({ text }) => /\r\nAuthorization: Digest /.test(text))
    assert(attempts.every(({ responses }) => responses[0] === 401))
    // Its From-tag is the hex of "user:password", a 0x01 and a random number.
    const tags = attempts.map(({ text }) =>
      Buffer.from(/\r\nFrom: .*;tag=(\w+)/.exec(text)?.[1] ?? '', 'hex').toString(),
    )
    const passwords = new Set(tags.map((tag) => Number(tag.split('\u0001')[0]?.replace('100:', ''))))
    assert.deepEqual(
      [...passwords].sort((a, b) => a - b),
      Array.from({ length: 21 }, (_, i) => 90 + i),
    )
    t.diagnostic(node.check())
  })

  const CALLS: readonly [how: string, host: string, mode: string][] = [
    ['over UDP', '127.0.0.1', 'u1'],
    ['over TCP', '127.0.0.1', 't1'],
    ['over UDP and IPv6', '::1', 'u1'],
    ['over TCP and IPv6', '::1', 't1'],
  ]
  for (const [how, host, mode] of CALLS) {
    test(`sipp completes its calls ${how}`, async (t) => {
      if (!has(t, 'sipp')) return
      await using node = await startSensors([mode === 'u1' ? udp(host) : tcp(host)])
      const inUri = host.includes(':') ? `[${host}]` : host
      const number = '900442081234567'
      const call = ['-sn', 'uac', `${inUri}:${node.port}`, '-i', inUri, '-p', String(await freePort(host)), '-t', mode]
      const load = ['-s', number, '-m', '5', '-r', '5', '-d', '200', '-nostdin', '-timeout', '20s', '-timeout_error']
      const { output, code } = await run('sipp', [...call, ...load])
      assert.equal(code, 0, output)
      assert.match(output, /Successful call\s*\|\s*\d+\s*\|\s*5\s/, output)
      assert.match(output, /Failed call\s*\|\s*\d+\s*\|\s*0\s/, output)
      const invites = node.observations.filter(({ text }) => text.startsWith(`INVITE sip:${number}@`))
      assert.equal(invites.length, 5)
      t.diagnostic(node.check())
    })
  }

  for (const [host, version] of [
    ['127.0.0.1', '-tls1_2'],
    ['127.0.0.1', '-tls1_3'],
    ['::1', '-tls1_3'],
  ] as const) {
    test(`openssl gets the answer to OPTIONS over TLS (${version.slice(1)}, ${host})`, async (t) => {
      if (!has(t, 'openssl')) return
      await using node = await startSensors([tls(host)])
      const to = `${host.includes(':') ? `[${host}]` : host}:${node.port}`
      const talk = { input: request(), until: /\r\n\r\n$/ }
      const { output } = await run(
        'openssl',
        ['s_client', '-connect', to, version, '-alpn', 'sip', '-quiet', '-no_ign_eof'],
        talk,
      )
      assert.match(output, /SIP\/2\.0 200 OK\r\n/, output)
      const { ja4, transport } = node.observations[0]!
      assert.equal(transport, 'tls')
      assert.match(ja4 ?? '', new RegExp(`^t${version === '-tls1_2' ? 12 : 13}i\\d{4}sp_`))
      t.diagnostic(node.check())
    })
  }

  test('openssl sees the certificate, and ALPN', async (t) => {
    if (!has(t, 'openssl')) return
    await using node = await startSensors([tls('127.0.0.1')])
    const { output } = await run('openssl', ['s_client', '-connect', `127.0.0.1:${node.port}`, '-alpn', 'sip'])
    assert.match(output, /subject=CN ?= ?pbx/, output)
    assert.match(output, /ALPN protocol: sip/, output)
    assert.match(output, /self-signed certificate|self signed certificate/, output)
    t.diagnostic(node.check())
  })

  for (const transport of ['udp', 'tcp']) {
    test(`sipsak takes the answer to its OPTIONS over ${transport}`, async (t) => {
      if (!has(t, 'sipsak')) return
      await using node = await startOnShortPort()
      const { output, code } = await run('sipsak', ['-vv', '-E', transport, '-s', `sip:100@127.0.0.1:${node.port}`])
      assert.equal(code, 0, output)
      assert.match(output, /SIP\/2\.0 200 OK/, output)
      t.diagnostic(node.check())
    })
  }
})
