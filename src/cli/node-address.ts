// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { DaemonError } from '../core/errors.ts'
import { HOW_TO_REACH, type NodeAddress, NodeClient } from './client.ts'
import { type CliContext, UsageError } from './context.ts'

/** The options of every command that asks a node. */
export type NodeOptions = {
  readonly url?: string
  readonly key?: string
  readonly stateDir?: string
  readonly config?: string
}

export function addNodeOptions(command: Command): Command {
  return command
    .option('--url <url>', 'API of the node to ask (or SENTRYPEER_URL); else the one that runs here')
    .option('--key <key>', 'key for it (or SENTRYPEER_API_KEY, which ps does not show)')
    .option('--state-dir <dir>', 'state folder of the local node to ask')
    .option('--config <file>', 'configuration file of the local node, which may name its state folder')
}

/** A client for the node that the options name, or that runs on this machine. */
export async function openClient(options: NodeOptions, context: CliContext): Promise<NodeClient> {
  const signal = AbortSignal.any([context.interrupted, context.outputClosed])
  return new NodeClient(await findNode(options, context.env), signal)
}

/** --url, else what node.json in the state folder says, else where the configuration would put the API. */
export async function findNode(options: NodeOptions, env: NodeJS.ProcessEnv): Promise<NodeAddress> {
  const url = options.url ?? env.SENTRYPEER_URL
  const key = options.key ?? (env.SENTRYPEER_API_KEY || null)
  const keyOrigin = key === null ? '' : options.key === undefined ? 'SENTRYPEER_API_KEY' : '--key'
  if (url) {
    const name = options.url === undefined ? 'SENTRYPEER_URL' : '--url'
    return { url: checkUrl(url, name), origin: `named by ${name}`, key, keyOrigin }
  }
  const { loadConfig, formatHostPort } = await import('../config.ts')
  const flags = { stateDir: options.stateDir }
  const { config } = await loadConfig({ flags, env, file: options.config })
  const { dir } = config.state
  const running = await readNodeFile(dir)
  if (running !== null) {
    const origin = `from ${join(dir, 'node.json')}${isAlive(running.pid) ? '' : `, though its process ${running.pid} is gone`}`
    if (key !== null) return { url: running.url, origin, key, keyOrigin }
    return { url: running.url, origin, key: await readKey(dir), keyOrigin: join(dir, 'admin.key') }
  }
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[config.api.host] ?? config.api.host
  const origin = `there is no node.json in ${dir}`
  return { url: `http://${formatHostPort(host, config.api.port)}`, origin, key, keyOrigin }
}

function checkUrl(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new UsageError(`${name} ${JSON.stringify(text)}: must be a URL, such as http://127.0.0.1:8082`)
}

/** What a running node tells about itself in its state folder. */
export type NodeFile = { readonly url: string; readonly pid: number }

/** Null when no node runs there, as far as this user may see. */
export async function readNodeFile(stateDir: string): Promise<NodeFile | null> {
  const text = await readFile(join(stateDir, 'node.json'), 'utf8').catch(() => null)
  if (text === null) return null
  try {
    const { url, pid } = JSON.parse(text) as { url?: unknown; pid?: unknown }
    return typeof url === 'string' && URL.canParse(url) ? { url, pid: Number(pid) } : null
  } catch (cause) {
    const detail = `${join(stateDir, 'node.json')} is not JSON. ${HOW_TO_REACH}`
    throw new DaemonError('NODE_UNREACHABLE', detail, { cause })
  }
}

export async function readKey(stateDir: string): Promise<string | null> {
  const text = await readFile(join(stateDir, 'admin.key'), 'utf8').catch(() => null) // not ours: reading may be open without
  return text?.trim() || null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // alive, and another user's
  }
}
