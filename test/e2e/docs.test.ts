// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { freePort, NODE_FLAGS } from '../support/node-process.ts'
import { tempDir } from '../support/temp-dir.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const NODE = [process.execPath, ...NODE_FLAGS, `${ROOT}src/cli/main.ts`].join(' ')

/** The blocks of a page that say `sh`: what a reader is meant to type, as opposed to `console`, which only shows. */
function blocks(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '')
}

/** The same commands on free ports and a folder of the test's own, without npm around them. */
async function translator(t: TestContext): Promise<(block: string) => string> {
  const [sipPort, apiPort] = [await freePort(), await freePort()]
  const dir = tempDir(t)
  return (block) =>
    block
      .replaceAll('npm start --', `${NODE} start`)
      .replaceAll('npm run -s cli --', NODE)
      .replaceAll('15060', String(sipPort))
      .replaceAll('18082', String(apiPort))
      .replaceAll('./state', dir)
}

async function startFromReadme(t: TestContext, command: string): Promise<void> {
  const child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)
  const ready = new Promise<void>((resolve) => lines.on('line', (line) => line.startsWith('  Stop') && resolve()))
  const ended = once(child, 'exit').then(([code]) => assert.fail(`the node ended with ${code}`))
  ended.catch(() => {})
  await Promise.race([ready, ended])
}

test('every command that the pages tell to type works, in the order of the pages', async (t) => {
  for (const program of ['nc', 'curl', 'bash']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) {
      t.skip(`skipped: ${program} is not installed`)
      return
    }
  }
  const translate = await translator(t)
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

test('the README shows the probe as it is seen', async (t) => {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8')
  const translate = await translator(t)
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
