// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DaemonError } from '../core/errors.ts'

const TEXT = /^(\d{8})\n$/

/**
 * The hour before which the index may have removed what it held. It is kept over restarts, since a clock can be set
 * back: then an older snapshot would still hold such an hour, and nothing would ever take it out again.
 */
export class ExpiredHour {
  readonly #path: string
  #kept: number
  /** 0 when nothing has expired yet, Infinity when that cannot be read. */
  hour: number

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'expired-hour')
    this.hour = read(this.#path)
    this.#kept = Number.isFinite(this.hour) ? this.hour : 0
  }

  /** To be called before any earlier hour is removed. Throws STATE_UNWRITABLE. */
  raise(hour: number): void {
    if (hour <= this.#kept) return
    try {
      write(this.#path, `${String(hour).padStart(8, '0')}\n`)
    } catch (cause) {
      const { message } = cause as Error
      throw new DaemonError(
        'STATE_UNWRITABLE',
        `${this.#path} (${message}): free space on that disk, give its owner write access, or choose another --state-dir`,
        { cause },
      )
    }
    this.#kept = hour
    this.hour = Math.max(this.hour, hour)
  }
}

function read(path: string): number {
  if (!existsSync(path)) return 0
  try {
    return Number(TEXT.exec(readFileSync(path, 'latin1'))?.[1] ?? Number.POSITIVE_INFINITY)
  } catch {
    return Number.POSITIVE_INFINITY // no snapshot is used then, and writing it will tell the user
  }
}

/** In place, with a text of always the same size: that works on a full disk too. */
function write(path: string, text: string): void {
  const fd = openSync(path, existsSync(path) ? 'r+' : 'w', 0o600)
  try {
    writeSync(fd, text, 0, 'latin1')
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
