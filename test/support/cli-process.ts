// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { NODE_FLAGS } from './node-process.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

export type CliProcess = ChildProcessByStdio<null, Readable, Readable>

/** A command of `sentrypeer` in a process of its own, as a user starts it. */
export function sentrypeer(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): CliProcess {
  const { PATH, HOME } = process.env // nothing else, so that the machine's own settings do not count
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
    env: { PATH, HOME, XDG_CONFIG_HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** The same, waited for to its end. */
export async function runSentrypeer(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = sentrypeer(t, args, env)
  const [stdout, stderr, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'exit')])
  return { code: code as number | null, stdout, stderr }
}

/** All that a stream says until it ends. */
export async function textOf(stream: Readable): Promise<string> {
  const chunks = await stream.setEncoding('utf8').toArray()
  return chunks.join('')
}
