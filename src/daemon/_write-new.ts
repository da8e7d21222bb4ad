// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { rmSync, writeFileSync } from 'node:fs'

/** Makes the file anew: a link that stands there is removed and not followed, and only a new file is given its mode. */
export function writeNew(path: string, text: string, mode: number): void {
  rmSync(path, { force: true })
  writeFileSync(path, text, { mode, flag: 'wx' })
}
