// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync } from 'node:fs'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import type { Config } from '../config.ts'
import { DaemonError } from '../core/errors.ts'
import type { Event } from '../core/event.ts'
import { openLoggerProgram } from './_logger-program.ts'
import { openSyslogSocket } from './_syslog-socket.ts'

export type SyslogDeps = {
  /** Called once for each time that sending stops working, with the way out, and at the end when lines were dropped. */
  onTrouble(text: string): void
  readonly hostname?: string // of this machine, for messages over UDP
  readonly program?: readonly string[] // in place of logger(1), with its first arguments
}

export type Syslog = AsyncDisposable & {
  /** Never waits, never throws; a line that cannot be queued is dropped and counted. */
  write(event: Event): void
  readonly droppedCount: number
}

/** Takes finished lines; `at` is the time they tell, in ms since epoch. */
export type SyslogSink = AsyncDisposable & { send(line: string, at: number): void; readonly droppedCount: number }

/** What stands before each line, as the original had it. */
export const syslogIdent = (): string => `sentrypeer[${process.pid}]`

/**
 * The syslog line of the first SentryPeer, to the system's log or to a collector over UDP.
 * Throws DaemonError CONFIG_INVALID for another target.
 */
export async function openSyslog(config: Pick<Config['syslog'], 'target'>, deps: SyslogDeps): Promise<Syslog> {
  const sink = await openSink(config.target, deps)
  return {
    write: (event) => sink.send(syslogLine(event), event.at),
    get droppedCount() {
      return sink.droppedCount
    },
    [Symbol.asyncDispose]: async () => {
      await sink[Symbol.asyncDispose]()
      if (sink.droppedCount === 0) return
      deps.onTrouble(`${sink.droppedCount} syslog lines were not sent; the journal has their events`)
    },
  }
}

async function openSink(target: string, deps: SyslogDeps): Promise<SyslogSink> {
  if (target === 'system') {
    if (deps.program === undefined) reportMissingDaemon(deps.onTrouble)
    const program = [...(deps.program ?? ['logger']), '-t', syslogIdent(), '-p', 'user.notice']
    return openLoggerProgram(program, deps)
  }
  const { ip, port } = parseCollector(target)
  return openSyslogSocket({ ip, port, hostname: deps.hostname ?? hostname(), ident: syslogIdent() }, deps)
}

/** logger(1) of util-linux says nothing when nobody listens, as in most containers. */
function reportMissingDaemon(onTrouble: (text: string) => void): void {
  if (process.platform !== 'linux' || existsSync('/dev/log')) return
  onTrouble(
    'There is no /dev/log, so nobody takes syslog lines. Run a syslog daemon, or set syslog.target to udp:ADDRESS:PORT',
  )
}

/** `udp:192.0.2.10:514` or `udp:[2001:db8::10]:514`; a name is none, since nothing here asks a resolver. */
function parseCollector(target: string): { ip: string; port: number } {
  const match = /^udp:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target)
  const [, ipv6 = '', ipv4 = ''] = match ?? []
  const port = Number(match?.[3])
  if ((isIPv6(ipv6) || isIPv4(ipv4)) && port >= 1 && port <= 65_535) return { ip: ipv6 || ipv4, port }
  const right = 'It must be system, or udp:ADDRESS:PORT such as udp:192.0.2.10:514'
  throw new DaemonError('CONFIG_INVALID', `syslog.target is ${JSON.stringify(target)}. ${right}`)
}

const METHOD = /^[A-Za-z0-9.!%*_+`'~-]{1,32}$/ // a token, RFC 3261 §25.1
const AGENT_LENGTH_MAX = 256

/**
 * The line that log readers act on. Only the agent is free text, so it stands last and stays on the line: whatever it
 * says, a filter that is anchored at the start reads our address and no other.
 */
export function syslogLine(event: Pick<Event, 'source' | 'method' | 'userAgent'>): string {
  const method = event.method !== null && METHOD.test(event.method) ? event.method : 'NOT_FOUND'
  return `Source IP: ${event.source.ip}, Method: ${method}, Agent: ${printable(event.userAgent) || 'NOT_FOUND'}`
}

/** Without control and format characters, line and paragraph separators, and halves of characters. */
function printable(agent: string | null): string {
  return (agent ?? '')
    .slice(0, AGENT_LENGTH_MAX)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '')
    .trim()
}
