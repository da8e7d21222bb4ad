// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { loadConfig } from '../../src/config.ts'
import { runDaemon, type Started } from '../../src/daemon.ts'
import { type ClockOffset, createClockOffset } from '../../src/store/clock.ts'
import { sipRequest } from '../support/observations.ts'
import { tempDir } from '../support/temp-dir.ts'

const DAY_MS = 86_400_000

async function run(
  t: TestContext,
  dir: string,
  clockOffset: ClockOffset,
): Promise<Started & { stop(): Promise<unknown> }> {
  const flags = { stateDir: dir, sip: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'], api: '127.0.0.1:0' }
  const { config } = await loadConfig({ flags, env: {} })
  const controller = new AbortController()
  const ready = Promise.withResolvers<Started>()
  const ended = runDaemon(config, {
    signal: controller.signal,
    log: pino({ level: 'silent' }),
    clockOffset,
    onReady: ready.resolve,
  })
  ended.catch(ready.reject)
  const stop = (): Promise<unknown> => {
    controller.abort()
    return ended
  }
  t.after(stop)
  return { ...(await ready.promise), stop }
}

/** Asks the sensor over UDP and TCP, and waits for both answers. */
async function probe(started: Started): Promise<void> {
  const [udp, tcp] = started.listeners
  assert(udp !== undefined && tcp !== undefined)
  const socket = createSocket('udp4')
  socket.send(sipRequest({ method: 'OPTIONS' }), udp.endpoint.port, '127.0.0.1')
  await once(socket, 'message')
  socket.close()
  const stream = connect(tcp.endpoint.port, '127.0.0.1')
  stream.write(sipRequest({ callId: 'over-tcp' }))
  await once(stream, 'data')
  stream.destroy()
}

test('8 days on, nothing is left in any answer, and nothing on disk', async (t) => {
  const dir = tempDir(t)
  const clockOffset = createClockOffset()
  const started = await run(t, dir, clockOffset)
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${started.apiUrl}${path}`)
    return { status: response.status, body: await response.json() }
  }
  await probe(started)
  const paths = [
    '/v1/ip-addresses/127.0.0.1',
    '/v1/phone-numbers/900442081234567',
    '/ip-addresses/127.0.0.1',
    '/numbers',
  ]
  const indexed = async (): Promise<boolean> =>
    ((await get('/v1/events')).body as { items: unknown[] }).items.length > 1
  while (!(await indexed()));
  for (const path of paths) assert.equal((await get(path)).status, 200, path)

  clockOffset[0] = 8 * DAY_MS
  for (const path of paths) assert.equal((await get(path)).status, 404, path)
  for (const path of ['/v1/ip-addresses', '/v1/phone-numbers', '/v1/events']) {
    assert.deepEqual((await get(path)).body, { items: [], next: null, total: 0 }, path)
  }
  await started.stop()

  const later = await run(t, dir, clockOffset)
  await later.stop()
  assert.deepEqual([...readdirSync(`${dir}/journal`), ...readdirSync(`${dir}/index`)], [])
})
