// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../test/support/fake-node.ts'
import { asTyped } from './own-name.ts'

const CHECKOUT = { npm_package_name: 'sentrypeer', npm_lifecycle_event: 'cli' }

test('asTyped() gives the command that works in a checkout', () => {
  const cases: readonly [string, string][] = [
    ['"sentrypeer start" tidies up', '"npm run -s cli -- start" tidies up'],
    ['Usage: sentrypeer [COMMAND]', 'Usage: npm run -s cli -- [COMMAND]'],
    ['(sentrypeer -draws)', '(npm run -s cli -- -draws)'],
    ['sentrypeer: Cannot listen', 'sentrypeer: Cannot listen'],
    ['/var/lib/sentrypeer --json', '/var/lib/sentrypeer --json'],
    ['~/.config/sentrypeer/config.toml', '~/.config/sentrypeer/config.toml'],
  ]
  for (const [text, typed] of cases) assert.equal(asTyped(text, CHECKOUT), typed)
})

test('asTyped() leaves the name alone where it is installed', () => {
  const text = '"sentrypeer start" runs a node here'
  for (const env of [
    {},
    { npm_package_name: 'another', npm_lifecycle_event: 'start' },
    { npm_package_name: 'sentrypeer', npm_lifecycle_event: 'test' },
  ]) {
    assert.equal(asTyped(text, env), text)
  }
})

test('errors, help and doctor say what to type in a checkout', async () => {
  const said = async (...args: string[]) => {
    const { stdout, stderr } = await run(args, { env: CHECKOUT })
    return stdout + stderr
  }
  assert.match(await said('status', '--url', 'http://127.0.0.1:1'), /"npm run -s cli -- start" runs a node here/)
  assert.match(await said('tail', '--help'), /^Usage: npm run -s cli -- tail \[/m)
  assert.match(await said('list'), /\(npm run -s cli -- list --help shows what there is\)/)
  assert.match(await said('doctor', '--config', '/nonexistent/x.toml'), /"npm run -s cli -- config check"/)
})
