// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { join } from 'node:path'
import { type Config, formatHostPort } from '../config.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Started } from '../daemon.ts'
import { formatListeners } from './listeners.ts'
import { formatFacts } from './table.ts'
import { formatSize, type Paint, printable } from './terminal.ts'

const RETENTION = '7 days'
const JOURNAL_EXCESS = 1.25 // of its quota, while the index is behind (docs/store.md)

export type StartOptions = {
  readonly dirByDefault: boolean // commands find the state folder without being told
  readonly paint: Paint
}

/** What somebody should know who has just started a node: what listens, who can reach it, where data lies, how to look, how to stop. */
export function describeStart(started: Started, config: Config, { dirByDefault, paint }: StartOptions): string {
  const { version, readyMs, stateDir, apiUrl, repairs } = started
  const here = dirByDefault ? '' : ` --state-dir ${shellWord(stateDir)}`
  const quotaSize = config.state.quotaMiB * 1_048_576
  const quota = `up to ${formatSize(quotaSize)}, for a while ${formatSize(quotaSize * JOURNAL_EXCESS)}`
  const facts: [string, string][] = [
    ['SIP', sipText(started, config)],
    ['API', apiText(apiUrl, config)],
    ['Open', exposure(started, config)],
    ['Data', `${stateDir}: the last ${RETENTION}, the journal ${quota}`],
  ]
  if (config.jsonLog.enabled) facts.push(['Log', `every event also goes to ${config.jsonLog.file}`])
  if (config.syslog.enabled) facts.push(['Log', `events are also sent to syslog (${config.syslog.target})`])
  if (apiUrl !== null) {
    facts.push(['Look', `sentrypeer tail${here}`], ['', curlText(apiUrl, stateDir, config)])
  }
  facts.push(['Stop', 'Ctrl-C'])
  for (const repair of repairs) facts.push(['Mended', repair])
  const head = `SentryPeer ${printable(version)} is ready (${(readyMs / 1000).toFixed(2)} s)`
  return `${paint('bold', head)}\n${formatFacts(facts, paint)}`
}

function sipText({ listeners }: Started, { sip }: Config): string {
  if (listeners.length === 0) return 'off'
  const where = formatListeners(listeners.map(({ transport, endpoint }) => ({ transport, ...endpoint })))
  return `${where} (${sip.interaction === 'passive' ? 'listens only, never replies' : `replies, interaction ${sip.interaction}`})`
}

function apiText(apiUrl: string | null, { api }: Config): string {
  if (apiUrl === null) return 'off'
  return isLoopback(api.host)
    ? `${apiUrl} (this machine only)`
    : `${apiUrl} (open to the network; every request needs a key)`
}

/** A request that is answered: beyond this machine it takes the key, which stays out of the text. */
function curlText(apiUrl: string, stateDir: string, { api }: Config): string {
  const key = `"Authorization: Bearer $(cat ${shellWord(join(stateDir, 'admin.key'))})"`
  return `curl ${isLoopback(api.host) ? '' : `-H ${key} `}${apiUrl}/v1/ip-addresses`
}

/** What somebody elsewhere can reach. */
function exposure({ listeners, apiUrl }: Started, { api }: Config): string {
  const outside = listeners.filter(({ endpoint }) => !isLoopback(endpoint.ip))
  const sip = formatListeners(outside.map(({ transport, endpoint }) => ({ transport, ...endpoint })))
  const openApi = apiUrl !== null && !isLoopback(api.host)
  const open = [sip, openApi ? `API ${formatHostPort(api.host, Number(new URL(apiUrl).port))}` : '']
  const text = open.filter((part) => part !== '').join(' · ')
  return text === '' ? 'nothing is reachable from other machines' : `other machines can reach ${text}`
}

/** For a command line that is copied from the screen. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
