// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readFileSync } from 'node:fs'

const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** The version of this program, as its package tells. */
export const VERSION = manifest.version
