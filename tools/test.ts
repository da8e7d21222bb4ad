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

const FILES_AT_ONCE_MAX = 4

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

/** End-to-end tests run one file at a time, after the others: they measure nodes that need the machine. */
function inRounds(files: readonly string[]): { files: string[]; concurrency: number }[] {
  const isAlone = (file: string): boolean => file.includes('test/e2e/')
  const together = Math.min(Math.max(2, availableParallelism()), FILES_AT_ONCE_MAX)
  return [
    { files: files.filter((file) => !isAlone(file)), concurrency: together },
    { files: files.filter(isAlone), concurrency: 1 },
  ].filter((round) => round.files.length > 0) // given none, run() would look for its own
}

type TestEvent = { type: string; data: Record<string, unknown> }
type Outcome = { readonly failed: string[]; readonly skipped: string[]; readonly summary: Map<string, number> }
type RunOptions = { tier: Tier; concurrency: number; namePatterns: string[]; signal: AbortSignal }

/** Runs the files, prints as the spec reporter does, and adds to the outcome what is said at the end. */
async function runFiles(files: string[], options: RunOptions, outcome: Outcome): Promise<void> {
  const { tier, concurrency, namePatterns, signal } = options
  const events = run({
    files: files.map((file) => path.resolve(ROOT, file)),
    cwd: ROOT,
    concurrency,
    timeout: tier.fileTimeoutMs,
    execArgv: ['--disable-warning=ExperimentalWarning', `--test-timeout=${tier.testTimeoutMs}`],
    signal,
    ...(namePatterns.length > 0 && { testNamePatterns: namePatterns }),
    env: {
      ...process.env,
      SENTRYPEER_FUZZ_CASES: process.env.SENTRYPEER_FUZZ_CASES ?? String(tier.fuzzCases),
      SENTRYPEER_KILL_ROUNDS: process.env.SENTRYPEER_KILL_ROUNDS ?? String(tier.killRounds),
    },
  })
  const collect = new Transform({
    objectMode: true,
    transform({ type, data }: TestEvent, _encoding, done) {
      const name = `${path.relative(ROOT, String(data.file ?? ''))}: ${data.name}`
      const isTodo = data.todo !== undefined
      if (type === 'test:fail' && !isTodo) outcome.failed.push(name)
      if (type === 'test:pass' && data.skip !== undefined) {
        const reason = typeof data.skip === 'string' && data.skip !== '' ? ` (${data.skip})` : ''
        outcome.skipped.push(`${name}${reason}`)
      }
      const [, word = '', number] = /^(\w+) ([\d.]+)$/.exec(String(data.message ?? '')) ?? []
      const isSummary = type === 'test:diagnostic' && SUMMARY.includes(word)
      if (isSummary) outcome.summary.set(word, (outcome.summary.get(word) ?? 0) + Number(number))
      else this.push({ type, data })
      done()
    },
  })
  const shown = events.pipe(collect).pipe(new spec()).pipe(new PassThrough())
  shown.pipe(process.stdout, { end: false })
  await finished(shown)
}

function list(title: string, names: readonly string[]): void {
  if (names.length > 0) process.stdout.write(`\n${title}:\n${names.map((name) => `  ${name}\n`).join('')}`)
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
  if (files.length === 0) throw new Error(`no test files in the tier ${name}`)
  const outcome: Outcome = { failed: [], skipped: [], summary: new Map() }
  for (const round of inRounds(files)) {
    const options = { tier, concurrency: round.concurrency, namePatterns: values.name, signal: stop.signal }
    if (!stop.signal.aborted) await runFiles(round.files, options, outcome)
  }
  const { failed, skipped, summary } = outcome
  const mayNotSkip = process.env.SENTRYPEER_NO_SKIP === '1'
  list('failed', failed)
  list(mayNotSkip ? 'skipped, which SENTRYPEER_NO_SKIP=1 forbids' : 'skipped', skipped)
  process.stdout.write(`\n${[...summary].map(([word, number]) => `ℹ ${word} ${number}\n`).join('')}`)
  if (stoppedBy !== undefined) process.kill(process.pid, stoppedBy)
  return failed.length > 0 || (mayNotSkip && skipped.length > 0) ? 1 : 0
}

process.exitCode = await main()
