// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A node behind a proxy: Kamailio relays calls to it, and takes its responses back to the caller.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf, udpCaller } from '../support/callers.ts'
import { startProxy } from '../support/kamailio.ts'
import { startNode } from '../support/node-process.ts'
import { has } from '../support/programs.ts'
import { invite } from '../support/sip-samples.ts'
import { runScenario } from '../support/sipp.ts'
import { tempDir } from '../support/temp-dir.ts'

const NUMBER = '900442081234567'

type Told = {
  items: {
    method: string
    transport: string
    calledNumber: string
    e164: string
    responses: number[]
    validation: string
    raw: string
  }[]
}

for (const transport of ['udp', 'tcp'] as const) {
  test(`a call comes through a proxy over ${transport}`, { timeout: 60_000 }, async (t) => {
    if (!has(t, 'kamailio') || !has(t, 'sipp')) return
    const node = await startNode(t, tempDir(t), ['--interaction', 'high'], { SENTRYPEER_SIP_PACING: 'none' })
    const port = await startProxy(t, `sip:127.0.0.1:${node.sipPort};transport=${transport}`)
    await runScenario(t, 'call-through-proxy', { transport: 'udp', host: '127.0.0.1', port, number: NUMBER })

    using caller = await udpCaller({ port })
    const via = 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-1234567;rport'
    const uri = `sip:${NUMBER}@127.0.0.1`
    const answer = await caller.askFinal(invite({ uri, via, callId: 'seen-by-hand' }))
    assert.match(answer, /^SIP\/2\.0 200 /)
    assert.equal(answer.match(/^Via:|^v:/gm)?.length, 1, 'the proxy took its own Via off')
    assert.match(headerOf(answer, 'via'), /branch=z9hG4bK-1234567/)
    assert.match(headerOf(answer, 'record-route'), new RegExp(`^<sip:127\\.0\\.0\\.1:${port};`))

    await node.durable(5) // INVITE, ACK, BYE, the media of that call, INVITE
    await node.indexed()
    const { items } = await node.get<Told>('/v1/events?limit=50')
    const invites = items.filter(({ method }) => method === 'INVITE')
    assert.equal(invites.length, 2)
    for (const one of invites) {
      assert.equal(one.transport, transport)
      assert.equal(one.calledNumber, NUMBER)
      assert.equal(one.e164, '+442081234567')
      assert.equal(one.raw.match(/^Via: /gm)?.length, 2)
      assert.equal(one.responses.at(-1), 200)
    }
    for (const method of ['ACK', 'BYE']) {
      const of = items.filter((one) => one.method === method)
      assert.equal(of.length, 1, method)
      // A proxy passes responses on, so what comes back through it proves nothing of who has seen them.
      assert.equal(of[0]!.validation, transport === 'udp' ? 'none' : 'transport')
      assert.deepEqual(of[0]!.responses, method === 'BYE' ? [200] : [])
    }
  })
}
