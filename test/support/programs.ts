// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Programs of others that tests run, all on loopback: scanners, proxies, and what the pages tell to type.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'

const PROGRAM_MS = 30_000 // longer than any of them takes
const PACKAGES = {
  svmap: 'sipvicious',
  svwar: 'sipvicious',
  svcrack: 'sipvicious',
  sipp: 'sip-tester',
  sipsak: 'sipsak',
  kamailio: 'kamailio',
  openssl: 'openssl',
  nc: 'netcat-openbsd',
  curl: 'curl',
  bash: 'bash',
}
export type Program = keyof typeof PACKAGES

/** Whether the program is here. Without it the test is skipped aloud, or fails where nothing may be skipped. */
export function has(t: TestContext, program: Program): boolean {
  const { PATH = '', SENTRYPEER_NO_SKIP } = process.env
  for (const folder of PATH.split(delimiter)) {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {} // not in this folder
  }
  const line = `skipped: ${program} is not installed (apt-get install ${PACKAGES[program]})`
  assert.notEqual(SENTRYPEER_NO_SKIP, '1', line)
  t.skip(line)
  return false
}

/** Runs it in a folder and a home of its own. `until`: its input stays open until it has printed that. */
export async function run(
  program: Program,
  args: readonly string[],
  { input = '', until }: { input?: string | Uint8Array; until?: RegExp } = {},
): Promise<{ output: string; code: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'sip-tools-'))
  try {
    const env = { ...process.env, HOME: folder, TERM: 'dumb' }
    const child = spawn(program, args, { cwd: folder, env, stdio: 'pipe', timeout: PROGRAM_MS })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        output += bytes
        if (until?.test(output)) child.stdin.end()
      })
    }
    child.stdin.on('error', () => {}) // it does not have to read what it is given
    child.stdin.write(input)
    if (until === undefined) child.stdin.end()
    const [code] = await once(child, 'close')
    return { output, code }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
