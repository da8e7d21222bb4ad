// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'
import { makeStateDir } from './state-folder.ts'

/**
 * Holds the state folder for this process. The lock is the kernel's, through SQLite, so it ends with the process however
 * that ends. Throws STATE_LOCKED or STATE_UNWRITABLE.
 */
export function lockStateDir(dir: string): Disposable {
  makeStateDir(dir)
  const path = join(dir, 'lock')
  try {
    return takeLock(path)
  } catch (error) {
    if (!DAMAGED.has(resultCode(error))) throw lockError(dir, error)
  }
  try {
    // It holds nothing, and SQLite looks at it only after it found that nobody holds it. Emptied in place, since a new
    // file would let a node that did the same at the same time hold the old one.
    truncateSync(path)
    return takeLock(path)
  } catch (error) {
    throw lockError(dir, error)
  }
}

function takeLock(path: string): Disposable {
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    throw error
  }
  return { [Symbol.dispose]: () => db.close() }
}

// https://sqlite.org/rescode.html
const HELD = new Set([5, 6]) // SQLITE_BUSY, SQLITE_LOCKED
const FULL = new Set([10, 13]) // SQLITE_IOERR, SQLITE_FULL
const DAMAGED = new Set([11, 26]) // SQLITE_CORRUPT, SQLITE_NOTADB

/** The primary result code of SQLite, 0 for any other error. */
function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
}

function lockError(dir: string, cause: unknown): DaemonError {
  const code = resultCode(cause)
  if (HELD.has(code)) {
    const detail = `${dir}: stop that node first ("sentrypeer status --state-dir ${dir}" shows it), or give this one another --state-dir`
    return new DaemonError('STATE_LOCKED', detail, { cause })
  }
  const wayOut = FULL.has(code)
    ? 'free space on that disk, or look whether it is failing'
    : 'give its owner write access to every file in it, or choose another --state-dir'
  return new DaemonError('STATE_UNWRITABLE', `${join(dir, 'lock')} (${(cause as Error).message}): ${wayOut}`, { cause })
}
