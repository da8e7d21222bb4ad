// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What comes by itself when a caller falls silent: to those who proved where they are what the device would send, to
// others nothing. Everything happens at once, since it takes the seconds that RFC 3261 says.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Sensors } from '../../src/sensors/types.ts'
import { type Caller, provenCaller, tcpCaller, toTag, udpCaller } from '../support/callers.ts'
import { RECEIVERS_HERE, startSensors } from '../support/sensor-kit.ts'
import { invite, type RequestInit, request } from '../support/sip-samples.ts'

const COPY_MS = [500, 1_500, 3_500, 7_500] // since the first one: T1, doubled up to T2. RFC 3261 §13.3.1.4
const EARLY_MS = 5 // a clock in whole milliseconds

/** Sends an INVITE; returns when it did, and how to acknowledge what is answered. */
function call(caller: Caller, init: RequestInit) {
  const at = performance.now()
  caller.send(invite(init))
  const to = init.to ?? '<sip:900442081234567@203.0.113.5>'
  const acknowledge = (final: string): void =>
    caller.send(
      request({ ...init, method: 'ACK', to: `${to};tag=${toTag(final)}`, uri: 'sip:900442081234567@203.0.113.5' }),
    )
  return { at, acknowledge }
}

/** No copy came sooner than it should; how much later is the machine's affair. */
function assertSpaced(copies: readonly { at: number }[], startedAt: number): void {
  for (const [index, copy] of copies.slice(1).entries()) {
    assert(copy.at - startedAt >= COPY_MS[index]! - EARLY_MS, `copy ${index + 1} after ${copy.at - startedAt} ms`)
  }
}

const INVITED = /\r\nCSeq: 1 INVITE\r\n/
const OK = /^SIP\/2\.0 200 /
const CHALLENGE = /^SIP\/2\.0 401 /
const of = (callId: string): RegExp => new RegExp(`\r\nCall-ID: ${callId}\r\n`)

/** Credentials that carry a nonce of ours for that Call-ID: the INVITE that has them proves by itself where it comes from. */
async function proofFor(caller: Caller, callId: string): Promise<string> {
  caller.send(request({ method: 'REGISTER', callId }))
  const [challenge] = await caller.got(1, CHALLENGE, of(callId))
  const nonce = /nonce="([^"]+)"/.exec(challenge?.text ?? '')?.[1]
  return `Authorization: Digest username="100",realm="asterisk",nonce="${nonce}",uri="sip:x",response="0"`
}

/** Resolves when all that was sent before has been seen. */
const settled = (caller: Caller) => caller.ask(request({ callId: `settled-${performance.now()}` }))

describe('responses to an INVITE', { concurrency: 4 }, () => {
  for (const receiver of RECEIVERS_HERE) {
    test(`by ${receiver}: come again until their ACK, and never to a source that is not proven`, async () => {
      await using node = await startSensors({ receiver })
      using stranger = await udpCaller({ port: node.udpPort })
      using proven = await provenCaller({ port: node.udpPort })
      using connected = await tcpCaller({ port: node.tcpPort })
      const asExtension = { from: '<sip:100@203.0.113.5>;tag=1' } // which is challenged
      call(stranger, { callId: 'stranger' })
      call(stranger, { callId: 'stranger-too', ...asExtension })
      const proofs = await Promise.all(['patient', 'brief', 'challenged'].map((callId) => proofFor(proven, callId)))
      const [forPatient = '', forBrief = '', forChallenged = ''] = proofs
      const patient = call(proven, { callId: 'patient', headers: [forPatient] })
      const brief = call(proven, { callId: 'brief', headers: [forBrief] })
      const challenged = call(proven, { callId: 'challenged', headers: [forChallenged], ...asExtension })
      call(proven, { callId: 'maybe-forged' })
      const onStream = call(connected, { callId: 'patient' })
      call(connected, { callId: 'challenged', ...asExtension })

      // Two are acknowledged after their second copy.
      const accepted = await proven.got(3, OK, of('brief'))
      const refused = await proven.got(3, CHALLENGE, INVITED)
      assertSpaced(accepted, brief.at)
      assertSpaced(refused, challenged.at)
      brief.acknowledge(accepted[0]!.text)
      challenged.acknowledge(refused[0]!.text)
      await settled(proven)
      const counts = () => [proven.responses(OK, of('brief')).length, proven.responses(CHALLENGE, INVITED).length]
      const then = counts()
      assert(Math.max(...then) < 5, 'or it would prove nothing')

      // The others go on: by the time of their fourth one, those two would have had more as well.
      const copies = await proven.got(5, OK, of('patient'))
      assertSpaced(copies, patient.at)
      assert.equal(new Set(copies.map(({ text }) => text)).size, 1, 'the same bytes each time')
      assert.deepEqual(counts(), then)
      assertSpaced(await connected.got(5, OK), onStream.at)
      assert.equal(connected.responses(CHALLENGE).length, 1, 'a stream loses no refusal')
      assert.equal(proven.responses(OK, of('maybe-forged')).length, 1, 'in the name of a source that was proven before')
      await assertAnsweredOnce(stranger)
      assert.equal(bugCount(node.sensors), 0)
    })
  }
})

const bugCount = (sensors: Sensors): number => sensors.counters().bugCount

/** One response to each of its two requests; the same again to the same request, and no more than that. */
async function assertAnsweredOnce(stranger: Caller): Promise<void> {
  assert.equal(stranger.responses().length, 2)
  stranger.send(invite({ callId: 'stranger' }))
  await settled(stranger)
  const [first, again, ...more] = stranger.responses(of('stranger'))
  assert(first !== undefined && again?.text === first.text)
  assert.deepEqual(more, [])
}
