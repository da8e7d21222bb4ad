// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// SIPp with the scenarios of test/vectors/sipp, against a port on loopback.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { run } from './programs.ts'
import { tempDir } from './temp-dir.ts'

const FOLDER = new URL('../vectors/sipp/', import.meta.url).pathname

export type Way = { readonly transport: 'udp' | 'tcp'; readonly host: '127.0.0.1' | '::1' }
export const WAYS: readonly Way[] = [
  { transport: 'udp', host: '127.0.0.1' },
  { transport: 'tcp', host: '127.0.0.1' },
  { transport: 'udp', host: '::1' },
  { transport: 'tcp', host: '::1' },
]

export type SippInit = Way & {
  readonly port: number
  readonly callCount?: number
  /** Whom it calls. */
  readonly number?: string
  /** Or each in turn. */
  readonly numbers?: readonly string[]
  readonly from?: string
  readonly user?: string
  readonly password?: string
}

/** Runs a scenario; every call of it must go as it says. */
export async function runScenario(t: TestContext, scenario: string, init: SippInit): Promise<void> {
  const { transport, host, port, callCount = 1, number = '900442081234567', user = '100', password = '1234' } = init
  const { from = host, numbers } = init
  const bracketed = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip)
  const args = ['-sf', join(FOLDER, `${scenario}.xml`), `${bracketed(host)}:${port}`]
  args.push('-i', bracketed(from), '-p', String(await freePort(host)), '-t', transport === 'udp' ? 'u1' : 't1')
  args.push('-s', number, '-key', 'caller', user, '-au', user, '-ap', password)
  args.push('-m', String(callCount), '-r', '50', '-nr', '-nostdin', '-timeout', '20s', '-timeout_error')
  if (numbers !== undefined) {
    const file = join(tempDir(t), 'numbers.csv')
    writeFileSync(file, `SEQUENTIAL\n${numbers.map((one) => `${one};\n`).join('')}`)
    args.push('-inf', file)
  }
  const { output, code } = await run('sipp', args)
  assert.equal(code, 0, output)
  assert.match(output, new RegExp(`Successful call\\s*\\|\\s*\\d+\\s*\\|\\s*${callCount}\\s`), output)
}
