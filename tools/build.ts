// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Writes dist/, which is what the published package runs: Node strips no types under node_modules.
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)

rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true })
const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
cpSync(path.join(ROOT, 'src', 'personas'), path.join(ROOT, 'dist', 'personas'), { recursive: true })
process.exitCode = status ?? 1
