// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where a node keeps its state unless it is told. XDG Base Directory Specification 0.8; systemd.exec(5), StateDirectory=. */
export function defaultStateDir(env: NodeJS.ProcessEnv): { dir: string; origin: string } {
  const service = env['STATE_DIRECTORY']?.split(':')[0]
  if (service) return { dir: service, origin: 'environment STATE_DIRECTORY' }
  const local = env['LOCALAPPDATA']
  if (process.platform === 'win32' && local) return { dir: join(local, 'sentrypeer'), origin: 'default' }
  return { dir: join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'sentrypeer'), origin: 'default' }
}

/** Where a configuration file is looked for, first found first taken. */
export function configFilePlaces(env: NodeJS.ProcessEnv): readonly string[] {
  const own = join(xdg(env, 'XDG_CONFIG_HOME', '.config'), 'sentrypeer', 'config.toml')
  return process.platform === 'win32' ? [own] : [own, '/etc/sentrypeer/config.toml']
}

function xdg(env: NodeJS.ProcessEnv, variable: string, fallback: string): string {
  const folder = env[variable]
  if (folder && isAbsolute(folder)) return folder // the specification: relative ones are to be ignored
  return join(env['HOME'] || homedir(), fallback)
}
