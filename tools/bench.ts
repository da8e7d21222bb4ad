// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Measures a node from outside: `npm run bench -- --help`. docs/PERFORMANCE.md says what each figure means.
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import path from 'node:path'
import { MEASURES } from './bench/modes.ts'
import { BenchError, BUILD_DIR } from './bench/native.ts'
import { MODES, type Options, parseOptions } from './bench/options.ts'
import { formatTable, type Report } from './bench/table.ts'
import { World } from './bench/world.ts'

const MINUTE_MS = 60_000
const ALL_MS = 30 * MINUTE_MS
const MODE_MS = 8 * MINUTE_MS
const GRACE_MS = 30_000 // a mode stops by itself when its time is over; if not, it is ended
const MODE_SECONDS_MIN = 10
const EXIT_USAGE = 2

const stop = new AbortController()
let stoppedBy: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    stoppedBy = signal
    stop.abort(new BenchError('stopped'))
  })
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  processorCount: availableParallelism(),
  memorySize: totalmem(),
  system: `${process.platform} ${release()}`,
  node: process.version,
})

/** Ends early, and without a trace, when it is stopped. */
async function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = Promise.withResolvers<never>()
  stopped.promise.catch(() => {}) // it is heard of below, or not at all
  const onAbort = (): void => stopped.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([work, stopped.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    work.catch(() => {}) // what it says when its children are gone
  }
}

type Found = { readonly figures: Record<string, Report['figures']>; readonly failed: readonly string[] }

/** A mode that fails, or takes far too long, is told of and costs the others nothing. */
async function measureAll(options: Options): Promise<Found> {
  const endsAt = performance.now() + ALL_MS
  const figures: Record<string, Report['figures']> = {}
  const failed: string[] = []
  await using world = new World(options, { signal: stop.signal, say })
  for (const mode of options.modes) {
    const modeEndsAt = Math.min(endsAt, performance.now() + MODE_MS)
    world.limit(modeEndsAt)
    say(`${mode}: ${MODES[mode]}`)
    const startedAt = performance.now()
    const patience = AbortSignal.timeout(Math.max(0, Math.round(modeEndsAt - startedAt)) + GRACE_MS)
    try {
      if (mode !== 'parts') world.programs() // says at once when they cannot be built
      if (!world.hasTime(MODE_SECONDS_MIN)) throw new BenchError('left out, since the time is over')
      const report = await orStopped(MEASURES[mode](world), AbortSignal.any([stop.signal, patience]))
      figures[mode] = report.figures
      show(report)
      say(`${mode}: took ${Math.round((performance.now() - startedAt) / 1000)} s`)
    } catch (error) {
      stop.signal.throwIfAborted()
      failed.push(mode)
      say(`${mode}: ${error instanceof BenchError ? error.message : (error as Error).stack}`)
      await world.endChildren()
    }
  }
  return { figures, failed }
}

function show({ tables, notes }: Report): void {
  process.stdout.write(`\n${tables.map(formatTable).join('\n')}${notes.map((note) => `${note}\n`).join('')}\n`)
}

async function main(): Promise<number> {
  const parsed = parseOptions(process.argv.slice(2))
  if (parsed.kind !== 'run') {
    ;(parsed.kind === 'help' ? process.stdout : process.stderr).write(`${parsed.text}\n`)
    return parsed.kind === 'help' ? 0 : EXIT_USAGE
  }
  const { options } = parsed
  const file = path.resolve(options.json ?? path.join(BUILD_DIR, 'figures.json'))
  try {
    const startedAt = new Date().toISOString()
    const { figures, failed } = await measureAll(options)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify({ startedAt, machine: machine(), options, figures }, null, 2)}\n`)
    say(`All figures of each run: ${file}`)
    if (failed.length > 0) say(`Not measured: ${failed.join(', ')}`)
    return failed.length === 0 ? 0 : 1
  } catch (error) {
    if (stoppedBy === undefined) throw error
    process.kill(process.pid, stoppedBy) // ends us as whoever stopped us expects it
    return 1
  }
}

process.exitCode = await main()
