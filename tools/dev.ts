// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A node on free loopback ports with somebody attacking it, to have something to look at: `npm run dev`.
// Its state lies in a temporary folder, which goes when it stops; --state-dir DIR keeps it elsewhere.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { openLog } from '../src/cli/log.ts'
import { loadConfig } from '../src/config.ts'
import { runDaemon, type Started } from '../src/daemon.ts'
import { attack } from './_attacker.ts'

const { values } = parseArgs({
  options: { 'state-dir': { type: 'string' }, rate: { type: 'string', default: '4' } },
})
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const temporary = values['state-dir'] === undefined ? mkdtempSync(path.join(tmpdir(), 'sentrypeer-dev-')) : null
const stateDir = values['state-dir'] ?? temporary!
const { config } = await loadConfig({
  flags: { stateDir, sip: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'], api: '127.0.0.1:0' },
  env: {},
})
let attacking: Promise<void> = Promise.resolve()

function show({ listeners, apiUrl }: Started): void {
  const portOf = (transport: string): number => listeners.find((one) => one.transport === transport)!.endpoint.port
  const target = { udpPort: portOf('udp'), tcpPort: portOf('tcp') }
  const cli = `npm run -s cli --`
  process.stdout.write(
    [
      `SIP   udp 127.0.0.1:${target.udpPort} · tcp 127.0.0.1:${target.tcpPort}, attacked ${values.rate} times a second`,
      `API   ${apiUrl}/v1/ip-addresses`,
      `      ${apiUrl}/v1/openapi.json`,
      `      ${apiUrl}/v1/events/stream`,
      `Data  ${stateDir}`,
      `Look  ${cli} tail --url ${apiUrl}`,
      `      ${cli} top --url ${apiUrl}`,
      'Stop  Ctrl-C',
      '',
    ].join('\n'),
  )
  attacking = attack(target, { perSecond: Number(values.rate), signal: stop.signal })
}

try {
  await runDaemon(config, {
    signal: stop.signal,
    log: openLog(config.log, { env: process.env, stderr: process.stderr }),
    onReady: show,
  })
  await attacking
} finally {
  if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
}
