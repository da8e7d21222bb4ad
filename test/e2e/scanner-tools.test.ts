// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The programs that scan the world, against a responder that checks their passwords: what they are known by.
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Event } from '../../src/core/event.ts'
import { identifyTool } from '../../src/core/scanner-tools.ts'
import type { Circumstances } from '../../src/sensors/uas/answer.ts'
import { challengeLines } from '../../src/sensors/uas/challenge.ts'
import { DigestAuth } from '../../src/sensors/uas/digest-auth.ts'
import { Tokens } from '../../src/sensors/uas/token.ts'
import { deriveEvent } from '../../src/store/derive.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { serializeResponse } from '../../src/wire/sip/response.ts'
import { freePort } from '../support/free-port.ts'
import { observation } from '../support/observations.ts'
import { ASTERISK_CHAN_SIP, PERSONAS } from '../support/personas.ts'
import { has, type Program, run } from '../support/programs.ts'
import { tempDir } from '../support/temp-dir.ts'

const HOST = '127.0.0.1'

/** Accepts a REGISTER with a weak password, or with just that one, and all else without. Challenges as the persona does. */
async function startResponder({ persona = ASTERISK_CHAN_SIP, password = '' } = {}) {
  const events: Event[] = []
  const tokens = new Tokens(randomBytes, persona.tokens)
  const auth = new DigestAuth({ tokens, passwords: [password] })
  const socket = createSocket('udp4')
  socket.on('message', (bytes, source) => {
    const at = Date.now()
    events.push(deriveEvent(events.length, { ...observation({ bytes, at }), rawShed: false }))
    const request = parseMessage(bytes)
    const callId = request.header('call-id') ?? ''
    if (request.method === 'ACK') return
    const circumstances: Circumstances = {
      transport: 'udp',
      oversize: false,
      source: { ip: source.address, port: source.port },
      destination: { ip: HOST, port: 5060 },
      now: at,
      validation: 'none',
    }
    const matched = auth.read(request, circumstances)?.matchedPassword ?? null
    const isRight = password === '' ? matched !== null : matched === password
    const isWelcome = request.method !== 'REGISTER' || isRight
    const nonce = tokens.nonce(circumstances.source, callId, at)
    const challenge = challengeLines(persona, { status: 401, realm: 'asterisk', nonce })
    const response = serializeResponse(request, {
      status: isWelcome ? 200 : 401,
      toTag: 'a',
      headers: isWelcome ? [['Contact', `<sip:${HOST}>`]] : challenge.map(({ name, value }) => [name, value] as const),
      received: source.address,
      receivedPort: source.port,
    })
    if (response !== null) socket.send(response, source.port, source.address)
  })
  await bindShort(socket)
  return {
    port: socket.address().port,
    events,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

/** On a port of four digits, since sipsak cuts longer ones in its URIs. */
async function bindShort(socket: ReturnType<typeof createSocket>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const listening = once(socket, 'listening')
      socket.bind(randomInt(2_000, 10_000), HOST)
      await listening
      return
    } catch (error) {
      if (attempt === 20) throw error // each of them taken: that is no chance
    }
  }
}

const REGISTER_SCENARIO = `<?xml version="1.0"?><scenario name="register">
<send><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@[remote_ip]>;tag=[call_number]
To: <sip:100@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:100@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="401" auth="true"/>
<send><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:100@[remote_ip]>;tag=[call_number]
To: <sip:100@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:100@[local_ip]:[local_port]>
[authentication username=100 password=1234]
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`

/** How each is known when all but the order of its headers is hidden. */
const ORDERS: readonly [program: Program, names: readonly string[], args: (port: number) => string[]][] = [
  ['svmap', ['sipvicious'], (port) => [`-p${port}`, HOST]],
  ['svmap', ['sipvicious'], (port) => [`-p${port}`, '-c', HOST]],
  ['svmap', ['sipvicious'], (port) => [`-p${port}`, '-mINVITE', HOST]],
  ['svwar', ['sipvicious'], (port) => [`-p${port}`, '--force', '-e100-101', HOST]],
  ['svcrack', ['sipvicious', 'svcrack'], (port) => [`-p${port}`, '-u100', '-r98-101', HOST]],
  ['sipsak', ['sipsak'], (port) => ['-s', `sip:100@${HOST}:${port}`]],
  [
    'sipsak',
    ['sipsak'],
    (port) => ['-U', '-u', '100', '-a', '100', '-s', `sip:100@${HOST}:${port}`, '-C', `sip:100@${HOST}:5999`],
  ],
]

const evidences = (events: readonly Event[]) => new Set(events.map(({ tool }) => `${tool?.name} by ${tool?.evidence}`))

// Together, since they wait more than they work.
describe('the tools of the scanners', { concurrency: 4 }, () => {
  test('svcrack finds the password, and gives away each one that it tries', async (t) => {
    if (!has(t, 'svcrack')) return
    await using responder = await startResponder({ password: '110' })
    const args = ['-u100', '-r90-110', `-p${responder.port}`, `-P${await freePort()}`, HOST]
    const { output } = await run('svcrack', args)
    assert.match(output, /\|\s*100\s*\|\s*110\s*\|/, output)
    const attempts = responder.events.filter(({ auth }) => auth !== null)
    const range = Array.from({ length: 21 }, (_, i) => `100:${90 + i}`)
    assert.deepEqual(
      attempts.map(({ tool }) => tool?.decodedTag),
      ['100:100', ...range],
    )
    for (const { auth, tool } of attempts) assert.equal(`100:${auth?.matchedPassword}`, tool?.decodedTag)
    assert.deepEqual(evidences(responder.events), new Set(['svcrack by from-tag']))
  })

  for (const persona of PERSONAS) {
    test(`svcrack finds the password of ${persona.name}`, async (t) => {
      if (!has(t, 'svcrack')) return
      await using responder = await startResponder({ persona })
      const args = ['-u100', '-r98-101', `-p${responder.port}`, `-P${await freePort()}`, HOST]
      const { output } = await run('svcrack', args)
      assert.match(output, /\|\s*100\s*\|\s*100\s*\|/, output)
    })

    test(`sipsak registers with ${persona.name}`, async (t) => {
      if (!has(t, 'sipsak')) return
      await using responder = await startResponder({ persona })
      const target = ['-s', `sip:100@${HOST}:${responder.port}`, '-C', `sip:100@${HOST}:5999`]
      const { output, code } = await run('sipsak', ['-U', '-u', '100', '-a', '1234', ...target])
      assert.equal(code, 0, output)
      assert.equal(responder.events.at(-1)?.auth?.matchedPassword, '1234')
      assert.deepEqual(evidences(responder.events), new Set(['sipsak by user-agent']))
    })

    test(`sipp registers with ${persona.name}`, async (t) => {
      if (!has(t, 'sipp')) return
      const scenario = join(tempDir(t), 'register.xml')
      writeFileSync(scenario, REGISTER_SCENARIO)
      await using responder = await startResponder({ persona })
      const call = ['-sf', scenario, `${HOST}:${responder.port}`, '-i', HOST, '-p', String(await freePort())]
      const { output, code } = await run('sipp', [...call, '-m', '1', '-nostdin', '-timeout', '20s', '-timeout_error'])
      assert.equal(code, 0, output)
      assert.equal(responder.events.at(-1)?.auth?.matchedPassword, '1234')
    })
  }

  for (const [program, names, args] of ORDERS) {
    test(`${program} ${args(5060).join(' ')} is known by the order of its headers`, async (t) => {
      if (!has(t, program)) return
      await using responder = await startResponder()
      const own = program.startsWith('sv') ? [`-P${await freePort()}`] : []
      const { output } = await run(program, [...own, ...args(responder.port)])
      assert(responder.events.length > 0, output)
      assertKnownByOrder(responder.events, names)
    })
  }

  test('sipp is known by its tag, and by the order of its headers', async (t) => {
    if (!has(t, 'sipp')) return
    await using responder = await startResponder()
    const call = ['-sn', 'uac', `${HOST}:${responder.port}`, '-i', HOST, '-p', String(await freePort())]
    const { output } = await run('sipp', [...call, '-m', '1', '-nostdin', '-timeout', '20s', '-timeout_error'])
    const methods = new Set(responder.events.map(({ method }) => method))
    assert.deepEqual(methods, new Set(['INVITE', 'ACK', 'BYE']), output)
    assert.deepEqual(evidences(responder.events), new Set(['sipp by from-tag']))
    assertKnownByOrder(responder.events, ['sipp'])
  })
})

function assertKnownByOrder(events: readonly Event[], names: readonly string[]): void {
  const found = events.map(({ headerOrder }) =>
    identifyTool({ fromTag: null, tagKind: null, callId: null, userAgent: null, headerOrder }),
  )
  assert.deepEqual(new Set(found.map((tool) => tool?.name)), new Set(names))
}
