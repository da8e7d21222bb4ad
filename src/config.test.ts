// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { parse } from 'smol-toml'
import { ASTERISK_CHAN_SIP } from '../test/support/personas.ts'
import { type ConfigSources, configSchema, configTable, exampleToml, loadConfig, parseSipListen } from './config.ts'
import { DaemonError } from './core/errors.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sentrypeer-config-'))
})
after(() => rm(dir, { recursive: true }))

/** Loads with nothing of the machine's own environment. */
async function load(sources: { flags?: ConfigSources['flags']; env?: NodeJS.ProcessEnv; toml?: string } = {}) {
  const { flags = {}, env = {}, toml } = sources
  const file = toml === undefined ? undefined : join(dir, 'test.toml')
  if (file !== undefined) await writeFile(file, toml!)
  return await loadConfig({ flags, env: { HOME: dir, ...env }, file, hasIpv6: true })
}

/** The text of the refusal, with the file's path shortened. */
async function refusal(sources: Parameters<typeof load>[0]): Promise<string> {
  const error = await load(sources).then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  )
  assert(error instanceof DaemonError)
  assert.equal(error.code, 'CONFIG_INVALID')
  return error.message.replace('The configuration is wrong: ', '').replaceAll(join(dir, 'test.toml'), 'T')
}

describe('loadConfig() defaults', () => {
  test('are those of the documents', async () => {
    const { config, notices, file, origins } = await load()
    assert.deepEqual(config, {
      state: { dir: join(dir, '.local/state/sentrypeer'), quotaMiB: 2048 },
      sip: {
        enabled: true,
        listen: [
          { transport: 'udp', host: '0.0.0.0', port: 5060 },
          { transport: 'udp', host: '::', port: 5060 },
          { transport: 'tcp', host: '0.0.0.0', port: 5060 },
          { transport: 'tcp', host: '::', port: 5060 },
          { transport: 'udp', host: '0.0.0.0', port: 5061 },
          { transport: 'udp', host: '::', port: 5061 },
          { transport: 'tls', host: '0.0.0.0', port: 5061 },
          { transport: 'tls', host: '::', port: 5061 },
        ],
        interaction: 'medium',
        pacing: 'natural',
        persona: 'asterisk-chan-sip',
        addressPersonas: [],
        personas: { default: ASTERISK_CHAN_SIP, byAddress: new Map() },
        receiver: 'auto',
        receiverThreads: 0,
        neverReply: [],
        tls: {
          certificate: join(dir, '.local/state/sentrypeer/tls/cert.pem'),
          key: join(dir, '.local/state/sentrypeer/tls/key.pem'),
          minVersion: '1.2',
        },
        replyLimit: { off: false, source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 } },
      },
      api: { enabled: true, host: '127.0.0.1', port: 8082, allowedHosts: [] },
      log: { level: 'info', format: 'auto' },
      jsonLog: {
        enabled: false,
        file: join(dir, '.local/state/sentrypeer/sentrypeer_json.log'),
        maxMiB: 100,
        keepFiles: 5,
      },
      syslog: { enabled: false, target: 'system' },
    })
    assert.deepEqual(notices, [])
    assert.equal(file, null)
    assert.deepEqual(new Set(origins.values()), new Set(['default']))
  })

  test('leave IPv6 out on a machine without it, but not what somebody asked for', async () => {
    const without = { env: { HOME: dir }, hasIpv6: false }
    const { config, notices } = await loadConfig({ flags: {}, ...without })
    assert.deepEqual(
      config.sip.listen.map(({ host }) => host),
      Array(4).fill('0.0.0.0'),
    )
    assert.deepEqual(notices, ['This machine has no IPv6, so SIP is listened for on IPv4 only'])
    const asked = await loadConfig({ flags: { sip: ['udp:[::]:5060'] }, ...without })
    assert.equal(asked.config.sip.listen.length, 1)
    assert.deepEqual(asked.notices, [])
  })

  test('put the state where XDG or systemd say', async () => {
    const xdg = await load({ env: { XDG_STATE_HOME: '/xdg' } })
    assert.equal(xdg.config.state.dir, '/xdg/sentrypeer')
    const relative = await load({ env: { XDG_STATE_HOME: 'xdg' } })
    assert.equal(relative.config.state.dir, join(dir, '.local/state/sentrypeer'))
    const service = await load({ env: { XDG_STATE_HOME: '/xdg', STATE_DIRECTORY: '/var/lib/sentrypeer:/other' } })
    assert.equal(service.config.state.dir, '/var/lib/sentrypeer')
    assert.equal(service.origins.get('state.dir'), 'environment STATE_DIRECTORY')
  })
})

describe('loadConfig() precedence', () => {
  const toml = '[state]\nquota_mib = 64\n[api]\nport = 1\n[sip]\ninteraction = "passive"\n'

  test('is file < environment < flags, and says which it was', async () => {
    const { config, origins, file } = await load({
      toml,
      env: { SENTRYPEER_API_PORT: '2', SENTRYPEER_STATE_QUOTA_MIB: '65' },
      flags: { api: '127.0.0.2:3' },
    })
    assert.equal(config.api.port, 3)
    assert.equal(config.api.host, '127.0.0.2')
    assert.equal(config.state.quotaMiB, 65)
    assert.equal(config.sip.interaction, 'passive')
    assert.equal(origins.get('api.port'), 'flag --api')
    assert.equal(origins.get('state.quota_mib'), 'environment SENTRYPEER_STATE_QUOTA_MIB')
    assert.equal(origins.get('sip.interaction'), `file ${file}`)
    assert.equal(origins.get('sip.enabled'), 'default')
  })

  test('finds the file by XDG, by the variable, and prefers the flag', async () => {
    await mkdir(join(dir, '.config/sentrypeer'), { recursive: true })
    await writeFile(join(dir, '.config/sentrypeer/config.toml'), '[api]\nport = 10\n')
    await writeFile(join(dir, 'other.toml'), '[api]\nport = 11\n')
    try {
      assert.equal((await load()).config.api.port, 10)
      const env = { SENTRYPEER_CONFIG_FILE: join(dir, 'other.toml') }
      assert.equal((await load({ env })).config.api.port, 11)
      assert.equal((await load({ env, toml })).config.api.port, 1)
    } finally {
      await rm(join(dir, '.config'), { recursive: true })
    }
  })

  test('any --sip replaces all listeners, and --no-sip drops them', async () => {
    const sip = ['udp:127.0.0.1:0', 'tcp:[::1]:5070']
    const { config } = await load({ toml: '[sip]\nenabled = false\n', flags: { sip } })
    assert.equal(config.sip.enabled, true)
    assert.deepEqual(config.sip.listen, [
      { transport: 'udp', host: '127.0.0.1', port: 0 },
      { transport: 'tcp', host: '::1', port: 5070 },
    ])
    assert.equal((await load({ flags: { sip: false } })).config.sip.enabled, false)
  })

  test('personas are read, of all addresses and of some', async () => {
    const toml = '[sip]\npersona = "kamailio"\naddress_personas = ["192.0.2.10=freeswitch", "0:0::1=freeswitch"]\n'
    const { personas } = (await load({ toml })).config.sip
    assert.equal(personas.default.name, 'kamailio')
    assert.deepEqual(
      [...personas.byAddress].map(([address, { name }]) => [address, name]),
      [
        ['192.0.2.10', 'freeswitch'],
        ['::1', 'freeswitch'],
      ],
    )
    assert.equal((await load({ toml, flags: { persona: 'freepbx' } })).config.sip.personas.default.name, 'freepbx')
  })

  test('relative paths start from the file that holds them', async () => {
    const { config } = await load({ toml: '[state]\ndir = "here"\n[json_log]\nfile = "~/log"\n' })
    assert.equal(config.state.dir, join(dir, 'here'))
    assert.match(config.jsonLog.file, /^\/.*\/log$/)
  })

  test('lists come from the environment with commas', async () => {
    const env = {
      SENTRYPEER_SIP_LISTEN: 'udp:127.0.0.1:5060, tcp:[::1]:5061,',
      SENTRYPEER_SIP_NEVER_REPLY: '192.0.2.1',
    }
    const { sip } = (await load({ env })).config
    assert.deepEqual(sip.listen, [
      { transport: 'udp', host: '127.0.0.1', port: 5060 },
      { transport: 'tcp', host: '::1', port: 5061 },
    ])
    assert.deepEqual(sip.neverReply, ['192.0.2.1/32'])
  })
})

describe("loadConfig() and the original's variables", () => {
  const on = {
    SENTRYPEER_SIP_DISABLE: '1',
    SENTRYPEER_SYSLOG: '1',
    SENTRYPEER_JSON_LOG: 'true',
    SENTRYPEER_DEBUG: 'yes',
  }

  test('switches are on', async () => {
    const { config, notices } = await load({ env: on })
    assert.equal(config.sip.enabled, false)
    assert.equal(config.syslog.enabled, true)
    assert.equal(config.jsonLog.enabled, true)
    assert.equal(config.log.level, 'debug')
    assert.deepEqual(notices, [])
  })

  for (const off of ['0', 'false', 'No', '', ' off ']) {
    test(`switches set to ${JSON.stringify(off)} are off`, async () => {
      const env = Object.fromEntries([...Object.keys(on), 'SENTRYPEER_PEER_TO_PEER'].map((name) => [name, off]))
      const { config, notices } = await load({ env: { ...env, SENTRYPEER_SIP_RESPONSIVE: off, SENTRYPEER_API: off } })
      assert.equal(config.sip.enabled, true)
      assert.equal(config.sip.interaction, 'passive')
      assert.equal(config.api.enabled, false)
      assert.equal(config.syslog.enabled, false)
      assert.equal(config.jsonLog.enabled, false)
      assert.equal(config.log.level, 'info')
      assert.deepEqual(notices, [])
    })
  }

  test('SENTRYPEER_API is the switch, SENTRYPEER_API_PORT the port', async () => {
    const { config, notices } = await load({ env: { SENTRYPEER_API: '1', SENTRYPEER_API_PORT: '9000' } })
    assert.deepEqual(config.api, { enabled: true, host: '127.0.0.1', port: 9000, allowedHosts: [] })
    assert.deepEqual(notices, [
      'SENTRYPEER_API: the original served everybody on 0.0.0.0; here api.host decides, 127.0.0.1 unless it is set',
    ])
  })

  test('a switch that was given an address says how it was read', async () => {
    const { notices } = await load({ env: { SENTRYPEER_API: '127.0.0.1:9000' } })
    assert.equal(notices[0], 'SENTRYPEER_API is a switch: its value is read as "on"')
  })

  test('SENTRYPEER_JSON_LOG_FILE switches the log on, unless SENTRYPEER_JSON_LOG is off', async () => {
    const env = { SENTRYPEER_JSON_LOG_FILE: '/log/x.json' }
    assert.deepEqual((await load({ env })).config.jsonLog.enabled, true)
    assert.deepEqual((await load({ env })).config.jsonLog.file, '/log/x.json')
    assert.deepEqual((await load({ env: { ...env, SENTRYPEER_JSON_LOG: '0' } })).config.jsonLog.enabled, false)
  })

  test('what this version does not have is said aloud, and secrets are not repeated', async () => {
    const { notices } = await load({
      env: {
        SENTRYPEER_PEER_TO_PEER: '1',
        SENTRYPEER_OAUTH2_CLIENT_SECRET: 's3cret',
        SENTRYPEER_TLS_LISTEN_ADDRESS: '0.0.0.0:5061',
      },
    })
    assert.deepEqual(notices, [
      'SENTRYPEER_PEER_TO_PEER has no effect: sharing with other nodes is not in this version',
      'SENTRYPEER_OAUTH2_CLIENT_SECRET has no effect: OAuth 2 belongs to webhooks, which are not in this version',
      'SENTRYPEER_TLS_LISTEN_ADDRESS has no effect: sip.listen says where TLS is listened for, as tls:ADDRESS:PORT',
    ])
  })

  test('SENTRYPEER_DB_FILE names the state folder, and the database is left alone', async () => {
    const path = join(dir, 'sentrypeer.db')
    const empty = await load({ env: { SENTRYPEER_DB_FILE: path } })
    assert.equal(empty.config.state.dir, dir)
    const start = `SENTRYPEER_DB_FILE ${path}: the state of this node is kept in its folder, ${dir}`
    assert.deepEqual(empty.notices, [`${start}; the file itself is not used`])
    using database = new DatabaseSync(path)
    database.exec(
      "CREATE TABLE honey (honey_id INTEGER PRIMARY KEY, source_ip TEXT); INSERT INTO honey VALUES (1, '192.0.2.1')",
    )
    const filled = await load({ env: { SENTRYPEER_DB_FILE: path } })
    assert.deepEqual(filled.notices, [
      `${start}; what the original wrote into it (1 record) stays there: this version does not import it`,
    ])
    const flag = await load({ flags: { dbFile: path } })
    assert.equal(flag.origins.get('state.dir'), 'flag -f')
    assert.match(flag.notices[0]!, /^-f .*does not import it$/)
    const overruled = await load({ flags: { dbFile: path, stateDir: '/elsewhere' } })
    assert.deepEqual(overruled.notices, [])
  })

  test('a certificate and its key are taken from variables and flags of the original', async () => {
    const both = await load({ env: { SENTRYPEER_CERT: '/x/c.pem', SENTRYPEER_KEY: '/x/k.pem' } })
    assert.deepEqual(both.config.sip.tls, { certificate: '/x/c.pem', key: '/x/k.pem', minVersion: '1.2' })
    const flags = await load({ flags: { tlsCertificate: '/x/c.pem', tlsKey: '/x/k.pem' } })
    assert.deepEqual(flags.config.sip.tls, both.config.sip.tls)
    assert.equal(
      await refusal({ env: { SENTRYPEER_CERT: '/x/c.pem' } }),
      'sip.tls.certificate (environment SENTRYPEER_CERT) is set without sip.tls.key: set both, or neither',
    )
  })

  test("the original's configuration file is read, save where it listened", async () => {
    const { config, notices, file } = await load({
      toml: 'cert = "a"\nkey = "b"\ntls_listen_address = "0.0.0.0:5061"\n',
    })
    assert.deepEqual(config.sip.tls, { certificate: join(dir, 'a'), key: join(dir, 'b'), minVersion: '1.2' })
    assert.deepEqual(notices, [
      `tls_listen_address (file ${file}, line 3) has no effect: sip.listen says where TLS is listened for, as tls:ADDRESS:PORT`,
    ])
  })
})

describe('loadConfig() notices', () => {
  test('name unknown variables with the nearest known one', async () => {
    const { notices } = await load({ env: { SENTRYPEER_SIP_LISTN: 'x', SENTRYPEER_QQQQQQ: 'x' } })
    assert.deepEqual(notices, [
      'SENTRYPEER_QQQQQQ is not known and has no effect',
      'SENTRYPEER_SIP_LISTN is not known and has no effect; did you mean SENTRYPEER_SIP_LISTEN?',
    ])
  })

  test('say what is open to others', async () => {
    const { notices } = await load({ flags: { api: '[::]:8082' } })
    assert.deepEqual(notices, [
      'The API listens beyond this machine, on [::]:8082: every request needs a key there, and nothing is encrypted',
    ])
    assert.deepEqual((await load({ flags: { api: '127.1.2.3:8082' } })).notices, [])
  })

  test('say that nothing is left to do', async () => {
    const { notices } = await load({ flags: { api: false, sip: false } })
    assert.deepEqual(notices, ['Both SIP and the API are off: this node does nothing but wait'])
  })
})

describe('loadConfig() refusals', () => {
  const cases: readonly [toml: string, text: string][] = [
    [
      '[sip]\ninteracton = "low"',
      'sip.interacton (file T, line 2): there is no such key; did you mean sip.interaction?',
    ],
    ['interaction = "low"', 'interaction (file T, line 1): there is no such key; did you mean sip.interaction?'],
    ['[sip]\nport = 5060', 'sip.port (file T, line 2): there is no such key; did you mean api.port?'],
    ['[spi]\nx = 1', 'spi (file T, line 1): there is no such key; did you mean sip?'],
    ['[state]\nquotaMiB = 100', 'state.quotaMiB (file T, line 2): there is no such key; did you mean state.quota_mib?'],
    ['xyzzy = 1', 'xyzzy (file T, line 1): there is no such key'],
    ['sip = true', 'sip = true (file T, line 1): is a section, written [sip]'],
    [
      '[api]\n\nport = 70000',
      'api.port = 70000 (file T, line 3): must be a whole number from 0 to 65535, such as 8082',
    ],
    ['api = { port = "x" }', 'api.port = "x" (file T): must be a whole number from 0 to 65535, such as 8082'],
    ['api.port = 1.5', 'api.port = 1.5 (file T, line 1): must be a whole number from 0 to 65535, such as 8082'],
    ['sip."enabled" = "yes"', 'sip.enabled = "yes" (file T, line 1): must be true or false'],
    [
      '[log]\nlevel = "inof"',
      'log.level = "inof" (file T, line 2): must be debug, info, warn or error; did you mean info?',
    ],
    [
      '[sip]\nlisten = ["tlz:0.0.0.0:5061"]',
      'sip.listen = ["tlz:0.0.0.0:5061"] (file T, line 2): "tlz:0.0.0.0:5061": must be TRANSPORT:ADDRESS:PORT with udp, tcp, tls, ws, wss as TRANSPORT, such as udp:127.0.0.1:5060 or tls:[::1]:5061; did you mean tls?',
    ],
    [
      '[sip]\nlisten = ["tcp:0.0.0.0:5061", "tls:0.0.0.0:5061"]',
      'sip.listen: tcp:0.0.0.0:5061 and tls:0.0.0.0:5061 need the same TCP port; give one of them another',
    ],
    ['[sip]\nlisten = ["ws:[::1]:80", "ws:[::1]:80"]', 'sip.listen: ws:[::1]:80 is there twice'],
    [
      '[sip.tls]\nmin_version = "1.4"',
      'sip.tls.min_version = "1.4" (file T, line 2): must be 1.0, 1.1, 1.2 or 1.3; did you mean 1.0?',
    ],
    [
      '[sip]\nlisten = "udp:0.0.0.0:5060"',
      'sip.listen = "udp:0.0.0.0:5060" (file T, line 2): must be a list of texts, such as ["udp:192.0.2.1:5060","tls:[2001:db8::1]:5061"]',
    ],
    [
      '[sip]\nlisten = []',
      'sip.listen = []: there is nothing to listen on; to switch SIP off, set sip.enabled = false',
    ],
    ['[sip]\nlisten = ["udp:[::1]:1", "udp:[0::1]:1"]', 'sip.listen: udp:[::1]:1 is there twice'],
    [
      '[sip]\nnever_reply = ["10.0.0.0/33"]',
      'sip.never_reply = ["10.0.0.0/33"] (file T, line 2): "10.0.0.0/33": must be an address or a CIDR range, such as 192.0.2.0/24 or 2001:db8::/32',
    ],
    [
      '[api]\nhost = "example.net"',
      'api.host = "example.net" (file T, line 2): must be an IP address of this machine, such as 127.0.0.1, 0.0.0.0 or [::]; names are not looked up',
    ],
    [
      '[state]\ndir = ""',
      'state.dir = "" (file T, line 2): must not be empty; must be a text, such as "/var/lib/sentrypeer"',
    ],
    [
      '[syslog]\ntarget = "tcp:x:1"',
      'syslog.target = "tcp:x:1" (file T, line 2): must be system or udp:ADDRESS:PORT, such as udp:192.0.2.10:514',
    ],
    [
      '[syslog]\ntarget = "udp:collector.example:514"',
      'syslog.target = "udp:collector.example:514" (file T, line 2): must name an IP address, such as udp:192.0.2.10:514; names are not looked up',
    ],
    [
      '[api]\nallowed_hosts = ["http://x"]',
      'api.allowed_hosts = ["http://x"] (file T, line 2): "http://x": must be a host name alone, without http:// and port, such as sentrypeer.example.net',
    ],
  ]
  for (const [toml, text] of cases) {
    test(`${toml.replaceAll('\n', ' ')}`, async () => assert.equal(await refusal({ toml }), text))
  }

  test('of the environment and of flags name them', async () => {
    assert.equal(
      await refusal({ env: { SENTRYPEER_API_PORT: 'http' } }),
      'api.port = "http" (environment SENTRYPEER_API_PORT): must be a whole number from 0 to 65535, such as 8082',
    )
    assert.equal(
      await refusal({ flags: { sip: ['ws://127.0.0.1:80/'] } }),
      'sip.listen = ["ws://127.0.0.1:80/"] (flag --sip): "ws://127.0.0.1:80/": has no slashes: ws:127.0.0.1:80',
    )
    assert.equal(
      await refusal({ flags: { api: 'localhost' } }),
      '--api "localhost": must be written like 127.0.0.1:8082',
    )
  })

  test('of personas name the setting, the file and the key', async () => {
    assert.match(
      await refusal({ flags: { persona: 'freeswich' } }),
      /^sip\.persona = "freeswich" \(flag --persona\): there is no such persona; did you mean freeswitch\?/,
    )
    await writeFile(join(dir, 'mine.toml'), 'title = "x"\n')
    assert.match(
      await refusal({ toml: '[sip]\naddress_personas = ["192.0.2.1=mine.toml"]\n' }),
      /^sip\.address_personas = ".*mine\.toml" \(file T, line 2\): persona .*mine\.toml: server: is missing; /,
    )
    assert.match(
      await refusal({ toml: '[sip]\naddress_personas = ["pbx=freeswitch"]\n' }),
      /"pbx=freeswitch": must be ADDRESS=NAME, such as 192\.0\.2\.10=freeswitch/,
    )
    assert.match(
      await refusal({ toml: '[sip]\naddress_personas = ["::1=freeswitch", "0::1=kamailio"]\n' }),
      /sip\.address_personas: ::1 is there twice/,
    )
  })

  test('name every problem at once', async () => {
    assert.equal(
      await refusal({ toml: '[sip]\ninteracton = "low"\n[api]\nport = -1' }),
      '2 problems\n  sip.interacton (file T, line 2): there is no such key; did you mean sip.interaction?' +
        '\n  api.port = -1 (file T, line 4): must be a whole number from 0 to 65535, such as 8082',
    )
  })

  test('show where TOML breaks', async () => {
    assert.match(await refusal({ toml: '[sip]\nenabled = tru\n' }), /^file T, line 2, column 1\d?: not TOML: /)
  })

  test('of a named file that is not there say so', async () => {
    const error = await loadConfig({ flags: {}, env: { HOME: dir }, file: join(dir, 'none.toml') }).catch(
      (e: unknown) => e,
    )
    assert(error instanceof DaemonError)
    assert.match(error.message, /cannot read the file .*none\.toml: ENOENT/)
  })
})

describe('parseSipListen()', () => {
  const good: readonly [string, ReturnType<typeof parseSipListen>][] = [
    ['udp:127.0.0.1:5060', { transport: 'udp', host: '127.0.0.1', port: 5060 }],
    ['tcp:[::1]:5060', { transport: 'tcp', host: '::1', port: 5060 }],
    ['UDP:[::]:0', { transport: 'udp', host: '::', port: 0 }],
    ['udp:[2001:DB8:0::1]:5060', { transport: 'udp', host: '2001:db8::1', port: 5060 }],
    ['udp:[fe80::1%eth0]:5060', { transport: 'udp', host: 'fe80::1%eth0', port: 5060 }],
    ['tls:0.0.0.0:5061', { transport: 'tls', host: '0.0.0.0', port: 5061 }],
    ['ws:[::]:80', { transport: 'ws', host: '::', port: 80 }],
    ['WSS:127.0.0.1:443', { transport: 'wss', host: '127.0.0.1', port: 443 }],
    ['tcp:localhost:5060', { transport: 'tcp', host: '127.0.0.1', port: 5060 }],
  ]
  for (const [text, listen] of good) test(text, () => assert.deepEqual(parseSipListen(text), listen))

  const bad: readonly [string, RegExp][] = [
    ['127.0.0.1:5060', /^must be TRANSPORT:ADDRESS:PORT with udp, tcp, tls, ws, wss as TRANSPORT, such as/],
    ['sip:127.0.0.1:5060', /^must be TRANSPORT:ADDRESS:PORT with/],
    ['tls:127.0.0.1', /^must be written like tls:127\.0\.0\.1:5061$/],
    ['udp:127.0.0.1', /^must be written like udp:127\.0\.0\.1:5060$/],
    ['udp:::1:5060', /^IPv6 addresses stand in brackets, such as \[::1\]:5060$/],
    ['udp:127.0.0.1:65536', /^the port must be from 0 to 65535$/],
    ['udp:127.1:5060', /^must be an IP address of this machine/],
    ['udp:*:5060', /^must be an IP address of this machine/],
    ['', /^must be TRANSPORT:ADDRESS:PORT/],
  ]
  for (const [text, message] of bad) {
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseSipListen(text), { name: 'RangeError', message }))
  }
})

describe('the documents of the configuration', () => {
  test('exampleToml() sets nothing, and with its settings uncommented is valid', async () => {
    assert.deepEqual((await load({ toml: exampleToml() })).config, (await load()).config)
    const uncommented = exampleToml().replaceAll(/^# (?=[a-z_]+ = )/gm, '')
    const { origins, file } = await load({ toml: uncommented })
    assert.deepEqual(new Set(origins.values()), new Set([`file ${file}`]))
  })

  test('configTable() has a line for every setting, each name once', () => {
    const rows = configTable()
    assert.equal(rows.length, 31)
    assert.equal(new Set(rows.map((row) => row.environment)).size, rows.length)
    assert.deepEqual(
      rows.find((row) => row.key === 'json_log.max_mib'),
      {
        key: 'json_log.max_mib',
        type: 'integer 1–1048576',
        default: '100',
        environment: 'SENTRYPEER_JSON_LOG_MAX_MIB',
        flag: '',
        meaning: 'Size at which a new file is begun and the old one is set aside',
      },
    )
  })

  test('configSchema accepts the example and refuses what loadConfig() refuses', async () => {
    const { Check } = await import('typebox/value')
    const uncommented = exampleToml().replaceAll(/^# (?=[a-z_]+ = )/gm, '')
    assert.equal(Check(configSchema, parse(uncommented)), true)
    for (const toml of ['[sip]\npasive = true', '[api]\nport = 70000', '[log]\nlevel = "x"', '[sip]\nlisten = "x"']) {
      assert.equal(Check(configSchema, parse(toml)), false, toml)
    }
  })
})
