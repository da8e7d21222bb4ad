// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { DaemonError } from '../core/errors.ts'

/** Where a node keeps its state unless it is told. XDG Base Directory Specification 0.8; systemd.exec(5), StateDirectory=. */
export function defaultStateDir(env: NodeJS.ProcessEnv): { dir: string; origin: string } {
  const service = env.STATE_DIRECTORY?.split(':')[0]
  if (service) return { dir: service, origin: 'environment STATE_DIRECTORY' }
  const local = env.LOCALAPPDATA
  if (process.platform === 'win32' && local) return { dir: join(local, 'sentrypeer'), origin: 'default' }
  const state = xdg(env, 'XDG_STATE_HOME', '.local/state')
  if (state !== null) return { dir: join(state, 'sentrypeer'), origin: 'default' }
  throw new DaemonError(
    'CONFIG_INVALID',
    'state.dir has no default, since this user has no home folder: set --state-dir DIR',
  )
}

/** Where a configuration file is looked for, first found first taken. */
export function configFilePlaces(env: NodeJS.ProcessEnv): readonly string[] {
  const folder = xdg(env, 'XDG_CONFIG_HOME', '.config')
  const own = folder === null ? [] : [join(folder, 'sentrypeer', 'config.toml')]
  return process.platform === 'win32' ? own : [...own, '/etc/sentrypeer/config.toml']
}

function xdg(env: NodeJS.ProcessEnv, variable: string, fallback: string): string | null {
  const folder = env[variable]
  if (folder && isAbsolute(folder)) return folder // the specification: relative ones are to be ignored
  const home = env.HOME || homeOfUser()
  return home === null ? null : join(home, fallback)
}

function homeOfUser(): string | null {
  try {
    return homedir()
  } catch {
    return null // a user id of a container that stands in no passwd file
  }
}
