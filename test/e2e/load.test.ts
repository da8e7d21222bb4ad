// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dumpIndex, sumOf } from '../support/index-dump.ts'
import { startNode } from '../support/node-process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUdpLoad } from '../support/udp-load.ts'

const PER_SECOND = 5000
const EVENT_COUNT = 15_000
const LIST_COUNT = 10 // times that each list is asked for

test(`lookups and pages while ${PER_SECOND} events/s arrive: no event lost, no request refused`, async (t) => {
  const stateDir = tempDir(t)
  const node = await startNode(t, stateDir)
  const load = await startUdpLoad({ port: node.sipPort, perSecond: PER_SECOND, prefix: 'load', countMax: EVENT_COUNT })
  let answeredCount = 0
  let loading = true
  const ask = async (path: string): Promise<void> => {
    const response = await fetch(node.url + path)
    const body = await response.text()
    assert([200, 404].includes(response.status), `${path}: ${response.status} ${body}`)
    answeredCount++
  }
  const lookUp = async (path: (i: number) => string): Promise<void> => {
    for (let i = 0; loading; i++) await ask(path(i))
  }
  /** Lists cost more than lookups, so each is asked for a number of times, spread over the load. */
  const list = async (path: string): Promise<void> => {
    for (let i = 1; i <= LIST_COUNT; i++) {
      await load.sent((i * EVENT_COUNT) / (LIST_COUNT + 1))
      await ask(path)
    }
  }
  const asking = Promise.all([
    lookUp(() => '/v1/ip-addresses/127.0.0.1'),
    lookUp((i) => `/v1/phone-numbers/90044208${1_000_000 + i}`),
    ...['/v1/events?limit=100&ip=127.0.0.1', '/v1/phone-numbers?limit=1000', '/ip-addresses', '/numbers'].map(list),
  ])
  await load.done
  loading = false
  await asking
  await load.stop()
  await node.accepted(EVENT_COUNT)
  const { code } = await node.kill('SIGTERM')
  assert.equal(code, 0)
  assert.match(node.output(), /Stopped: 15,000 events saved/)
  assert.doesNotMatch(node.output(), /locked|lost/i)
  assert(answeredCount > 4 * LIST_COUNT + 20, `${answeredCount} answers`)
  const restarted = await startNode(t, stateDir)
  const { count } = await restarted.get<{ count: number }>('/v1/ip-addresses/127.0.0.1')
  assert.equal(count, EVENT_COUNT)
  await restarted.indexed()
  await restarted.kill('SIGTERM')
  assert.equal(sumOf(dumpIndex(`${stateDir}/index`).events, 'count'), EVENT_COUNT)
})
