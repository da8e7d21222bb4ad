// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'

const SOURCES = path.join(import.meta.dirname, 'native')
const FLAGS = ['-O2', '-std=c11', '-Wall', '-Wextra', '-Werror']

/** Ignored by git, and already there: the launcher keeps the Node of this checkout in its parent. */
export const BUILD_DIR = path.resolve(import.meta.dirname, '..', '..', '.runtime', 'bench')

export const PROGRAMS = ['echo', 'load', 'http'] as const
export type Program = (typeof PROGRAMS)[number]
export type Programs = Readonly<Record<Program, string>>

/** Something the user can mend: said without a stack. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}

/** Why the C programs cannot be built here, in words; null when they can. */
export function whyNoPrograms(): string | null {
  if (process.platform !== 'linux') return 'the load generator needs Linux'
  if (spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0) return null
  return 'cc, the C compiler, is missing: apt-get install gcc libc6-dev'
}

/** Builds what is not built yet from these very sources; the paths of the programs. */
export function buildPrograms(): Programs {
  const reason = whyNoPrograms()
  if (reason !== null) throw new BenchError(`Cannot build the programs of the bench: ${reason}`)
  mkdirSync(BUILD_DIR, { recursive: true })
  return { echo: build('echo'), load: build('load'), http: build('http') }
}

function build(name: Program): string {
  const source = path.join(SOURCES, `${name}.c`)
  const hash = createHash('sha256').update(FLAGS.join(' '))
  for (const file of [source, path.join(SOURCES, 'common.h')]) hash.update(readFileSync(file))
  const built = path.join(BUILD_DIR, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(built)) return built
  const fresh = `${built}.${process.pid}` // two calls at once do not see each other's half
  const { status, stderr } = spawnSync('cc', [...FLAGS, '-o', fresh, source], { encoding: 'utf8' })
  if (status !== 0) throw new BenchError(`Cannot build ${source}:\n${stderr}`)
  renameSync(fresh, built)
  return built
}
