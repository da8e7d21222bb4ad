// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The programs that scan the world, against our sensors on loopback.
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Observation } from '../../src/core/event.ts'
import { listenSensors, type SensorsConfig } from '../../src/sensors/sensors.ts'
import type { Sensors } from '../../src/sensors/types.ts'
import type { Persona } from '../../src/sensors/uas/persona.ts'
import { makeCredentials } from '../support/credentials.ts'
import { observationOf } from '../support/datagrams.ts'
import { freePort } from '../support/free-port.ts'
import { ASTERISK_CHAN_SIP, PERSONAS } from '../support/personas.ts'
import { has, run } from '../support/programs.ts'
import { request } from '../support/sip-samples.ts'

const RATES = { source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: false }

async function startSensors(listen: SensorsConfig['listen'], change: Partial<SensorsConfig> = {}) {
  const observations: (Observation & { text: string })[] = []
  const trouble: string[] = []
  const config = {
    enabled: true,
    interaction: 'high',
    pacing: 'none',
    neverReply: [],
    personas: { default: ASTERISK_CHAN_SIP, byAddress: new Map() },
    receiver: 'auto',
    listen,
    replyLimit: RATES,
    credentials: makeCredentials(),
    ...change,
  } as const
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
    /** What must hold after any tool: no bug, and over UDP never more bytes sent than received, save to who is proven. */
    check() {
      assert.deepEqual(trouble, [])
      assert.equal(sensors.counters().bugCount, 0)
      const udp = observations.filter(({ transport, validation }) => transport === 'udp' && validation === 'none')
      for (const { sentSize, size, text } of udp) assert(sentSize <= size, `${sentSize} > ${size}: ${text}`)
      const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0)
      const [sent, received] = [sum(udp.map((one) => one.sentSize)), sum(udp.map((one) => one.size))]
      return `${observations.length} messages; from unproven sources ${received} bytes came and ${sent} went`
    },
    [Symbol.asyncDispose]: () => sensors[Symbol.asyncDispose](),
  }
}

const udp = (host = '127.0.0.1', port = 0) => ({ transport: 'udp', host, port }) as const
const tcp = (host = '127.0.0.1', port = 0) => ({ transport: 'tcp', host, port }) as const
const tls = (host: string) => ({ transport: 'tls', host, port: 0 }) as const

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
      const banner = method === 'INVITE' ? 'unknown' : 'Asterisk PBX' // a challenge leaves no room for it there
      assert.match(output, new RegExp(`127\\.0\\.0\\.1:${node.port}\\s*\\| ${banner}`), `${method}: ${output}`)
      t.diagnostic(`${method}: ${node.check()}`)
    }
  })

  test('svmap prints whichever device it is', async (t) => {
    if (!has(t, 'svmap')) return
    const prints = async (persona: Persona): Promise<void> => {
      const as = { interaction: 'medium', personas: { default: persona, byAddress: new Map() } } as const
      await using node = await startSensors([udp()], as)
      const { output } = await run('svmap', [`-p${node.port}`, `-P${await freePort()}`, '127.0.0.1'])
      assert(output.includes(`| ${persona.server.slice(0, 20)}`), output)
      t.diagnostic(`${persona.name}: ${node.check()}`)
    }
    await Promise.all(PERSONAS.map(prints))
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

  for (const [interaction, found] of [
    ['medium', /found nothing/],
    ['high', /\| 100 +\| 100 /],
  ] as const) {
    test(`svcrack tries its range at the level ${interaction}`, async (t) => {
      if (!has(t, 'svcrack')) return
      await using node = await startSensors([udp()], { interaction })
      const port = String(await freePort())
      const { output } = await run('svcrack', ['-u100', '-r90-110', `-p${node.port}`, `-P${port}`, '127.0.0.1'])
      assert.match(output, found, output)
      const attempts = node.observations.filter(({ text }) => /\r\nAuthorization: Digest /.test(text))
      assert(attempts.every(({ validation }) => validation === 'echo')) // the second REGISTER and all after it
      assert.equal(node.observations[0]?.validation, 'none')
      const accepted = attempts.filter(({ responses }) => responses[0] === 200)
      assert.equal(accepted.length, interaction === 'high' ? 1 : 0)
      // Its From-tag is the hex of "user:password", a 0x01 and a random number.
      const tags = attempts.map(({ text }) =>
        Buffer.from(/\r\nFrom: .*;tag=(\w+)/.exec(text)?.[1] ?? '', 'hex').toString(),
      )
      const passwords = new Set(tags.map((tag) => Number(tag.split('\u0001')[0]?.replace('100:', ''))))
      const tried = [...passwords].sort((a, b) => a - b)
      assert.deepEqual(
        tried,
        Array.from({ length: tried.length }, (_, i) => 90 + i),
      )
      if (interaction === 'high')
        assert(tried.length >= 11) // it stops soon after it has found one
      else assert.equal(tried.length, 21)
      t.diagnostic(node.check())
    })
  }

  test('svwar and svcrack find their way with whichever device it is', async (t) => {
    if (!has(t, 'svwar') || !has(t, 'svcrack')) return
    const attack = async (persona: Persona): Promise<void> => {
      const [extension = ''] = persona.extensions
      await using node = await startSensors([udp()], { personas: { default: persona, byAddress: new Map() } })
      const [scan, crack] = [await freePort(), await freePort()]
      const found = await run('svwar', [`-e${extension},9`, `-p${node.port}`, `-P${scan}`, '127.0.0.1'])
      assert.match(found.output, new RegExp(`\\| ${extension} +\\| reqauth`), `${persona.name}: ${found.output}`)
      const range = `-r${Number(extension) - 10}-${extension}`
      const args = [`-u${extension}`, range, `-p${node.port}`, `-P${crack}`, '127.0.0.1']
      const { output } = await run('svcrack', args)
      assert.match(output, new RegExp(`\\| ${extension} +\\| \\d+ `), `${persona.name}: ${output}`)
      t.diagnostic(`${persona.name}: ${node.check()}`)
    }
    await Promise.all(PERSONAS.filter(({ extensions }) => extensions.size > 0).map(attack))
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
    assert.match(output, /subject=O ?= ?Asterisk, CN ?= ?pbx/, output)
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
