// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { enableCompileCache } from 'node:module'
import { isAbsolute, join } from 'node:path'

/**
 * Lets Node keep compiled code from one run to the next, which halves the time to ready. In the user's own cache folder,
 * not Node's default in the shared temporary folder, where others could put code for us to run. Where it cannot be
 * written, or NODE_COMPILE_CACHE names another place, nothing changes.
 */
export function keepCompiledCode(env: NodeJS.ProcessEnv): void {
  const { XDG_CACHE_HOME, LOCALAPPDATA, HOME } = env
  const xdg = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : null
  const local = process.platform === 'win32' ? LOCALAPPDATA : undefined
  const folder = xdg ?? local ?? (HOME ? join(HOME, '.cache') : null)
  if (folder === null) return
  const directory = join(folder, 'sentrypeer', 'compile')
  const isKept = enableCompileCache(directory).directory !== undefined
  if (isKept) env.NODE_COMPILE_CACHE ??= directory // threads take no other word for it
}
