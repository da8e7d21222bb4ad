// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../config.ts'
import type { Started } from '../daemon.ts'
import { describeStart } from './first-run.ts'

const started: Started = {
  version: '1.2.3',
  nodeId: '6a9e3c1e-0000-4000-8000-000000000001',
  listeners: [
    { transport: 'udp', endpoint: { ip: '127.0.0.1', port: 5060 }, receiver: 'dgram' },
    { transport: 'tcp', endpoint: { ip: '::', port: 5060 }, receiver: 'net' },
  ],
  apiUrl: 'http://127.0.0.1:8082',
  stateDir: '/state',
  repairs: [],
  readyMs: 312,
}
const paint = (_style: string, text: string) => text
const configFor = async (flags: Record<string, unknown>) =>
  (await loadConfig({ flags: { stateDir: '/state', ...flags }, env: { HOME: '/nowhere' } })).config

test('describeStart() says what runs, who can reach it, where the data is, how to look and how to stop', async () => {
  const text = describeStart(started, await configFor({}), { dirByDefault: true, paint })
  assert.equal(
    text,
    `SentryPeer 1.2.3 is ready (0.31 s)
  SIP   udp 127.0.0.1:5060 · tcp [::]:5060 (replies, interaction medium)
  API   http://127.0.0.1:8082 (this machine only)
  Open  other machines can reach tcp [::]:5060
  Data  /state: the last 7 days, the journal up to 2.0 GiB, for a while 2.5 GiB
  Look  sentrypeer tail
        curl http://127.0.0.1:8082/v1/ip-addresses
  Stop  Ctrl-C
`,
  )
})

test('describeStart() of a quiet node', async () => {
  const config = await configFor({ interaction: 'passive', api: false, jsonLogFile: '/log/x', syslog: true })
  const text = describeStart(
    {
      ...started,
      listeners: started.listeners.slice(0, 1),
      apiUrl: null,
      stateDir: "/it's",
      repairs: ['cut a torn block'],
    },
    config,
    { dirByDefault: false, paint },
  )
  assert.equal(
    text,
    `SentryPeer 1.2.3 is ready (0.31 s)
  SIP     udp 127.0.0.1:5060 (listens only, never replies)
  API     off
  Open    nothing is reachable from other machines
  Data    /it's: the last 7 days, the journal up to 2.0 GiB, for a while 2.5 GiB
  Log     every event also goes to /log/x
  Log     events are also sent to syslog (system)
  Stop    Ctrl-C
  Mended  cut a torn block
`,
  )
})

test('describeStart() of an open API says so, and quotes the folder for the shell', async () => {
  const config = await configFor({ api: '0.0.0.0:9000', sip: false })
  const facts = { ...started, listeners: [], apiUrl: 'http://127.0.0.1:9000', stateDir: "/it's" }
  const text = describeStart(facts, config, { dirByDefault: false, paint })
  assert.match(text, /SIP {3}off\n/)
  assert.match(text, /API {3}http:\/\/127\.0\.0\.1:9000 \(open to the network; every request needs a key\)\n/)
  assert.match(text, /Open {2}other machines can reach API 0\.0\.0\.0:9000\n/)
  assert.match(text, /Look {2}sentrypeer tail --state-dir '\/it'\\''s'\n/)
  const curl = text.split('\n').find((line) => line.includes('curl'))
  const url = 'http://127.0.0.1:9000/v1/ip-addresses'
  assert.equal(curl?.trim(), `curl -H "Authorization: Bearer $(cat '/it'\\''s/admin.key')" ${url}`)
})
