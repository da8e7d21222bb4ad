// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const VECTORS_MAX = 100 // files

/**
 * Keeps a packet that uncovered a bug, as a file that can be made a test of; one file a packet, at most 100.
 * Returns its path, or null when it is not kept.
 */
export function keepVector(stateDir: string, bytes: Uint8Array, error: unknown): string | null {
  const dir = join(stateDir, 'vectors')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const known = readdirSync(dir)
  if (known.includes(`${name}.sip`) || known.length >= 2 * VECTORS_MAX) return null
  const path = join(dir, `${name}.sip`)
  writeFileSync(path, bytes, { mode: 0o600 })
  writeFileSync(join(dir, `${name}.txt`), `${error instanceof Error ? error.stack : String(error)}\n`, { mode: 0o600 })
  return path
}
