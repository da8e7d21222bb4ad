// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Each persona over the network: the same device over UDP and TCP, and another one at another address.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASTERISK_CHAN_SIP, FREESWITCH, PERSONAS } from '../../test/support/personas.ts'
import { RECEIVERS_HERE, startSensors, tcpClient, udpClient } from '../../test/support/sensor-kit.ts'
import { request } from '../../test/support/sip-samples.ts'
import type { Persona } from './uas/persona.ts'
import { parseShape } from './uas/token-shape.ts'

const NO_BATCHES = RECEIVERS_HERE.includes('recvmmsg') ? false : 'this system has no recvmmsg for us'
const ROOM = `Subject: ${'x'.repeat(1000)}` // so that over UDP nothing has to be left out
const WHOLE = /\r\n\r\n$/

/** What a shape can make, as a pattern. */
function patternOf(shape: string): string {
  return parseShape(shape)
    .map((segment) => {
      if (segment.kind === 'text') return RegExp.escape(segment.text)
      if (segment.kind === 'time') return '\\d{10}'
      return `[${RegExp.escape(segment.alphabet)}]{${segment.count}}`
    })
    .join('')
}

function at(address: string, persona: Persona, other: Persona) {
  return { interaction: 'medium' as const, personas: { default: persona, byAddress: new Map([[address, other]]) } }
}

function linesOf(reply: string): string[] {
  return reply.trimEnd().split('\r\n')
}

const lineOf = (reply: string, name: string): string | undefined =>
  linesOf(reply).find((line) => line.startsWith(`${name}: `))

/** Lines of one device that are not about one request. */
function ownLines(reply: string): string[] {
  return linesOf(reply).filter(
    (line) => !/^(Via|From|To|Call-ID|CSeq|Contact|Date|(WWW|Proxy)-Authenticate): /.test(line),
  )
}

for (const persona of PERSONAS) {
  test(`${persona.name} is the same device over UDP and TCP, in its words, its order and its tokens`, async () => {
    for (const receiver of RECEIVERS_HERE) {
      await using node = await startSensors({ receiver, ...at('192.0.2.1', persona, persona) })
      const [extension = '100'] = persona.extensions
      for (const init of [{}, { method: 'REGISTER', to: `<sip:${extension}@127.0.0.1>` }]) {
        const bytes = request({ ...init, headers: [ROOM] })
        using datagrams = await udpClient(node.udpPort)
        datagrams.send(bytes)
        const [overUdp = ''] = await datagrams.replied(1)
        using connection = await tcpClient(node.tcpPort)
        connection.write(bytes)
        const overTcp = await connection.got(WHOLE)
        assert.deepEqual(ownLines(overUdp), ownLines(overTcp))
        for (const reply of [overUdp, overTcp]) {
          assert.equal(lineOf(reply, persona.serverHeader), `${persona.serverHeader}: ${persona.server}`)
          assert.match(lineOf(reply, 'To') ?? '', new RegExp(`;tag=${patternOf(persona.tokens.tag)}$`))
          const challenge = lineOf(reply, 'WWW-Authenticate')
          if (challenge !== undefined) {
            assert.match(challenge, new RegExp(`nonce="${patternOf(persona.tokens.nonce)}"`))
            if (persona.tokens.opaque !== '') {
              assert.match(challenge, new RegExp(`opaque="${patternOf(persona.tokens.opaque)}"`))
            }
          }
        }
      }
    }
  })
}

test('another address is another device, over UDP and TCP', async () => {
  for (const receiver of RECEIVERS_HERE) {
    await using node = await startSensors({
      receiver,
      ...at('::1', ASTERISK_CHAN_SIP, FREESWITCH),
      listen: [
        { transport: 'udp', host: '127.0.0.1', port: 0 },
        { transport: 'udp', host: '::1', port: 0 },
        { transport: 'tcp', host: '127.0.0.1', port: 0 },
        { transport: 'tcp', host: '::1', port: 0 },
      ],
    })
    for (const { transport, endpoint } of node.sensors.listeners) {
      const { ip, port } = endpoint
      const { server } = ip === '::1' ? FREESWITCH : ASTERISK_CHAN_SIP
      if (transport === 'udp') {
        using client = await udpClient(port, { host: ip })
        client.send(request({ headers: [ROOM] }))
        assert((await client.replied(1))[0]?.includes(server), `${receiver} ${transport} ${ip}`)
      } else {
        using client = await tcpClient(port, { host: ip })
        client.write(request())
        assert((await client.got(WHOLE)).includes(server), `${transport} ${ip}`)
      }
    }
  }
})

test('a socket for all addresses is on each of them the device of that one', { skip: NO_BATCHES }, async () => {
  await using node = await startSensors({
    receiver: 'recvmmsg',
    ...at('127.0.0.2', ASTERISK_CHAN_SIP, FREESWITCH),
    listen: [{ transport: 'udp', host: '0.0.0.0', port: 0 }],
  })
  for (const [host, { server }] of [
    ['127.0.0.1', ASTERISK_CHAN_SIP],
    ['127.0.0.2', FREESWITCH],
    ['127.0.0.3', ASTERISK_CHAN_SIP],
  ] as const) {
    using client = await udpClient(node.udpPort, { host, from: '127.0.0.1' })
    client.send(request({ headers: [ROOM] }))
    assert((await client.replied(1))[0]?.includes(server), host)
  }
})
