// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Runs the tests of one tier: `node tools/test.ts quick|long|night [files or --name PATTERN …]`.
// SENTRYPEER_NO_SKIP=1 makes a skipped test a failure: a build machine has everything, a laptop may lack a program.
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { PassThrough, Transform } from 'node:stream'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'

const ROOT = path.dirname(import.meta.dirname)
const MINUTE_MS = 60_000

const FILES_AT_ONCE_MAX = 4 // end-to-end tests start whole nodes

type Tier = { fuzzCases: number; killRounds: number; testTimeoutMs: number; fileTimeoutMs: number }
const TIERS: Record<string, Tier> = {
  quick: { fuzzCases: 50_000, killRounds: 10, testTimeoutMs: 2 * MINUTE_MS, fileTimeoutMs: 5 * MINUTE_MS },
  long: { fuzzCases: 1_000_000, killRounds: 50, testTimeoutMs: 12 * MINUTE_MS, fileTimeoutMs: 15 * MINUTE_MS },
  night: {
    fuzzCases: 100_000_000,
    killRounds: 1000,
    testTimeoutMs: 12 * 60 * MINUTE_MS,
    fileTimeoutMs: 14 * 60 * MINUTE_MS,
  },
}

/** Quick: everything not marked. Long and night: what is marked so, and whatever counts its cases by the tier. */
function filesOf(tier: string): string[] {
  const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'], { cwd: ROOT }).sort()
  const isMarked = (file: string): boolean => /\.(long|night)\.test\.ts$/.test(file)
  if (tier === 'quick') return all.filter((file) => !isMarked(file))
  return all.filter((file) => {
    if (isMarked(file)) return file.endsWith(`.${tier}.test.ts`)
    return /SENTRYPEER_(FUZZ_CASES|KILL_ROUNDS)/.test(readFileSync(path.join(ROOT, file), 'utf8'))
  })
}

/** Node's own closing lines, which it would print before the list of failures and we print last. */
const SUMMARY = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo', 'duration_ms']

type TestEvent = { type: string; data: Record<string, unknown> }
type Outcome = { failed: boolean; skipped: string[]; summary: string[] }

/** Runs the files, prints as the spec reporter does, and collects what is said at the end. */
async function runFiles(files: string[], tier: Tier, namePatterns: string[], signal: AbortSignal): Promise<Outcome> {
  const outcome: Outcome = { failed: false, skipped: [], summary: [] }
  const events = run({
    files: files.map((file) => path.resolve(ROOT, file)),
    cwd: ROOT,
    concurrency: Math.min(Math.max(2, availableParallelism()), FILES_AT_ONCE_MAX),
    timeout: tier.fileTimeoutMs,
    execArgv: ['--disable-warning=ExperimentalWarning', `--test-timeout=${tier.testTimeoutMs}`],
    signal,
    ...(namePatterns.length > 0 && { testNamePatterns: namePatterns }),
    env: {
      ...process.env,
      SENTRYPEER_FUZZ_CASES: process.env['SENTRYPEER_FUZZ_CASES'] ?? String(tier.fuzzCases),
      SENTRYPEER_KILL_ROUNDS: process.env['SENTRYPEER_KILL_ROUNDS'] ?? String(tier.killRounds),
    },
  })
  const collect = new Transform({
    objectMode: true,
    transform({ type, data }: TestEvent, _encoding, done) {
      if (type === 'test:fail') outcome.failed = true
      if (type === 'test:pass' && data['skip'] !== undefined) {
        const reason = typeof data['skip'] === 'string' && data['skip'] !== '' ? ` (${data['skip']})` : ''
        outcome.skipped.push(`${path.relative(ROOT, String(data['file'] ?? ''))}: ${data['name']}${reason}`)
      }
      const message = String(data['message'] ?? '')
      const isSummary =
        type === 'test:diagnostic' && SUMMARY.some((word) => new RegExp(`^${word} [\\d.]+$`).test(message))
      if (isSummary) outcome.summary.push(message)
      else this.push({ type, data })
      done()
    },
  })
  const shown = events.pipe(collect).pipe(new spec()).pipe(new PassThrough())
  shown.pipe(process.stdout, { end: false })
  await finished(shown)
  return outcome
}

async function main(): Promise<number> {
  const [name = '', ...rest] = process.argv.slice(2)
  const tier = Object.hasOwn(TIERS, name) ? TIERS[name] : undefined
  if (tier === undefined) throw new Error(`node tools/test.ts ${Object.keys(TIERS).join('|')}, not "${name}"`)
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: { name: { type: 'string', multiple: true, default: [] } },
  })
  const stop = new AbortController()
  let stoppedBy: NodeJS.Signals | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stoppedBy = signal
      stop.abort()
    })
  }
  const files = positionals.length > 0 ? positionals : filesOf(name)
  if (files.length === 0) throw new Error(`no test files in the tier ${name}`) // run() would look for its own
  const { failed, skipped, summary } = await runFiles(files, tier, values.name, stop.signal)
  const mayNotSkip = process.env['SENTRYPEER_NO_SKIP'] === '1'
  if (skipped.length > 0) {
    process.stdout.write(`\n${mayNotSkip ? '✖ skipped, but SENTRYPEER_NO_SKIP=1 forbids it' : 'skipped'}:\n`)
    for (const line of skipped) process.stdout.write(`  ${line}\n`)
  }
  process.stdout.write(`\n${summary.map((line) => `ℹ ${line}\n`).join('')}`)
  if (stoppedBy !== undefined) process.kill(process.pid, stoppedBy)
  return failed || (mayNotSkip && skipped.length > 0) ? 1 : 0
}

process.exitCode = await main()
