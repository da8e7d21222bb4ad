// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { FAKE_NOW, fakeNode, run } from '../../test/support/fake-node.ts'
import { lockStateDir } from '../store/lock.ts'
import { nodeVersionFinding, worstLevel } from './doctor.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sentrypeer-doctor-'))
})
after(() => rm(dir, { recursive: true }))

const LEVELS = ['ok', 'warn', 'error']

/** Runs doctor on a folder of its own, and gives what it found; port 0 is always free. */
async function doctor(name: string, env: NodeJS.ProcessEnv = {}) {
  const stateDir = join(dir, name)
  const ports = { SENTRYPEER_SIP_LISTEN: 'udp:127.0.0.1:0', SENTRYPEER_API_PORT: '0' }
  const { code, stdout } = await run(['doctor', '--state-dir', stateDir, '--json'], { env: { ...ports, ...env } })
  const report = JSON.parse(stdout) as { level: string; findings: { level: string; what: string; wayOut?: string }[] }
  assert.equal(LEVELS[code], report.level)
  const find = (start: string) => report.findings.find(({ what }) => what.startsWith(start))
  return { ...report, find, stateDir }
}

describe('sentrypeer doctor', () => {
  test('finds a machine without a node in order', async () => {
    const { find, stateDir, level } = await doctor('new')
    assert.notEqual(level, 'error')
    assert.equal(find('Node ')?.level, 'ok')
    assert.equal(find('configuration: no file')?.level, 'ok')
    assert.match(find('state folder: ')!.what, /new is writable \(it does not exist yet\), .* free$/)
    assert.equal(find('port: SIP udp:127.0.0.1:0 is free')?.level, 'ok')
    assert.equal(find('port: API 127.0.0.1:0 is free')?.level, 'ok')
    assert.equal(find(stateDir)?.level, 'ok')
    assert.deepEqual(await readdir(dir), [])
  })

  test('finds a port that is taken', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const listen = `udp:127.0.0.1:${socket.address().port}`
    const { find, level } = await doctor('taken', { SENTRYPEER_SIP_LISTEN: listen })
    socket.close()
    assert.equal(level, 'error')
    assert.deepEqual(find('port: SIP'), {
      level: 'error',
      what: `port: SIP ${listen} is taken`,
      wayOut: 'stop what listens there (ss -lntup shows it), or choose another port',
    })
  })

  test('finds a state folder that is none, or that none can be made in', async () => {
    await writeFile(join(dir, 'file'), '')
    await symlink(join(dir, 'nowhere'), join(dir, 'link'))
    for (const [name, what] of [
      ['file', 'file is a file, not a folder'],
      ['file/state', 'file is a file, not a folder'],
      ['link', 'link is a link that leads nowhere'],
    ] as const) {
      const { find, findings, level } = await doctor(name)
      assert.equal(level, 'error')
      const wayOut = 'choose another --state-dir'
      assert.deepEqual(find('state folder: '), { level: 'error', what: `state folder: ${join(dir, what)}`, wayOut })
      assert.equal(
        findings.some(({ what }) => what.startsWith(dir)),
        false,
      )
    }
  })

  test('finds a folder that takes no other', {
    skip: process.platform !== 'linux' && 'no /proc',
  }, async () => {
    const { code, stdout } = await run(['doctor', '--state-dir', '/proc/sentrypeer', '--json'])
    assert.equal(code, 2)
    assert.match(stdout, /"state folder: \/proc\/sentrypeer \(ENOENT: /)
  })

  test('finds too little disk for the quota', async () => {
    const { find } = await doctor('small', { SENTRYPEER_STATE_QUOTA_MIB: '16777216' })
    assert.match(find('state folder: ')!.what, /the journal may want 16\.0 TiB more$/)
    assert.equal(find('state folder: ')?.level, 'warn')
  })

  test('finds a clock that was set back', async () => {
    await mkdir(join(dir, 'clock/journal'), { recursive: true })
    await writeFile(join(dir, 'clock/journal/x'), '')
    const tomorrow = new Date(FAKE_NOW + 86_400_000)
    await utimes(join(dir, 'clock/journal/x'), tomorrow, tomorrow)
    const { find } = await doctor('clock')
    assert.equal(find('clock: ')?.what, 'clock: the journal was written 1 day in the future; was the clock set back?')
  })

  test('asks a running node how it does', async () => {
    await using node = await fakeNode({
      '/v1/health': { status: 'degraded', troubles: ['2 events were lost'] },
      '/v1/stats': { version: '1.2.3', store: { acceptedCount: 5 } },
    })
    await mkdir(join(dir, 'running'))
    await writeFile(join(dir, 'running/node.json'), JSON.stringify({ url: node.url, pid: process.pid }))
    const { findings, find } = await doctor('running')
    assert.equal(find('node: 1.2.3')?.what, `node: 1.2.3 answers on ${node.url}, 5 events since its start`)
    assert.deepEqual(find('node: 2 events'), { level: 'warn', what: 'node: 2 events were lost' })
    assert.equal(
      findings.some(({ what }) => what.startsWith('port: ')),
      false,
    )
  })

  test('finds a node that does not answer, but holds its folder', async () => {
    await mkdir(join(dir, 'hanging'))
    await writeFile(join(dir, 'hanging/node.json'), JSON.stringify({ url: 'http://127.0.0.1:1', pid: 4 }))
    using _lock = lockStateDir(join(dir, 'hanging'))
    const { find, level } = await doctor('hanging')
    assert.equal(level, 'error')
    assert.match(find('node: ')!.what, /^node: Cannot reach a running node: tried http:\/\/127\.0\.0\.1:1/)
  })

  test('looks at the store after a crash, whatever the file that was left says', async () => {
    await mkdir(join(dir, 'crashed/index'), { recursive: true })
    await writeFile(join(dir, 'crashed/node.json'), JSON.stringify({ url: 'http://127.0.0.1:1', pid: 4 }))
    await writeFile(join(dir, 'crashed/index/2026-01-01.sqlite'), 'no database'.repeat(500))
    const { find } = await doctor('crashed')
    assert.match(find('node: ')!.what, /^node: none runs; process 4 ended without tidying up/)
    assert.equal(find('node: ')?.level, 'warn')
    assert.equal(find('index: 2026-01-01')?.level, 'error')
    assert.equal(find('port: API 127.0.0.1:0 is free')?.level, 'ok')
  })

  test('finds a wrong configuration, and shows findings for people', async () => {
    const { code, stdout } = await run(['doctor'], { env: { SENTRYPEER_API_PORT: 'http' } })
    assert.equal(code, 2)
    assert.equal(
      stdout,
      'ERROR  The configuration is wrong: api.port = "http" (environment SENTRYPEER_API_PORT): must be a whole number from 0 to 65535, such as 8082\n' +
        '        correct it, and try it with "sentrypeer config check"\n',
    )
  })
})

test('nodeVersionFinding() knows the oldest that will do', () => {
  assert.equal(nodeVersionFinding('24.14.9').level, 'error')
  assert.equal(nodeVersionFinding('24.15.0').level, 'ok')
  assert.equal(nodeVersionFinding('26.10.0').level, 'ok')
  assert.equal(nodeVersionFinding('20.20.2').level, 'error')
})

test('worstLevel() is the worst there is', () => {
  const finding = (level: 'ok' | 'warn' | 'error') => ({ level, what: 'x' })
  assert.equal(worstLevel([]), 'ok')
  assert.equal(worstLevel([finding('ok'), finding('warn')]), 'warn')
  assert.equal(worstLevel([finding('error'), finding('warn')]), 'error')
})
