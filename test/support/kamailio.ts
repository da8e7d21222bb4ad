// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Kamailio as a proxy on loopback, with the configuration of test/vectors/kamailio.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { tempDir } from './temp-dir.ts'

const TEMPLATE = new URL('../vectors/kamailio/proxy.cfg', import.meta.url)

/** Starts a proxy that relays all calls to that URI; gives its port once it works. It ends with the test. */
export async function startProxy(t: TestContext, destination: string): Promise<number> {
  const folder = tempDir(t)
  const port = await freePort()
  const text = readFileSync(TEMPLATE, 'utf8')
  const file = join(folder, 'proxy.cfg')
  writeFileSync(file, text.replaceAll('"DESTINATION"', `"${destination}"`).replaceAll(':LISTEN', `:127.0.0.1:${port}`))
  const child = spawn('kamailio', ['-f', file, '-DD', '-E', '-w', folder, '-Y', folder, '-P', join(folder, 'pid')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
  })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let output = ''
  child.once('error', reject)
  child.once('close', () => reject(new Error(`Kamailio ended:\n${output}`)))
  createInterface(child.stderr).on('line', (line) => {
    output += `${line}\n`
    if (line.includes('the proxy is ready')) resolve(port)
  })
  return promise
}
