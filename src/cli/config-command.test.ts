// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'smol-toml'
import { run } from '../../test/support/fake-node.ts'
import { exampleToml } from '../config.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sentrypeer-config-command-'))
  await writeFile(join(dir, 'good.toml'), '[sip]\ninteraction = "passive"\n')
  await writeFile(join(dir, 'bad.toml'), '[sip]\ninteracton = "low"\n')
})
after(() => rm(dir, { recursive: true }))

describe('sentrypeer config', () => {
  test('show prints TOML that means the same', async () => {
    const file = join(dir, 'good.toml')
    const { code, stdout } = await run(['config', 'show', '--config', file])
    assert.equal(code, 0)
    await writeFile(join(dir, 'shown.toml'), stdout)
    assert.equal((await run(['config', 'show', '--config', join(dir, 'shown.toml')])).stdout, stdout)
    assert.equal((parse(stdout).sip as { interaction: string }).interaction, 'passive')
  })

  test('show --origin says where each value came from', async () => {
    const file = join(dir, 'good.toml')
    const { stdout, stderr } = await run(['config', 'show', '--origin', '--config', file], {
      env: { SENTRYPEER_API_PORT: '9000', SENTRYPEER_API_PROT: '1' },
    })
    assert.match(stdout, new RegExp(`^sip\\.interaction = "passive" # file ${file}$`, 'm'))
    assert.match(stdout, /^api\.port = 9000 # environment SENTRYPEER_API_PORT$/m)
    assert.match(stdout, /^api\.host = "127\.0\.0\.1" # default$/m)
    assert.equal(stderr, 'SENTRYPEER_API_PROT is not known and has no effect; did you mean SENTRYPEER_API_PORT?\n')
  })

  test('show --json, with and without origins', async () => {
    const plain = JSON.parse((await run(['config', 'show', '--json'])).stdout)
    assert.equal(plain['api.port'], 8082)
    const origins = JSON.parse((await run(['config', 'show', '--json', '--origin'])).stdout)
    assert.deepEqual(origins['api.port'], { value: 8082, origin: 'default' })
  })

  test('check', async () => {
    const good = join(dir, 'good.toml')
    assert.deepEqual(await run(['config', 'check', good]), { code: 0, stdout: `${good} is right\n`, stderr: '' })
    const bad = join(dir, 'bad.toml')
    const { code, stderr } = await run(['config', 'check', bad])
    assert.equal(code, 2)
    assert.equal(
      stderr,
      `sentrypeer: The configuration is wrong: sip.interacton (file ${bad}, line 2): there is no such key; did you mean sip.interaction? [CONFIG_INVALID]\n`,
    )
    const json = await run(['config', 'check', bad, '--json'])
    assert.equal(json.code, 2)
    assert.equal(JSON.parse(json.stdout).ok, false)
  })

  test('check of a named file leaves the environment out', async () => {
    const { code } = await run(['config', 'check', join(dir, 'good.toml')], { env: { SENTRYPEER_API_PORT: 'x' } })
    assert.equal(code, 0)
    assert.equal((await run(['config', 'check'], { env: { SENTRYPEER_API_PORT: 'x' } })).code, 2)
  })

  test('example and schema', async () => {
    assert.equal((await run(['config', 'example'])).stdout, exampleToml())
    assert.equal(JSON.parse((await run(['config', 'schema'])).stdout).title, 'sentrypeer config.toml')
  })

  test('personas lists them, and where they are used', async () => {
    const { stdout } = await run(['config', 'personas'])
    assert.match(stdout, /^NAME +DEVICE +SAYS THAT IT IS +USED BY\n/)
    assert.match(stdout, /^asterisk-chan-sip +Asterisk 16 .* Server: Asterisk PBX 16\.28\.0 +all addresses$/m)
    const file = join(dir, 'hotel.toml')
    await writeFile(file, (await run(['config', 'personas', 'kamailio'])).stdout)
    const env = { SENTRYPEER_SIP_ADDRESS_PERSONAS: `192.0.2.10=freeswitch,2001:DB8::1=${file}` }
    const rows = JSON.parse((await run(['config', 'personas', '--json'], { env })).stdout)
    const usage = rows.map(({ name, usedBy }: { name: string; usedBy: string[] }) => [name, usedBy])
    assert.deepEqual(
      usage.filter(([, usedBy]: [string, string[]]) => usedBy.length > 0),
      [
        ['asterisk-chan-sip', ['all other addresses']],
        ['freeswitch', ['192.0.2.10']],
        [file, ['2001:db8::1']],
      ],
    )
  })

  test('personas NAME prints its file, or what is wrong in it', async () => {
    const { stdout } = await run(['config', 'personas', 'freeswitch'])
    assert.match(stdout, /^title = "FreeSWITCH 1\.10"$/m)
    assert.equal(JSON.parse((await run(['config', 'personas', 'freeswitch', '--json'])).stdout).tokens.opaque, '')
    const file = join(dir, 'broken.toml')
    await writeFile(file, stdout.replace('title', 'titel'))
    const { code, stderr } = await run(['config', 'personas', file])
    assert.equal(code, 2)
    assert.match(stderr, /broken\.toml: titel: there is no such key; did you mean title\?/)
    assert.match((await run(['config', 'personas', 'freeswich'])).stderr, /did you mean freeswitch\?/)
  })

  test('shwo is refused with the nearest', async () => {
    const { code, stderr } = await run(['config', 'shwo'])
    assert.equal(code, 2)
    assert.match(stderr, /unknown command 'shwo'\n\(Did you mean show\?\)/)
  })
})
