// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Everything that can be said of the tree without running the product: types, lint, tidiness, documents up to date.
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)
const inModules = (...parts: string[]): string => path.join(ROOT, 'node_modules', ...parts)

const STEPS = {
  types: [inModules('typescript', 'bin', 'tsc')],
  lint: [inModules('@biomejs', 'biome', 'bin', 'biome'), 'ci', '--diagnostic-level=warn', '--error-on-warnings'],
  tidy: [
    path.join('tools', 'test.ts'),
    'quick',
    ...['tidy', 'dependencies', 'documents'].map((name) => `test/${name}.test.ts`),
  ],
}

const failed = Object.entries(STEPS).filter(([name, args]) => {
  process.stdout.write(`check: ${name}\n`)
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  return status !== 0
})
for (const [name] of failed) process.stdout.write(`check: ${name} failed\n`)
process.exitCode = failed.length === 0 ? 0 : 1
