// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What honeypots are noticed by, each as those meet it who are answered as the device would: over TCP, and over UDP from
// a proven address. That an acceptance is sent again until its ACK is in retransmissions.test.ts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { SensorsConfig } from '../../src/sensors/sensors.ts'
import type { Persona } from '../../src/sensors/uas/persona.ts'
import { type Caller, headerOf, nonceOf, PROVEN_CALLERS, statusOf, toTag } from '../support/callers.ts'
import { credentialsFor } from '../support/digest.ts'
import { ASTERISK_CHAN_SIP, PERSONAS as DEVICES } from '../support/personas.ts'
import { startSensors } from '../support/sensor-kit.ts'
import { invite, message, type RequestInit, request } from '../support/sip-samples.ts'

/** With ports for media enough for all nodes here: an adapter has ten, and is busy then. */
const PERSONAS = DEVICES.map((one) => ({ ...one, rtpPorts: { from: 10_000, count: 20_000 } }))
const withExtensions = PERSONAS.filter(({ extensions }) => extensions.size > 0)
const openToGuests = PERSONAS.filter(({ guests }) => guests === 'dialplan')

type Way = keyof typeof PROVEN_CALLERS
const WAYS = Object.keys(PROVEN_CALLERS) as Way[]

/** A node that is such a device, and a caller who has proven where it is. */
async function meet(way: Way, persona: Persona, change: Partial<SensorsConfig> = {}) {
  await using stack = new AsyncDisposableStack()
  const node = stack.use(await startSensors({ personas: { default: persona, byAddress: new Map() }, ...change }))
  const port = way === 'tcp' ? node.tcpPort : node.udpPort
  const caller = stack.use(await PROVEN_CALLERS[way]({ port }))
  const parts = stack.move()
  return { node, caller, port, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

const extensionOf = ({ extensions }: Persona): string => [...extensions][0] ?? ''

/** A registration of an extension that the device has. */
function register(persona: Persona, init: RequestInit = {}): Buffer {
  const user = `<sip:${extensionOf(persona)}@203.0.113.5>`
  return request({ method: 'REGISTER', from: `${user};tag=1`, to: user, ...init })
}

/** Runs a check for each persona and way, all at once, since they wait more than they work. */
function each(about: string, personas: readonly Persona[], check: (persona: Persona, way: Way) => Promise<void>): void {
  for (const way of WAYS) {
    test(`${about}, over ${way}`, async () => {
      await Promise.all(personas.map((persona) => check(persona, way)))
    })
  }
}

describe('a careful caller finds that', { concurrency: 8 }, () => {
  each(
    'nonces and tags are new for each Call-ID and on each node, and the Call-ID comes back',
    withExtensions,
    async (persona, way) => {
      await using here = await meet(way, persona)
      await using there = await meet(way, persona)
      const answers: string[] = []
      for (const { caller } of [here, there]) {
        for (const callId of ['first', 'second']) {
          const answer = await caller.askFinal(register(persona, { callId }))
          assert.equal(headerOf(answer, 'call-id'), callId)
          answers.push(answer)
        }
      }
      assert.equal(new Set(answers.map(nonceOf)).size, 4)
      assert.equal(new Set(answers.map(toTag)).size, 4)
    },
  )

  each('every final response has a To-tag, the same as while it rang', PERSONAS, async (persona, way) => {
    await using met = await meet(way, persona)
    for (const method of ['OPTIONS', 'BYE', 'CANCEL', 'SUBSCRIBE', 'MESSAGE', 'INFO', 'FETCH']) {
      assert.notEqual(toTag(await met.caller.askFinal(request({ method, callId: method }))), '', method)
    }
    const [trying, ...others] = await met.caller.ask(invite())
    if (persona.guests === 'dialplan') {
      assert.equal(statusOf(trying!), 100)
      assert.equal(toTag(trying!), '') // RFC 3261 §8.2.6.2
      assert.equal(new Set(others.map(toTag)).size, 1)
    }
    assert.notEqual(toTag(others.at(-1) ?? trying!), '')
  })

  each(
    'all Via lines come back in their order, with the address and port it came from',
    PERSONAS,
    async (persona, way) => {
      await using met = await meet(way, persona)
      const vias = [
        'SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1',
        'SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2',
        'SIP/2.0/TCP c',
      ]
      const [via, ...more] = vias
      const answer = await met.caller.askFinal(request({ via: via!, headers: more.map((one) => `Via: ${one}`) }))
      const lines = answer.split('\r\n').filter((line) => line.startsWith('Via: '))
      assert.match(lines[0]!, /^Via: SIP\/2\.0\/UDP 192\.0\.2\.1:5060;/)
      assert.match(lines[0]!, new RegExp(`;rport=${met.caller.port}(;|$)`))
      assert.match(lines[0]!, /;received=127\.0\.0\.1(;|$)/)
      assert.match(lines[0]!, /;branch=z9hG4bK1(;|$)/)
      assert.deepEqual(
        lines.slice(1),
        more.map((one) => `Via: ${one}`),
      )
    },
  )

  each(
    'a password that cannot be right never is, and after the right one no other is',
    withExtensions,
    async (persona, way) => {
      await using met = await meet(way, persona, { interaction: 'high' })
      const impossible = await tries(
        met.caller,
        persona,
        Array.from({ length: 9 }, () => randomBytes(8).toString('hex')),
      )
      assert.deepEqual(new Set(impossible), new Set([401]))
      const weak = await tries(met.caller, persona, ['1234', 'password', '0000', '1234'])
      assert.deepEqual(weak, [200, 401, 401, 200])
    },
  )

  each('a call rings before somebody answers it, seconds later', openToGuests, async (persona, way) => {
    await using met = await meet(way, persona, { pacing: 'natural' })
    const at = performance.now()
    met.caller.send(invite())
    const [ringing] = await met.caller.got(1, /^SIP\/2\.0 180 /)
    const [answered] = await met.caller.got(1, /^SIP\/2\.0 200 /, /\r\nCSeq: \d+ INVITE\r\n/)
    assert(ringing!.at - at >= 295 && answered!.at - at >= 2_495, `${ringing!.at - at}, ${answered!.at - at} ms`)
    assert(answered!.at > ringing!.at)
  })

  each('not every number is answered, unless the operator wants that', openToGuests, async (persona, way) => {
    await using met = await meet(way, persona, { interaction: 'medium' })
    const statuses = new Set<number>()
    for (let prefix = 10; prefix < 70; prefix++) {
      const uri = `sip:${997 * prefix}442081234567@203.0.113.5`
      statuses.add(statusOf(await met.caller.askFinal(invite({ uri, callId: String(prefix) }))))
    }
    assert(!statuses.has(200))
    assert(statuses.size > 1, 'of 60 prefixes 3 in 10^9 nodes end all alike')
  })

  each('an invented method is not welcome', PERSONAS, async (persona, way) => {
    await using met = await meet(way, persona)
    const answer = await met.caller.askFinal(request({ method: 'HONEYPOT' }))
    assert.equal(statusOf(answer), persona.unknownMethodStatus)
    assert([405, 501].includes(statusOf(answer)))
  })

  each('Content-Length is written as the device writes it, and is right', PERSONAS, async (persona, way) => {
    await using met = await meet(way, persona)
    const answers = [await met.caller.askFinal(request()), await met.caller.askFinal(invite({ callId: 'call' }))]
    for (const answer of answers) {
      const [head, body] = answer.split('\r\n\r\n')
      const line = /\r\nContent-Length: ( *\d+)(?:\r\n|$)/.exec(head!)
      assert.equal(Number(line?.[1]), body?.length)
      if (!persona.lines.isContentLengthPadded) assert.doesNotMatch(line![1]!, / /)
    }
  })

  each('malformed requests are answered by devices that do so, and by no other', PERSONAS, async (persona, way) => {
    await using met = await meet(way, persona)
    met.caller.send(request({ callId: 'broken', cseq: '1 INVITE' })) // of an OPTIONS
    met.caller.send(
      message([
        'OPTIONS sip:a SIP/2.0',
        'Via: SIP/2.0/UDP a',
        'Call-ID: broken',
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
      ]),
    )
    await met.caller.ask(request({ callId: 'sound' }))
    const statuses = met.caller.responses(/\r\nCall-ID: broken\r\n/).map(({ text }) => statusOf(text))
    assert.deepEqual(statuses, persona.malformed === 'answer' ? [400] : []) // the second one has no From to repeat
  })

  each('banner and SDP name the same version', openToGuests, async (persona, way) => {
    await using met = await meet(way, persona)
    const answer = await met.caller.askFinal(invite())
    const versionsIn = (text: string): string[] => text.match(/\d+\.\d+(?:\.\d+)*/g) ?? []
    const [, session = ''] = /\r\ns=(.*)\r\n/.exec(answer) ?? []
    assert.match(answer, /\r\n\r\nv=0\r\no=/)
    const banner = headerOf(answer, persona.serverHeader)
    for (const version of versionsIn(session)) assert(versionsIn(banner).includes(version), `${session}, ${banner}`)
  })
})

/** The statuses of registrations with those passwords, one after another. */
async function tries(caller: Caller, persona: Persona, passwords: readonly string[]): Promise<number[]> {
  const statuses: number[] = []
  const uri = 'sip:203.0.113.5'
  for (const [index, password] of passwords.entries()) {
    const init = { uri, callId: `${password}-${index}` }
    const challenge = await caller.askFinal(register(persona, init))
    assert.equal(statusOf(challenge), 401)
    const offer = { user: extensionOf(persona), password, method: 'REGISTER', uri }
    const headers = [credentialsFor(challenge, offer)]
    statuses.push(statusOf(await caller.askFinal(register(persona, { ...init, cseq: '2 REGISTER', headers }))))
  }
  return statuses
}

test('each address can be another device, which is the same over UDP and TCP', async () => {
  const [other] = PERSONAS.filter(({ name }) => name === 'freeswitch')
  const personas = { default: ASTERISK_CHAN_SIP, byAddress: new Map([['127.0.0.2', other!]]) }
  const listen = (['127.0.0.1', '127.0.0.2'] as const).flatMap((host) =>
    (['udp', 'tcp'] as const).map((transport) => ({ transport, host, port: 0 })),
  )
  await using node = await startSensors({ personas, listen })
  const banners: string[] = []
  for (const { transport, endpoint } of node.sensors.listeners) {
    const open = PROVEN_CALLERS[transport === 'tcp' ? 'tcp' : 'proven UDP']
    using caller = await open({ port: endpoint.port, host: endpoint.ip })
    const answer = await caller.askFinal(request({ method: 'REGISTER', callId: `${transport}-${endpoint.ip}` }))
    banners.push(`${endpoint.ip} ${headerOf(answer, 'server')}${headerOf(answer, 'user-agent')}`)
  }
  assert.equal(banners.length, 4)
  assert.equal(new Set(banners).size, 2)
})
