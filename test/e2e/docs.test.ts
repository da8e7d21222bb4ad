// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { NODE_FLAGS } from '../support/node-process.ts'
import { has } from '../support/programs.ts'
import { tempDir } from '../support/temp-dir.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const NODE = [process.execPath, ...NODE_FLAGS, `${ROOT}src/cli/main.ts`].join(' ')

/** The blocks of a page that say `sh`: what a reader is meant to type, as opposed to `console`, which only shows. */
function blocks(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '')
}

/** The same commands on free ports and a folder of the test's own, without npm around them. */
async function translator(t: TestContext): Promise<Translator> {
  const names = { '15060': String(await freePort()), '18082': String(await freePort()), './state': tempDir(t) }
  const translate = (block: string): string => {
    const text = block.replaceAll('npm start --', `${NODE} start`).replaceAll('npm run -s cli --', NODE)
    return Object.entries(names).reduce((sum, [written, real]) => sum.replaceAll(written, real), text)
  }
  return { translate, names }
}

type Translator = {
  readonly translate: (block: string) => string
  readonly names: Readonly<Record<string, string>> // what stands for what the pages name
}

/** Resolves with what it printed when it says how to stop it. */
async function startFromReadme(t: TestContext, command: string): Promise<string> {
  const npm = { npm_package_name: 'sentrypeer', npm_lifecycle_event: 'start' } // which says what to type, as in a checkout
  const env = { ...process.env, ...npm, SENTRYPEER_LOG_FORMAT: 'pretty' } // as on a terminal
  const child = spawn('bash', ['-c', `exec ${command} 2>&1`], { stdio: ['ignore', 'pipe', 'inherit'], env })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  const ready = new Promise<string>((resolve) =>
    createInterface(child.stdout).on('line', (line) => {
      output += `${line}\n`
      if (line.startsWith('  Stop')) resolve(output)
    }),
  )
  const ended = once(child, 'exit').then(([code]) => assert.fail(`the node ended with ${code}`))
  ended.catch(() => {})
  return await Promise.race([ready, ended])
}

test('every command that the pages tell to type works, in the order of the pages', async (t) => {
  if (!has(t, 'nc') || !has(t, 'curl') || !has(t, 'bash')) return
  const { translate } = await translator(t)
  let runCount = 0
  let started = false
  for (const page of ['README.md', ...globSync('docs/*.md', { cwd: ROOT }).sort()]) {
    for (const block of blocks(page)) {
      const script = translate(block)
      if (block.startsWith('npm start')) {
        assert(!started, `${page}: the node runs already`)
        await startFromReadme(t, script)
        started = true
        continue
      }
      const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
        encoding: 'utf8',
        timeout: 30_000,
      })
      assert.equal(status, 0, `${page}:\n${block}\n${stdout}\n${stderr}`)
      runCount++
    }
  }
  assert(started && runCount >= 6, `${runCount} blocks`)
})

test('the README shows the start as it is', async (t) => {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8')
  const { translate, names } = await translator(t)
  let shown = await startFromReadme(t, translate(blocks('README.md')[0] ?? ''))
  for (const [written, real] of Object.entries(names)) {
    shown = shown.replaceAll(real, written === './state' ? '/home/you/sentrypeer/state' : written)
  }
  shown = shown.replace(/ready \(\d+\.\d\d s\)/, 'ready (0.41 s)')
  assert(readme.includes(`\`\`\`console\n${shown}\`\`\`\n`), shown)
})

test('the README shows the probe as it is seen', async (t) => {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8')
  const { translate } = await translator(t)
  const [start = '', probe = '', ask = ''] = blocks('README.md').map(translate)
  await startFromReadme(t, start)
  const run = (script: string): string =>
    spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 30_000 }).stdout
  assert.match(run(probe), /^SIP\/2\.0 /m)
  const shown = run(ask.split('\n').find((line) => line.includes('number')) ?? '')
  for (const line of ['+442081234567  seen', 'invite-probe, toll-fraud-call', 'transport: it completed a connection']) {
    assert(shown.includes(line), shown)
    assert(readme.includes(line), `README.md does not show "${line}"`)
  }
})
