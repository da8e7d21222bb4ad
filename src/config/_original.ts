// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { dirname, resolve } from 'node:path'
import type { Source } from './_source.ts'

/**
 * The variables of the original SentryPeer. There, a switch was on as soon as its variable existed, even as 0;
 * here 0, false, no, off and empty are off.
 */
const SWITCHES: Readonly<Record<string, (on: boolean) => readonly (readonly [key: string, value: unknown])[]>> = {
  SENTRYPEER_API: (on) => [['api.enabled', on]],
  SENTRYPEER_SIP_RESPONSIVE: (on) => [['sip.interaction', on ? 'low' : 'passive']],
  SENTRYPEER_SIP_DISABLE: (on) => [['sip.enabled', !on]],
  SENTRYPEER_SYSLOG: (on) => [['syslog.enabled', on]],
  SENTRYPEER_JSON_LOG: (on) => [['json_log.enabled', on]],
  SENTRYPEER_VERBOSE: (on) => (on ? [['log.level', 'debug']] : []),
  SENTRYPEER_DEBUG: (on) => (on ? [['log.level', 'debug']] : []),
}

const POOL = 'sharing with other nodes is not in this version'
const WEBHOOK = 'webhooks are not in this version'
const OAUTH2 = 'OAuth 2 belongs to webhooks, which are not in this version'
/** Where the original's address for TLS would have stood. */
export const TLS_LISTEN = 'sip.listen says where TLS is listened for, as tls:ADDRESS:PORT'

/** Variables that name a file of ours. */
const FILES: Readonly<Record<string, string>> = {
  SENTRYPEER_CERT: 'sip.tls.certificate',
  SENTRYPEER_KEY: 'sip.tls.key',
}

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  SENTRYPEER_PEER_TO_PEER: POOL,
  SENTRYPEER_BOOTSTRAP_NODE: POOL,
  SENTRYPEER_WEBHOOK: WEBHOOK,
  SENTRYPEER_WEBHOOK_URL: WEBHOOK,
  SENTRYPEER_OAUTH2_CLIENT_ID: OAUTH2,
  SENTRYPEER_OAUTH2_CLIENT_SECRET: OAUTH2,
  SENTRYPEER_TLS_LISTEN_ADDRESS: TLS_LISTEN,
  SENTRYPEER_TLS_DISABLE: 'there is no other listener to choose',
}

/** Every variable of the original. SENTRYPEER_JSON_LOG_FILE and _CONFIG_FILE mean the same here and are read as ours. */
export const ORIGINAL_VARIABLES: ReadonlySet<string> = new Set([
  'SENTRYPEER_DB_FILE',
  ...Object.keys(SWITCHES),
  ...Object.keys(FILES),
  ...Object.keys(WITHOUT_EFFECT),
])

const OFF = new Set(['', '0', 'false', 'no', 'off'])
const ON = new Set(['1', 'true', 'yes', 'on'])

/** Reads the original's variables into the source. */
export function readOriginal(env: NodeJS.ProcessEnv, source: Source, base: string): void {
  const set = (variable: string, key: string, value: unknown) => {
    const origin = `environment ${variable}`
    source.settings.set(key, { value, origin, where: origin, base })
  }
  const logFile = env.SENTRYPEER_JSON_LOG_FILE?.trim()
  if (logFile) set('SENTRYPEER_JSON_LOG_FILE', 'json_log.enabled', true) // as the original does
  for (const [variable, settings] of Object.entries(SWITCHES)) {
    const text = env[variable]?.trim().toLowerCase()
    if (text === undefined) continue
    const on = !OFF.has(text)
    for (const [key, value] of settings(on)) set(variable, key, value)
    if (on && !ON.has(text)) source.notices.push(`${variable} is a switch: its value is read as "on"`)
  }
  if (env.SENTRYPEER_API !== undefined && source.settings.get('api.enabled')?.value === true) {
    source.notices.push(
      'SENTRYPEER_API: the original served everybody on 0.0.0.0; here api.host decides, 127.0.0.1 unless it is set',
    )
  }
  for (const [variable, key] of Object.entries(FILES)) {
    const path = env[variable]?.trim()
    if (path) set(variable, key, path)
  }
  const database = env.SENTRYPEER_DB_FILE?.trim()
  if (database) set('SENTRYPEER_DB_FILE', 'state.dir', dirname(resolve(base, database)))
  for (const [variable, reason] of Object.entries(WITHOUT_EFFECT)) {
    if (OFF.has(env[variable]?.trim().toLowerCase() ?? '')) continue
    source.notices.push(`${variable} has no effect: ${reason}`)
  }
}
