// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The package as people get it: packed, installed elsewhere without scripts, and run from there.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from './support/source.ts'
import { tempDir } from './support/temp-dir.ts'

const run = promisify(execFile)
const { version }: { version: string } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))

/** npm as a child of npm would take over settings of the outer one, and a node those of the tests. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|SENTRYPEER)_/.test(name)))
const npm = (args: readonly string[], cwd: string): Promise<{ stdout: string }> =>
  run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    env,
    shell: process.platform === 'win32',
  })

async function installPackage(t: TestContext): Promise<{ dir: string; packed: string[] }> {
  const dir = tempDir(t)
  await npm(['run', 'build'], ROOT) // not by prepack, whose output would mix with the JSON
  const { stdout } = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', dir], ROOT)
  const [tarball] = JSON.parse(stdout)
  writeFileSync(path.join(dir, 'package.json'), '{"private":true}')
  await npm(['install', '--ignore-scripts', '--prefer-offline', path.join(dir, tarball.filename)], dir)
  return { dir, packed: tarball.files.map((file: { path: string }) => file.path) }
}

/** A whole node, with the threads that it starts from files of its own. */
async function startAndStop(command: string, stateDir: string): Promise<void> {
  const where = ['--state-dir', stateDir, '--sip', 'udp:127.0.0.1:0', '--api', '127.0.0.1:0']
  const args = ['start', ...where, '--persona', 'kamailio', '--json']
  const node = spawn(process.execPath, [command, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(node, 'exit')
  for await (const line of createInterface({ input: node.stdout })) {
    if (JSON.parse(line).kind === 'started') node.kill('SIGTERM')
  }
  assert.deepEqual(await exited, [0, null])
}

test('the packed package installs without scripts and runs', async (t) => {
  const { dir, packed } = await installPackage(t)
  const command = path.join(dir, 'node_modules', 'sentrypeer', 'bin', 'sentrypeer.cjs')
  const sentrypeer = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, [command, ...args], { cwd: dir, env: { ...env, XDG_STATE_HOME: path.join(dir, 'state') } })
  const told = await sentrypeer('version')
  assert.match(told.stdout, new RegExp(`^sentrypeer ${version.replaceAll('.', '\\.')} `))
  assert.equal(told.stderr, '')
  assert.match((await sentrypeer('--help')).stdout, /sentrypeer start/)
  await startAndStop(command, path.join(dir, 'state'))
  assert.match((await sentrypeer('reindex', '--state-dir', path.join(dir, 'state'))).stdout, /./)
  assert.match((await sentrypeer('config', 'personas', 'freeswitch')).stdout, /^title = "FreeSWITCH/m)
  assert(packed.some((file) => file === 'LICENSES/GPL-2.0-only.txt'))
  assert.deepEqual(
    packed.filter((file) => /(^|\/)(src|test|tools|node_modules)\/|\.test\./.test(file)),
    [],
  )
  assert.deepEqual(
    readdirSync(path.join(dir, 'node_modules')).filter((name) =>
      ['typescript', 'fast-check', '@biomejs'].includes(name),
    ),
    [],
  )
})
