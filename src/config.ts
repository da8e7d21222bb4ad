// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { readEnvironment } from './config/_environment.ts'
import { readFileText } from './config/_file.ts'
import { readFlags } from './config/_flags.ts'
import { databaseNotice } from './config/_honey.ts'
import { LEAVES } from './config/_leaves.ts'
import { configFilePlaces, defaultStateDir } from './config/_places.ts'
import type { AddressPersona, Config, SipListen } from './config/_schema.ts'
import { emptySource, type Setting, type Source } from './config/_source.ts'
import { formatAddressPersona, formatHostPort, formatSipListen, readValue } from './config/_values.ts'
import { loadPersona } from './config/personas.ts'
import { DaemonError } from './core/errors.ts'
import { isLoopback } from './core/loopback.ts'
import { quote } from './core/text.ts'
import type { Persona, Personas } from './sensors/uas/persona.ts'

export { type ConfigRow, configSchema, configTable, exampleToml } from './config/_documents.ts'
export { personaJsonSchema } from './config/_persona-schema.ts'
export type { Config, SipListen } from './config/_schema.ts'
export { formatHostPort, formatSipListen, parseSipListen } from './config/_values.ts'
export { isPersonaFile, loadPersona, parsePersona, personaNames, readPersonaText } from './config/personas.ts'

export type ConfigSources = {
  readonly flags: Readonly<Record<string, unknown>> // as commander names them: stateDir, sip, api, …
  readonly env: NodeJS.ProcessEnv
  readonly file?: string | undefined // the file to read, instead of $SENTRYPEER_CONFIG_FILE or the default places
  readonly hasIpv6?: boolean // whether this machine has IPv6; asked of the system unless given
}

export type LoadedConfig = {
  readonly config: Config
  /** Where each value came from, by key ('sip.interaction'): 'default', 'file /x.toml', 'environment SENTRYPEER_X' or 'flag --x'. */
  readonly origins: Map<string, string>
  /** What the operator should hear: settings without effect, unknown variables, what is open to others. */
  readonly notices: string[]
  /** The configuration file that was read, or null. */
  readonly file: string | null
}

/**
 * Joins file < environment < flags over the defaults.
 * Throws DaemonError CONFIG_INVALID, which names every wrong key: its value, where it stands, why it is wrong
 * and what would be right.
 */
export async function loadConfig({
  flags,
  env,
  file,
  hasIpv6 = machineHasIpv6(),
}: ConfigSources): Promise<LoadedConfig> {
  const path = await findFile(env, file)
  const sources = [path === null ? emptySource() : await readConfigFile(path), readEnvironment(env), readFlags(flags)]
  const given = new Map<string, Setting>(sources.flatMap(({ settings }) => [...settings]))
  const problems = sources.flatMap((source) => source.problems)
  const { values, origins } = readSettings(given, env, problems)
  const config = buildConfig(values, readPersonas(values, given, problems))
  if (problems.length === 0) {
    checkTogether(config, problems)
    checkCertificate(origins, problems)
  }
  if (problems.length > 0) throw new DaemonError('CONFIG_INVALID', joinProblems(problems))
  const notices = [...sources.flatMap((source) => source.notices), ...exposureNotices(config)]
  const database = originalDatabase(origins.get('state.dir'), flags, env)
  if (database !== null) notices.push(await databaseNotice(database.name, database.path, config.state.dir))
  if (!hasIpv6 && origins.get('sip.listen') === 'default') {
    // A container without IPv6 should start by itself; listeners that somebody asked for must fail aloud.
    config.sip.listen = config.sip.listen.filter(({ host }) => host !== '::')
    notices.push('This machine has no IPv6, so SIP is listened for on IPv4 only')
  }
  return { config, origins, notices, file: path }
}

function machineHasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'))
}

function joinProblems(problems: readonly string[]): string {
  return problems.length === 1 ? problems[0]! : `${problems.length} problems\n  ${problems.join('\n  ')}`
}

async function findFile(env: NodeJS.ProcessEnv, file: string | undefined): Promise<string | null> {
  const named = file ?? env.SENTRYPEER_CONFIG_FILE?.trim()
  if (named) return resolve(named)
  for (const place of configFilePlaces(env)) {
    if (
      await access(place, constants.F_OK).then(
        () => true,
        () => false,
      )
    )
      return place
  }
  return null
}

async function readConfigFile(path: string): Promise<Source> {
  try {
    return readFileText(path, await readFile(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DaemonError('CONFIG_INVALID', `cannot read the file ${path}: ${reason}`, { cause: error })
  }
}

type Settings = { values: Map<string, unknown>; origins: Map<string, string> }

function readSettings(given: ReadonlyMap<string, Setting>, env: NodeJS.ProcessEnv, problems: string[]): Settings {
  const values = new Map<string, unknown>()
  const origins = new Map<string, string>()
  for (const { key, schema } of LEAVES) {
    const setting = given.get(key) ?? defaultOf(key, schema.default, values, env)
    origins.set(key, setting.origin)
    try {
      values.set(key, readValue(schema, setting.value, setting.base))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      problems.push(`${key} = ${quote(setting.value)} (${setting.where}): ${error.message}`)
    }
  }
  return { values, origins }
}

/** Files that lie in the state folder unless they are set. */
const IN_STATE_DIR: Readonly<Record<string, string>> = {
  'json_log.file': 'sentrypeer_json.log',
  'sip.tls.certificate': 'tls/cert.pem',
  'sip.tls.key': 'tls/key.pem',
}

function defaultOf(
  key: string,
  constant: unknown,
  values: ReadonlyMap<string, unknown>,
  env: NodeJS.ProcessEnv,
): Setting {
  const setting = { origin: 'default', where: 'default', base: process.cwd() }
  const inState = IN_STATE_DIR[key]
  if (inState !== undefined) return { ...setting, value: join(String(values.get('state.dir')), inState) }
  if (key !== 'state.dir') return { ...setting, value: constant }
  const { dir, origin } = defaultStateDir(env)
  return { ...setting, value: dir, origin, where: origin }
}

/** The devices that are named; what is wrong with them is a problem of the setting that names them. */
function readPersonas(
  values: ReadonlyMap<string, unknown>,
  given: ReadonlyMap<string, Setting>,
  problems: string[],
): Personas | null {
  const known = new Map<string, Persona>()
  const read = (key: string, name: string): Persona | null => {
    try {
      const persona = known.get(name) ?? loadPersona(name)
      known.set(name, persona)
      return persona
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      problems.push(`${key} = ${quote(name)} (${given.get(key)?.where ?? 'default'}): ${error.message}`)
      return null
    }
  }
  const main = values.get('sip.persona') as string | undefined // undefined when what was set is no text
  const persona = main === undefined ? null : read('sip.persona', main)
  const byAddress = new Map<string, Persona>()
  for (const one of (values.get('sip.address_personas') ?? []) as AddressPersona[]) {
    const other = read('sip.address_personas', one.persona)
    if (other !== null) byAddress.set(one.address, other)
  }
  return persona === null ? null : { default: persona, byAddress }
}

function buildConfig(values: ReadonlyMap<string, unknown>, personas: Personas | null): Config {
  const config: Record<string, unknown> = { sip: { personas } }
  for (const { key, path } of LEAVES) {
    let branch = config
    for (const name of path.slice(0, -1)) branch = (branch[name] ??= {}) as Record<string, unknown>
    branch[path.at(-1)!] = values.get(key)
  }
  return config as unknown as Config // the schema is where LEAVES come from, and each value passed its check
}

/** Every setting by its key, as a configuration file would say it. */
export function listSettings(config: Config): { key: string; value: unknown }[] {
  return LEAVES.map(({ key, path, schema }) => {
    const value = path.reduce<unknown>((branch, name) => (branch as Record<string, unknown>)[name], config)
    if (schema.form === 'sip-listen') return { key, value: (value as SipListen[]).map(formatSipListen) }
    if (schema.form === 'address-persona') return { key, value: (value as AddressPersona[]).map(formatAddressPersona) }
    return { key, value }
  })
}

/** What is right by itself and wrong together. */
function checkTogether({ sip }: Config, problems: string[]): void {
  if (sip.enabled && sip.listen.length === 0) {
    problems.push('sip.listen = []: there is nothing to listen on; to switch SIP off, set sip.enabled = false')
  }
  const addresses = sip.addressPersonas.map(({ address }) => address)
  const twice = addresses.find((address, index) => addresses.indexOf(address) < index)
  if (twice !== undefined) problems.push(`sip.address_personas: ${twice} is there twice`)
  const seen = new Map<string, string>()
  for (const listen of sip.listen) {
    const text = formatSipListen(listen)
    // All but UDP stand on TCP, where one address and port is one listener.
    const place = `${listen.transport === 'udp' ? 'udp' : 'tcp'} ${formatHostPort(listen.host, listen.port)}`
    const other = seen.get(place)
    if (listen.port !== 0 && other === text) problems.push(`sip.listen: ${text} is there twice`)
    else if (listen.port !== 0 && other !== undefined) {
      problems.push(`sip.listen: ${other} and ${text} need the same TCP port; give one of them another`)
    }
    seen.set(place, text)
  }
}

/** A certificate and a key belong together. */
function checkCertificate(origins: ReadonlyMap<string, string>, problems: string[]): void {
  const isSet = (key: string) => origins.get(key) !== 'default'
  for (const [one, other] of [
    ['sip.tls.certificate', 'sip.tls.key'],
    ['sip.tls.key', 'sip.tls.certificate'],
  ] as const) {
    if (isSet(one) && !isSet(other))
      problems.push(`${one} (${origins.get(one)}) is set without ${other}: set both, or neither`)
  }
}

function exposureNotices({ api, sip }: Config): string[] {
  const notices: string[] = []
  if (api.enabled && !isLoopback(api.host)) {
    notices.push(
      `The API listens beyond this machine, on ${formatHostPort(api.host, api.port)}: every request needs a key there, and nothing is encrypted`,
    )
  }
  if (!api.enabled && !sip.enabled) notices.push('Both SIP and the API are off: this node does nothing but wait')
  if (sip.enabled && sip.replyLimit.off)
    notices.push('sip.reply_limit.off: replies are not limited in rate; this is for measurements only')
  return notices
}

/** The original's database file, when it is what the state folder was taken from. */
function originalDatabase(origin: string | undefined, flags: ConfigSources['flags'], env: NodeJS.ProcessEnv) {
  if (origin === 'flag -f') return { name: '-f', path: resolve(String(flags.dbFile)) }
  if (origin !== 'environment SENTRYPEER_DB_FILE') return null
  return { name: 'SENTRYPEER_DB_FILE', path: resolve(env.SENTRYPEER_DB_FILE!.trim()) }
}
