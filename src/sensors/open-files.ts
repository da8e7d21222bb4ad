// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readFileSync } from 'node:fs'

/** How many files and sockets this process may hold open; null where the system does not say. */
export function openFilesMax(): number | null {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return line === null ? null : Number(line[1])
  } catch {
    return null // no /proc: not Linux, or hidden
  }
}
