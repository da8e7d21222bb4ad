// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { accessSync, constants, existsSync, lstatSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DaemonError } from '../core/errors.ts'

/** Why a path cannot be the state folder, and what to do about it. */
export type FolderTrouble = { readonly what: string; readonly wayOut: string; readonly cause?: unknown }

/** Makes the state folder, and those above it, unless it is there. Throws STATE_UNWRITABLE. */
export function makeStateDir(dir: string): void {
  const trouble = findTrouble(dir, () => makeFolder(dir))
  if (trouble === null) return
  const { what, wayOut, cause } = trouble
  throw new DaemonError('STATE_UNWRITABLE', `${what}: ${wayOut}`, { cause })
}

/** What would keep makeStateDir() from making it, or null. Leaves nothing behind. */
export function stateDirTrouble(dir: string): FolderTrouble | null {
  return findTrouble(dir, () => {
    const above = nearestEntry(dir)
    if (above !== dir) rmdirSync(mkdtempSync(join(above, 'sentrypeer-doctor-')))
  })
}

function findTrouble(dir: string, attempt: () => void): FolderTrouble | null {
  const entry = nearestEntry(dir)
  const obstacle = obstacleOf(entry)
  if (obstacle !== null) return { what: `${entry} ${obstacle}`, wayOut: 'choose another --state-dir' }
  try {
    attempt()
    if (existsSync(dir)) accessSync(dir, constants.W_OK | constants.R_OK | constants.X_OK)
    return null
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    return { what: `${dir} (${message})`, wayOut: WAYS_OUT[code] ?? 'choose another --state-dir', cause }
  }
}

const GIVE_ACCESS = 'give its owner write access, or choose another --state-dir'
const WAYS_OUT: Readonly<Record<string, string>> = {
  EACCES: GIVE_ACCESS,
  EPERM: GIVE_ACCESS,
  ENOSPC: 'free space on that disk, or choose another --state-dir',
}

/** One by one: with `recursive`, Node tries for ever in a folder that takes no others, as /proc, which says ENOENT. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return
  const parent = dirname(dir)
  if (parent !== dir) makeFolder(parent)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // another process has just made it
  }
}

/** The path, or the nearest above it, at which anything stands. */
export function nearestEntry(path: string): string {
  for (let at = path; ; at = dirname(at)) if (at === dirname(at) || stands(at)) return at
}

/** Also of a link that leads nowhere. */
function stands(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false // what hides it will keep a folder from being made as well, and is told then
  }
}

/** What an entry is, in words, that a folder can be neither at nor in. */
function obstacleOf(entry: string): string | null {
  if (!existsSync(entry)) return 'is a link that leads nowhere'
  return statSync(entry).isDirectory() ? null : 'is a file, not a folder'
}
