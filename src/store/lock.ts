// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'

/**
 * Holds the state folder for this process. The lock is the kernel's, through SQLite, so it ends with the process however
 * that ends. Throws STATE_LOCKED or STATE_UNWRITABLE.
 */
export function lockStateDir(dir: string): Disposable {
  makeWritable(dir)
  const db = new DatabaseSync(join(dir, 'lock'), { timeout: 0 })
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    throw new DaemonError(
      'STATE_LOCKED',
      `${dir}: stop that node first ("sentrypeer status --state-dir ${dir}" shows it), or give this one another --state-dir`,
      { cause: error },
    )
  }
  return { [Symbol.dispose]: () => db.close() }
}

function makeWritable(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.W_OK | constants.R_OK | constants.X_OK)
  } catch (error) {
    const reason = (error as Error).message
    throw new DaemonError(
      'STATE_UNWRITABLE',
      `${dir} (${reason}): give its owner write access, or choose another --state-dir`,
      {
        cause: error,
      },
    )
  }
}
