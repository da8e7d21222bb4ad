// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Config, formatHostPort, formatSipListen, type LoadedConfig, type SipListen } from '../config.ts'
import { DaemonError } from '../core/errors.ts'
import type { FolderTrouble } from '../store/state-folder.ts'
import { NodeClient } from './client.ts'
import type { CliContext } from './context.ts'
import { formatReceiver, type ListenerJson } from './listeners.ts'
import { type NodeFile, readKey, readNodeFile } from './node-address.ts'
import { formatSize, plural } from './terminal.ts'
import { formatDuration } from './time.ts'

export type Level = 'ok' | 'warn' | 'error'
/** One thing looked at. `wayOut` says what to do about it. */
export type Finding = { readonly level: Level; readonly what: string; readonly wayOut?: string }

const NODE_VERSION_MIN = [24, 15] as const
const FREE_SIZE_MIN = 100 * 1_048_576 // bytes; below that a node soon stops writing
const RECEIVE_BUFFER_SIZE = 4 * 1_048_576 // bytes: what the sensors ask for
const CLOCK_TOLERANCE_MS = 120_000
const CLOCK_MIN = Date.UTC(2026, 0, 1) // this program is younger

export function worstLevel(findings: readonly Finding[]): Level {
  if (findings.some(({ level }) => level === 'error')) return 'error'
  return findings.some(({ level }) => level === 'warn') ? 'warn' : 'ok'
}

/** Looks at everything, and leaves it as it was. */
export async function examine(loaded: LoadedConfig, context: CliContext): Promise<Finding[]> {
  const { config } = loaded
  const { dir } = config.state
  const { stateDirTrouble } = await import('../store/state-folder.ts')
  const trouble = stateDirTrouble(dir)
  const running = await readNodeFile(dir)
  const findings = [
    nodeVersionFinding(process.versions.node),
    {
      level: 'ok' as const,
      what: loaded.file === null ? 'configuration: no file, all is default' : `configuration: ${loaded.file}`,
    },
    ...loaded.notices.map((notice) => ({ level: 'warn' as const, what: notice })),
    await folderFinding(config.state, trouble),
    await clockFinding(dir, context.now()),
    ...(await receiveBufferFindings()),
  ]
  const asked = running === null ? null : await askNode(dir, running, context)
  if (asked?.answers === true) return [...findings, ...asked.findings]
  if (trouble !== null) return [...findings, ...(await portFindings(config))] // there is no store to look into
  const stopped = await stoppedFindings(dir)
  if (asked !== null && stopped.held) return [...findings, ...asked.findings]
  if (running !== null) findings.push(leftoverFinding(dir, running))
  findings.push(...stopped.findings)
  return stopped.held ? findings : [...findings, ...(await portFindings(config))]
}

export function nodeVersionFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const right = major > NODE_VERSION_MIN[0] || (major === NODE_VERSION_MIN[0] && minor >= NODE_VERSION_MIN[1])
  if (right) return { level: 'ok', what: `Node ${version}` }
  return {
    level: 'error',
    what: `Node ${version} is too old`,
    wayOut: `install Node ${NODE_VERSION_MIN.join('.')} or newer`,
  }
}

async function folderFinding({ dir, quotaMiB }: Config['state'], trouble: FolderTrouble | null): Promise<Finding> {
  if (trouble !== null) return { level: 'error', what: `state folder: ${trouble.what}`, wayOut: trouble.wayOut }
  const { nearestEntry } = await import('../store/state-folder.ts')
  const existing = nearestEntry(dir)
  const { bavail, bsize } = await statfs(existing)
  const freeSize = bavail * bsize
  const missing = existing === dir ? '' : ' (it does not exist yet)'
  const what = `state folder: ${dir} is writable${missing}, ${formatSize(freeSize)} free`
  const wayOut = 'make room, or lower state.quota_mib'
  if (freeSize < FREE_SIZE_MIN) return { level: 'error', what, wayOut }
  const wantedSize = quotaMiB * 1_048_576 - (await journalSize(dir))
  if (freeSize < wantedSize) {
    return { level: 'warn', what: `${what}; the journal may want ${formatSize(wantedSize)} more`, wayOut }
  }
  return { level: 'ok', what }
}

async function journalSize(dir: string): Promise<number> {
  const folder = join(dir, 'journal')
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** A clock that was set back would put new events before old ones, and one that is far off makes all times useless. */
async function clockFinding(dir: string, now: number): Promise<Finding> {
  const wayOut = 'set the clock, and keep it right with NTP'
  if (now < CLOCK_MIN) return { level: 'error', what: `clock: it says ${new Date(now).toISOString()}`, wayOut }
  const names = await readdir(join(dir, 'journal')).catch(() => [])
  const times = await Promise.all(
    names.map((name) =>
      stat(join(dir, 'journal', name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  )
  const aheadMs = Math.max(0, ...times) - now
  if (aheadMs <= CLOCK_TOLERANCE_MS) return { level: 'ok', what: `clock: ${new Date(now).toISOString()}` }
  return {
    level: 'warn',
    what: `clock: the journal was written ${formatDuration(aheadMs)} in the future; was the clock set back?`,
    wayOut,
  }
}

async function receiveBufferFindings(): Promise<Finding[]> {
  const text = await readFile('/proc/sys/net/core/rmem_max', 'utf8').catch(() => null) // Linux alone has it
  if (text === null) return []
  const size = Number(text)
  const what = `UDP receive buffer: the system allows ${formatSize(size)}`
  if (size >= RECEIVE_BUFFER_SIZE) return [{ level: 'ok', what }]
  const wayOut = `bursts may be lost; as root: sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_SIZE}`
  return [{ level: 'warn', what, wayOut }]
}

/** What the store of a stopped node looks like; `held` when a node that does not answer holds the folder after all. */
async function stoppedFindings(dir: string): Promise<{ findings: readonly Finding[]; held: boolean }> {
  const { inspectStore } = await import('../store/inspect.ts')
  const { findings } = await inspectStore(dir)
  return { findings, held: findings.some(({ what }) => what.endsWith('held by a running node')) }
}

/** A node that was killed leaves its file behind; nobody holds the folder, so its word counts for nothing. */
function leftoverFinding(dir: string, { pid }: NodeFile): Finding {
  const what = `node: none runs; process ${pid} ended without tidying up and left ${join(dir, 'node.json')}`
  return { level: 'warn', what, wayOut: '"sentrypeer start" tidies up' }
}

type Asked = { readonly answers: boolean; readonly findings: readonly Finding[] }

async function askNode(dir: string, { url, pid }: NodeFile, context: CliContext): Promise<Asked> {
  const origin = `from ${join(dir, 'node.json')}`
  const address = { url, origin, key: await readKey(dir), keyOrigin: join(dir, 'admin.key') }
  const client = new NodeClient(address, context.interrupted)
  try {
    const [health, stats] = await Promise.all([client.health(), client.stats()])
    const troubles = (health.troubles ?? []).map((what) => ({ level: 'warn' as const, what: `node: ${what}` }))
    const seen = plural(Number(stats.store.acceptedCount ?? 0), 'event')
    const well = { level: 'ok' as const, what: `node: ${stats.version} answers on ${url}, ${seen} since its start` }
    return { answers: true, findings: [well, ...receiverFindings(stats.listeners ?? []), ...troubles] }
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error
    const wayOut = `process ${pid} may hang: stop it and start it again`
    return { answers: false, findings: [{ level: 'error', what: `node: ${error.message}`, wayOut }] }
  }
}

function receiverFindings(listeners: readonly ListenerJson[]): Finding[] {
  const receiver = formatReceiver(listeners)
  if (receiver === null) return []
  const what = `node: UDP is received ${receiver}`
  const isSlow = process.platform === 'linux' && receiver !== 'by recvmmsg'
  const wayOut = 'Node 26 on x64 or arm64 takes many more a second by recvmmsg (sip.receiver)'
  return [isSlow ? { level: 'warn', what, wayOut } : { level: 'ok', what }]
}

async function portFindings({ sip, api }: Config): Promise<Finding[]> {
  const listens = sip.enabled ? sip.listen : []
  const findings = await Promise.all(listens.map((listen) => portFinding(`SIP ${formatSipListen(listen)}`, listen)))
  if (!api.enabled) return findings
  const { host, port } = api
  return [...findings, await portFinding(`API ${formatHostPort(host, port)}`, { transport: 'tcp', host, port })]
}

async function portFinding(name: string, listen: SipListen): Promise<Finding> {
  try {
    await (listen.transport === 'udp' ? tryUdp(listen) : tryTcp(listen))
    return { level: 'ok', what: `port: ${name} is free` }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EAFNOSUPPORT')
      return { level: 'warn', what: `port: ${name}: this machine has no IPv6`, wayOut: 'leave it out of sip.listen' }
    const taken = code === 'EADDRINUSE'
    const wayOut = taken
      ? 'stop what listens there (ss -lntup shows it), or choose another port'
      : 'choose another address or port'
    return { level: 'error', what: `port: ${name} ${taken ? 'is taken' : `cannot be used: ${message}`}`, wayOut }
  }
}

async function tryUdp({ host, port }: SipListen): Promise<void> {
  const socket = createSocket(host.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
  try {
    socket.bind({ address: host, port, exclusive: true })
    await once(socket, 'listening')
  } finally {
    socket.close()
  }
}

async function tryTcp({ host, port }: SipListen): Promise<void> {
  await using server = createServer()
  server.listen({ host, port, ipv6Only: true, exclusive: true })
  await once(server, 'listening')
}
