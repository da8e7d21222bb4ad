// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { StoreStatus } from '../../src/store/types.ts'
import { freePort } from './free-port.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname
const PATIENCE_MS = 30_000
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning']

/** A node that runs in a process of its own, as a user starts it. */
export type NodeProcess = {
  readonly child: ChildProcess
  readonly url: string
  readonly sipPort: number
  /** What it printed so far. */
  output(): string
  get<T>(path: string): Promise<T>
  /** Resolves when that many events were accepted: what was sent may still lie in the socket's buffer. */
  accepted(count: number): Promise<void>
  /** Resolves when that many events are on disk. */
  durable(count: number): Promise<void>
  /** Resolves when the index holds all that is durable. */
  indexed(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts a node on free loopback ports; resolves when it says that it is ready. It is killed at the end of the test. */
export async function startNode(
  t: TestContext,
  stateDir: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<NodeProcess> {
  const sipPort = await freePort()
  const listen = args.includes('--sip')
    ? []
    : ['--sip', `udp:127.0.0.1:${sipPort}`, '--sip', `tcp:127.0.0.1:${sipPort}`]
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, MAIN, 'start', '--state-dir', stateDir, ...listen, '--api', '127.0.0.1:0', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  )
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The node ended with ${code}:\n${output}`)))
    createInterface(child.stdout).on('line', (line) => {
      output += `${line}\n`
      const api = /^ {2}API +(http:\S+)/.exec(line)?.[1]
      if (api !== undefined) resolve(api)
    })
  })
  const exited = once(child, 'exit')
  const get = async <T>(path: string): Promise<T> => (await (await fetch(url + path)).json()) as T
  const store = async (): Promise<StoreStatus> => (await get<{ store: StoreStatus }>('/v1/stats')).store
  return {
    child,
    url,
    sipPort,
    output: () => output,
    get,
    accepted: (count) => until(`${count} events are accepted`, async () => (await store()).acceptedCount >= count),
    durable: (count) => until(`${count} events are on disk`, async () => (await store()).durableCount >= count),
    indexed: () => until('the index has caught up', async () => (await store()).indexLagCount === 0),
    kill: async (signal) => {
      child.kill(signal)
      const [code, by] = await exited
      return { code, signal: by }
    },
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isSo())) if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`)
}
