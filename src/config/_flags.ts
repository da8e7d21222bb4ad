// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { dirname, resolve } from 'node:path'
import { emptySource, type Source } from './_source.ts'
import { parseHostPort } from './_values.ts'

/** In place of an address: on, where the configuration says. */
const ON = 'on'

/**
 * Reads the flags of `start`, named as commander names them (`--state-dir` → `stateDir`, `--no-api` → `api: false`).
 * Other names are not ours and are passed over.
 */
export function readFlags(flags: Readonly<Record<string, unknown>>): Source {
  const source = emptySource()
  const base = process.cwd()
  const set = (flag: string, key: string, value: unknown) => {
    source.settings.set(key, { value, origin: `flag ${flag}`, where: `flag ${flag}`, base })
  }
  const { tlsCertificate, tlsKey } = flags
  const { dbFile, stateDir, sip, api, passive, interaction, persona, logLevel, jsonLog, jsonLogFile, syslog } = flags

  if (typeof dbFile === 'string') set('-f', 'state.dir', dirname(resolve(base, dbFile)))
  if (stateDir !== undefined) set('--state-dir', 'state.dir', stateDir)
  if (sip === false) set('--no-sip', 'sip.enabled', false)
  else if (sip !== undefined) {
    set('--sip', 'sip.enabled', true)
    set('--sip', 'sip.listen', sip)
  }
  if (tlsCertificate !== undefined) set('-t', 'sip.tls.certificate', tlsCertificate)
  if (tlsKey !== undefined) set('-k', 'sip.tls.key', tlsKey)
  if (passive !== undefined) set('--passive', 'sip.interaction', 'passive')
  if (interaction !== undefined) set('--interaction', 'sip.interaction', interaction)
  if (persona !== undefined) set('--persona', 'sip.persona', persona)
  if (api !== undefined) readApi(api, set, source)
  if (logLevel !== undefined) set('--log-level', 'log.level', logLevel)
  if (jsonLog !== undefined) set('--json-log', 'json_log.enabled', jsonLog)
  if (jsonLogFile !== undefined) {
    set('--json-log-file', 'json_log.enabled', true)
    set('--json-log-file', 'json_log.file', jsonLogFile)
  }
  if (syslog !== undefined) set('--syslog', 'syslog.enabled', syslog !== false)
  if (typeof syslog === 'string' && syslog !== ON) set('--syslog', 'syslog.target', syslog)
  return source
}

function readApi(api: unknown, set: (flag: string, key: string, value: unknown) => void, source: Source): void {
  set(api === false ? '--no-api' : '--api', 'api.enabled', api !== false)
  if (typeof api !== 'string' || api === ON) return
  try {
    const { host, port } = parseHostPort(api, '127.0.0.1:8082')
    set('--api', 'api.host', host)
    set('--api', 'api.port', port)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    source.problems.push(`--api ${JSON.stringify(api)}: ${error.message}`)
  }
}
