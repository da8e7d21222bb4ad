// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What callers meet at each level: scenarios of SIPp against the sensors.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Observation } from '../../src/core/event.ts'
import type { SensorsConfig } from '../../src/sensors/sensors.ts'
import { statusOf, tcpCaller } from '../support/callers.ts'
import { has } from '../support/programs.ts'
import { startSensors } from '../support/sensor-kit.ts'
import { invite } from '../support/sip-samples.ts'
import { runScenario, WAYS, type Way } from '../support/sipp.ts'

const textOf = ({ bytes }: Observation): string => Buffer.from(bytes).toString('latin1')
const methodOf = (one: Observation): string => textOf(one).split(' ', 1)[0] ?? ''

/** Sensors on that way alone, and what was answered to the requests of a method, in order. */
async function startOn({ transport, host }: Way, change: Partial<SensorsConfig>) {
  const node = await startSensors({ listen: [{ transport, host, port: 0 }], ...change })
  return {
    ...node,
    port: transport === 'udp' ? node.udpPort : node.tcpPort,
    statuses: (method: string) =>
      node.observations.filter((one) => methodOf(one) === method).map(({ responses }) => responses.join(' ')),
    /** What must hold after any of them. */
    check() {
      assert.deepEqual(
        node.logged.filter(({ level }) => level === 'error'),
        [],
      )
      assert.equal(node.sensors.counters().bugCount, 0)
      const unproven = node.observations.filter((one) => one.transport === 'udp' && one.validation === 'none')
      for (const one of unproven) assert(one.sentSize <= one.size, textOf(one))
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  }
}
type Started = Awaited<ReturnType<typeof startOn>>

type Scenario = {
  readonly about: string
  readonly name: string
  readonly change: Partial<SensorsConfig>
  readonly ways: readonly Way[]
  check(node: Started, way: Way): void
}

/** One number behind the prefixes that a dialer tries. */
const PREFIXED = Array.from({ length: 60 }, (_, i) => `${10_000 + 997 * i}442081234567`)

const IPV4 = WAYS.filter(({ host }) => host === '127.0.0.1')
const high = { interaction: 'high' } as const
const medium = { interaction: 'medium' } as const
const natural = { interaction: 'high', pacing: 'natural' } as const

const SCENARIOS: readonly Scenario[] = [
  {
    about: 'a weak password registers, once some have failed',
    name: 'register-until-accepted',
    change: high,
    ways: WAYS,
    check(node) {
      const statuses = node.statuses('REGISTER')
      assert.equal(statuses.at(-1), '200')
      assert(statuses.slice(0, -1).every((status) => status === '401'))
      assert(statuses.length >= 1 + 3 + 1 && statuses.length <= 1 + 7 + 1, `${statuses.length} tries`)
    },
  },
  {
    about: 'nobody registers at the level medium',
    name: 'register-never-accepted',
    change: medium,
    ways: IPV4,
    check: (node) => assert.deepEqual(new Set(node.statuses('REGISTER')), new Set(['401'])),
  },
  {
    about: 'an extension calls with its password',
    name: 'invite-until-accepted',
    change: high,
    ways: WAYS,
    check(node) {
      assert.equal(node.statuses('INVITE').at(-1), '100 180 200')
      assert.deepEqual(node.statuses('BYE'), ['200'])
    },
  },
  {
    about: 'no extension calls at the level medium',
    name: 'invite-never-accepted',
    change: medium,
    ways: IPV4,
    check: (node) => assert.deepEqual(new Set(node.statuses('INVITE')), new Set(['401'])),
  },
  {
    about: 'a call is answered',
    name: 'call',
    change: high,
    ways: WAYS,
    check(node, { transport }) {
      assert.deepEqual(node.statuses('INVITE'), [transport === 'udp' ? '200' : '100 180 200'])
      assert.deepEqual(node.statuses('BYE'), ['200'])
    },
  },
  {
    about: 'a call of a proven source rings for some time before it is answered',
    name: 'call-that-rings',
    change: natural,
    ways: IPV4,
    check(node) {
      assert.deepEqual(node.statuses('INVITE'), ['100 180 200'])
      assert.deepEqual(node.statuses('BYE'), ['200'])
    },
  },
  {
    about: 'a caller hangs up while it rings',
    name: 'cancel',
    change: natural,
    ways: WAYS,
    check: (node) => assert.deepEqual(node.statuses('CANCEL'), ['200 487']),
  },
  {
    about: 'a BYE of nothing finds no call',
    name: 'bye-of-nothing',
    change: high,
    ways: IPV4,
    check: (node) => assert.deepEqual(node.statuses('BYE'), ['481']),
  },
]

// Together, since they wait more than they work.
describe('callers', { concurrency: 4 }, () => {
  for (const { about, name, change, ways, check } of SCENARIOS) {
    for (const way of ways) {
      test(`${about}, over ${way.transport} to ${way.host}`, async (t) => {
        if (!has(t, 'sipp')) return
        await using node = await startOn(way, change)
        await runScenario(t, name, { ...way, port: node.port })
        check(node, way)
        node.check()
      })
    }
  }

  for (const interaction of ['low', 'medium'] as const) {
    for (const way of IPV4) {
      test(`calls are refused at the level ${interaction}, each prefix in its own way, over ${way.transport}`, async (t) => {
        if (!has(t, 'sipp')) return
        await using node = await startOn(way, { interaction })
        const callers = ['127.0.0.1', '127.0.0.2'] // of one network
        for (const from of callers) {
          await runScenario(t, 'invite-refused', { ...way, from, port: node.port, callCount: 60, numbers: PREFIXED })
        }
        const invites = node.observations.filter((one) => methodOf(one) === 'INVITE')
        assert.equal(invites.length, callers.length * PREFIXED.length)
        const byNumber = Map.groupBy(invites, (one) => /^INVITE sip:(\d+)@/.exec(textOf(one))?.[1] ?? '')
        const finals = [...byNumber.values()].map((same) => {
          const [final, ...others] = new Set(same.map(({ responses }) => responses.at(-1)))
          assert.deepEqual(others, [], 'the same number, the same end')
          return final
        })
        assert.equal(finals.length, PREFIXED.length)
        assert(new Set(finals).size > 1, 'of 60 prefixes 3 in 10^9 nodes end all alike')
        assert(finals.every((status) => [404, 484, 403, 486, 480].includes(status ?? 0)))
        node.check()
      })
    }
  }

  test('calls over TCP ring and are answered each by itself, in one segment and in many', async () => {
    await using node = await startSensors({ pacing: 'natural' })
    using together = await tcpCaller({ port: node.tcpPort })
    using inPieces = await tcpCaller({ port: node.tcpPort })
    const calls = ['one', 'two'].map((callId) => invite({ callId }))
    together.send(Buffer.concat([calls[0]!, Buffer.from('\r\n\r\n'), calls[1]!]))
    for (const byte of Buffer.concat(calls)) inPieces.send(Uint8Array.of(byte))
    for (const caller of [together, inPieces]) {
      for (const callId of ['one', 'two']) {
        const of = new RegExp(`\r\nCall-ID: ${callId}\r\n`)
        await caller.got(1, of, /^SIP\/2\.0 200 /)
        assert.deepEqual([...new Set(caller.responses(of).map(({ text }) => statusOf(text)))], [100, 180, 200])
      }
    }
  })
})
