// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Writes dist/, which is what the published package runs: Node strips no types under node_modules.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)
const DIST = path.join(ROOT, 'dist')

/** tsc rewrites imports to .js, but not the URLs that workers are started from. */
function rewriteWorkerUrls(file: string): void {
  const text = readFileSync(file, 'utf8')
  const rewritten = text.replace(/new URL\((['"])(\.{1,2}\/[^'"]+)\.ts\1, import\.meta\.url\)/g, (_, quote, name) => {
    const target = path.resolve(path.dirname(file), `${name}.js`)
    if (!existsSync(target)) throw new Error(`${path.relative(ROOT, file)} starts ${name}.ts, which was not built`)
    return `new URL(${quote}${name}.js${quote}, import.meta.url)`
  })
  if (rewritten !== text) writeFileSync(file, rewritten)
}

rmSync(DIST, { recursive: true, force: true })
const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
if (status === 0) for (const file of globSync('**/*.js', { cwd: DIST })) rewriteWorkerUrls(path.join(DIST, file))
process.exitCode = status ?? 1
