// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The bytes that come back at the socket of a source that may be forged: never more than it sent, whatever it sent.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Persona } from '../../src/sensors/uas/persona.ts'
import { type Caller, headerOf, nonceOf, provenCaller, statusOf, toTag, udpCaller } from '../support/callers.ts'
import { ASTERISK_CHAN_SIP, PERSONAS } from '../support/personas.ts'
import { RECEIVERS_HERE, startSensors } from '../support/sensor-kit.ts'
import { invite, type RequestInit, request, SCANNERS } from '../support/sip-samples.ts'
import { readSipVectors } from '../support/sip-vectors.ts'

const METHODS =
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE FETCH'.split(' ')
const tiny = (method: string): Buffer =>
  Buffer.from(
    `${method} sip:1 SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:<sip:100@a>\r\nt:<sip:100@a>\r\ni:1\r\nCSeq:1 ${method}\r\n\r\n`,
  )

/** Each vector, each scanner, and each method: as it is usual, in as few bytes as can be, and asking for much. */
const DATAGRAMS: readonly (readonly [about: string, bytes: Buffer])[] = [
  ...readSipVectors().map(({ name, bytes }) => [name, bytes] as const),
  ...Object.entries(SCANNERS),
  ...METHODS.flatMap((method) => [
    [method, request({ method })] as const,
    [
      `${method} from an extension`,
      request({ method, from: '<sip:100@203.0.113.5>;tag=1', callId: 'extension' }),
    ] as const,
    [`${method} in few bytes`, tiny(method)] as const,
    [`${method} through many proxies`, request({ method, callId: 'proxies', headers: manyProxies() })] as const,
    [
      `${method} that requires what nobody has`,
      request({ method, callId: 'require', headers: ['Require: nothing'] }),
    ] as const,
  ]),
  ['INVITE with an offer', invite()],
  ['INVITE without an offer', invite({ callId: 'bare', body: '' })],
]

function manyProxies(): string[] {
  return Array.from({ length: 20 }, (_, i) => [
    `Via: SIP/2.0/UDP 192.0.2.${i}`,
    `Record-Route: <sip:192.0.2.${i};lr>`,
  ]).flat()
}

type Exchanged = {
  readonly about: string
  readonly sentSize: number
  readonly gotSize: number
  readonly statuses: number[]
}

/** Sends a datagram and then an OPTIONS, whose response tells that there is nothing more to come for the first one. */
async function exchange(caller: Caller, about: string, bytes: Buffer): Promise<Exchanged> {
  const before = caller.responses().length
  const callId = `end-${before}-${about.replace(/\W/g, '')}`
  const end = request({ callId })
  caller.send(bytes)
  caller.send(end)
  await caller.got(1, new RegExp(`\r\n(?:Call-ID|i): ?${callId}\r\n`))
  const texts = caller
    .responses()
    .slice(before)
    .map(({ text }) => text)
  const last = texts.pop() ?? ''
  assert(last.includes(callId), 'responses come in the order of their requests')
  assert(last.length <= end.length)
  return {
    about,
    sentSize: bytes.length,
    gotSize: sum(texts.map((text) => text.length)),
    statuses: texts.map(statusOf),
  }
}

const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0)

async function startAs(persona: Persona, receiver: (typeof RECEIVERS_HERE)[number]) {
  const personas = { default: persona, byAddress: new Map() }
  return startSensors({
    receiver,
    personas,
    pacing: 'natural',
    listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }],
  })
}

for (const receiver of RECEIVERS_HERE) {
  describe(`by ${receiver}, a source that may be forged gets no more bytes than it sent`, () => {
    for (const persona of PERSONAS) {
      test(`from ${persona.name}`, async (t) => {
        await using node = await startAs(persona, receiver)
        using caller = await udpCaller({ port: node.udpPort })
        const exchanged: Exchanged[] = []
        for (const [about, bytes] of DATAGRAMS) exchanged.push(await exchange(caller, about, bytes))
        for (const { about, sentSize, gotSize, statuses } of exchanged) {
          assert(gotSize <= sentSize, `${about}: ${sentSize} bytes got ${gotSize}`)
          assert(statuses.length <= 1, `${about}: ${statuses}`)
          assert(
            statuses.every((status) => status >= 200),
            about,
          )
        }
        const answered = exchanged.filter(({ statuses }) => statuses.length > 0)
        assert(answered.length > 50, `${answered.length} were answered: it would prove little`)
        assert(node.observations.every(({ validation }) => validation === 'none'))
        const [sent, got] = [sum(exchanged.map((one) => one.sentSize)), sum(exchanged.map((one) => one.gotSize))]
        t.diagnostic(`${exchanged.length} datagrams of ${sent} bytes, ${answered.length} responses of ${got} bytes`)
      })
    }
  })

  describe(`by ${receiver}, what proves one source proves no other`, () => {
    for (const [what, from] of [
      ['another port', '127.0.0.1'],
      ['another address', '127.0.0.2'],
    ] as const) {
      test(`from ${what}`, async () => {
        await using node = await startAs(ASTERISK_CHAN_SIP, receiver)
        using owner = await provenCaller({ port: node.udpPort })
        const stolen = await conversationOf(owner)
        using thief = await udpCaller({ port: node.udpPort, from })
        for (const [index, bytes] of stolen.entries()) {
          const { sentSize, gotSize, statuses } = await exchange(thief, `stolen-${index}`, bytes)
          assert(gotSize <= sentSize && statuses.length <= 1 && !statuses.includes(100), `message ${index}`)
        }
        const of = (port: number) => node.observations.filter(({ source }) => source.port === port)
        assert(of(thief.port).length >= stolen.length)
        assert(of(thief.port).every(({ validation }) => validation === 'none'))
        assert(of(owner.port).some(({ validation }) => validation === 'echo'))
        assert.equal(node.sensors.counters().bugCount, 0)
      })
    }
  })
}

/** A whole registration and call of a proven source, as somebody who reads along could send it again. */
async function conversationOf(owner: Caller): Promise<Buffer[]> {
  const sent: Buffer[] = []
  const own: RequestInit = { callId: 'stolen', from: '<sip:100@203.0.113.5>;tag=1', to: '<sip:100@203.0.113.5>' }
  const ask = async (bytes: Buffer): Promise<string> => {
    sent.push(bytes)
    return owner.askFinal(bytes)
  }
  const challenge = await ask(request({ ...own, method: 'REGISTER' }))
  const nonce = nonceOf(challenge)
  assert.match(challenge, /^SIP\/2\.0 401 /)
  const credentials = `Authorization: Digest username="100", realm="asterisk", nonce="${nonce}", uri="sip:a", response="0"`
  await ask(request({ ...own, method: 'REGISTER', cseq: '2 REGISTER', headers: [credentials] }))
  const refused = await ask(invite({ ...own, cseq: '3 INVITE', headers: [credentials] }))
  const tagged = { ...own, to: `${headerOf(refused, 'to')}` }
  assert.notEqual(toTag(refused), '')
  for (const method of ['ACK', 'BYE', 'INFO', 'UPDATE']) {
    const bytes = request({ ...tagged, method, cseq: `4 ${method}` })
    if (method === 'ACK') sent.push(bytes)
    else await ask(bytes)
  }
  const again = invite({ ...tagged, cseq: '5 INVITE', headers: [credentials] })
  await ask(again)
  return sent
}
