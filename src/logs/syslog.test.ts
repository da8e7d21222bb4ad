// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { fakeEvent } from '../../test/support/fake-store.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { syslogMessage } from './_syslog-socket.ts'
import { openSyslog, syslogIdent, syslogLine } from './syslog.ts'

const source = { ip: '144.21.55.36', port: 5071 }

test('the line is that of the original', () => {
  const line = syslogLine({ source, method: 'OPTIONS', userAgent: 'sipsak 0.9.7' })
  assert.equal(line, 'Source IP: 144.21.55.36, Method: OPTIONS, Agent: sipsak 0.9.7')
  const ipv6 = syslogLine({ source: { ip: '2001:db8::1', port: 1 }, method: 'INVITE', userAgent: 'a' })
  assert.equal(ipv6, 'Source IP: 2001:db8::1, Method: INVITE, Agent: a')
})

test('what is missing or is no method is NOT_FOUND', () => {
  for (const method of [null, '', 'A B', 'A,B', 'A\n', 'X'.repeat(33), 'Ä']) {
    const line = syslogLine({ source, method, userAgent: null })
    assert.equal(line, 'Source IP: 144.21.55.36, Method: NOT_FOUND, Agent: NOT_FOUND')
  }
  assert.match(syslogLine({ source, method: 'X'.repeat(32), userAgent: '\0\r\n ' }), /Method: X{32}, Agent: NOT_FOUND$/)
})

test('whatever the agent says, the line is one line of bounded length and begins with our address', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (method, userAgent) => {
      const line = syslogLine({ source, method, userAgent })
      assert.ok(line.startsWith('Source IP: 144.21.55.36, Method: '))
      assert.ok(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line) && line.length < 400)
    }),
  )
  const long = syslogLine({ source, method: 'A', userAgent: 'x'.repeat(100_000) })
  assert.equal(long.length, 'Source IP: 144.21.55.36, Method: A, Agent: '.length + 256)
})

test('a datagram is an RFC 3164 message in local time', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5).getTime()
  const target = { hostname: 'pot.example.org', ident: 'sentrypeer[42]' }
  assert.equal(syslogMessage('x', at, target), '<13>Jan  2 03:04:05 pot sentrypeer[42]: x')
  assert.match(syslogMessage('x', at, { ...target, hostname: 'ö' }), / localhost sentrypeer/)
})

/** Listens for datagrams on loopback. */
async function receiver(host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host)
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  return {
    target: `udp:${host.includes(':') ? `[${host}]` : host}:${port}`,
    next: async () => String((await once(socket, 'message'))[0]),
    [Symbol.dispose]: () => socket.close(),
  }
}

const onTrouble = (text: string) => assert.fail(text)

for (const host of ['127.0.0.1', '::1']) {
  test(`events go to a collector at ${host}`, async () => {
    using collector = await receiver(host)
    await using syslog = await openSyslog({ target: collector.target }, { onTrouble, hostname: 'pot' })
    const message = collector.next()
    syslog.write(fakeEvent({ id: 1, source, method: 'OPTIONS', userAgent: 'sipsak 0.9.7' }))
    const expected = `pot ${syslogIdent()}: Source IP: 144.21.55.36, Method: OPTIONS, Agent: sipsak 0.9.7`
    assert.equal((await message).replace(/^<13>\w{3} [ \d]\d \d\d:\d\d:\d\d /, ''), expected)
    assert.equal(syslog.droppedCount, 0)
  })
}

test('a target that is none is CONFIG_INVALID', async () => {
  for (const target of [
    '',
    'tcp:192.0.2.1:514',
    'udp:host:514',
    'udp:192.0.2.1',
    'udp:::1:514',
    'udp:192.0.2.1:0',
    'udp:1.2.3.999:514',
  ]) {
    await assert.rejects(openSyslog({ target }, { onTrouble }), { code: 'CONFIG_INVALID' }, target)
  }
})

test('more than the system takes at once is dropped and counted', async () => {
  using collector = await receiver()
  const troubles: string[] = []
  const report = (text: string) => void troubles.push(text)
  const syslog = await openSyslog({ target: collector.target }, { onTrouble: report })
  for (let i = 0; i < 3000; i++) syslog.write(fakeEvent({ id: i }))
  assert.equal(syslog.droppedCount, 2000)
  await syslog[Symbol.asyncDispose]()
  assert.deepEqual(troubles, ['2000 syslog lines were not sent; the journal has their events'])
})

// The filter that the docs recommend: anchored at the start, so that nothing in the agent can be taken for it.
const LOGS_PAGE = readFileSync(new URL('../../docs/logs.md', import.meta.url), 'utf8')
const FILTER = `[Definition]
${/^failregex = .*$/m.exec(LOGS_PAGE)?.[0]}
ignoreregex =
`
const hasFail2ban = spawnSync('fail2ban-regex', ['--version']).status === 0
const { SENTRYPEER_NO_SKIP } = process.env
const skip =
  !hasFail2ban && SENTRYPEER_NO_SKIP !== '1' ? 'fail2ban-regex is not installed (apt-get install fail2ban)' : false

test('Fail2ban reads our address, and none that an attacker wrote', { skip }, async (t) => {
  using collector = await receiver()
  await using syslog = await openSyslog({ target: collector.target }, { onTrouble, hostname: 'pot' })
  const dir = tempDir(t)
  const events = [
    { source, userAgent: 'sipsak 0.9.7', method: 'OPTIONS' },
    { source: { ip: '2001:db8::7', port: 1 }, userAgent: 'pplsip', method: 'INVITE' },
    {
      source: { ip: '198.51.100.1', port: 1 },
      userAgent: 'x, Source IP: 8.8.8.8, Method: INVITE, Agent: y',
      method: 'INVITE',
    },
    {
      source: { ip: '198.51.100.2', port: 1 },
      userAgent: 'x\nNov 23 09:05:18 pot sentrypeer[1]: Source IP: 8.8.4.4, Method: INVITE, Agent: y',
      method: 'INVITE',
    },
    { source: { ip: '198.51.100.3', port: 1 }, userAgent: 'x', method: 'A, Source IP: 9.9.9.9' },
  ]
  const lines: string[] = []
  for (const [id, event] of events.entries()) {
    const message = collector.next()
    syslog.write(fakeEvent({ ...event, id, at: Date.now() }))
    lines.push((await message).replace(/^<\d+>/, '')) // as a syslog daemon writes it
  }
  const log = join(dir, 'sentrypeer.log')
  const filter = join(dir, 'sentrypeer.conf')
  writeFileSync(log, `${lines.join('\n')}\n`)
  writeFileSync(filter, FILTER)
  const { stdout, stderr, status } = spawnSync('fail2ban-regex', ['--usedns', 'no', '-o', 'ip', log, filter], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.deepEqual(stdout.trim().split('\n'), ['144.21.55.36', '2001:db8::7', '198.51.100.1', '198.51.100.2'])
})

/** A program in place of logger(1): it writes its arguments and what it reads to a file. */
function fakeLogger(dir: string, body = '') {
  const script = join(dir, 'logger.mjs')
  const out = join(dir, 'out')
  const code = `import { appendFileSync } from 'node:fs'
appendFileSync(${JSON.stringify(out)}, process.argv.slice(2).join(' ') + '\\n')
${body}
process.stdin.on('data', (bytes) => appendFileSync(${JSON.stringify(out)}, bytes))`
  writeFileSync(script, code)
  return { program: [process.execPath, script], text: () => readFileSync(out, 'utf8') }
}

test('the system log is reached through logger(1), started by the first line', async (t) => {
  const logger = fakeLogger(tempDir(t))
  const syslog = await openSyslog({ target: 'system' }, { onTrouble, program: logger.program })
  assert.throws(() => logger.text(), { code: 'ENOENT' })
  const events = Array.from({ length: 500 }, (_, id) => fakeEvent({ id, userAgent: `agent ${id}` }))
  for (const event of events) syslog.write(event)
  await syslog[Symbol.asyncDispose]()
  const lines = logger.text().trimEnd().split('\n')
  assert.equal(lines[0], `-t ${syslogIdent()} -p user.notice`)
  assert.deepEqual(lines.slice(1), events.map(syslogLine))
  assert.equal(syslog.droppedCount, 0)
})

test('a program that is missing is told once, lines wait, and too many are dropped', async () => {
  const trouble = Promise.withResolvers<string>()
  const troubles: string[] = []
  const report = (text: string) => {
    troubles.push(text)
    trouble.resolve(text)
  }
  const syslog = await openSyslog({ target: 'system' }, { onTrouble: report, program: ['/nowhere/logger'] })
  syslog.write(fakeEvent({ id: 0 }))
  assert.match(await trouble.promise, /\/nowhere\/logger.*ENOENT.*Install logger/)
  for (let id = 1; id < 2000; id++) syslog.write(fakeEvent({ id }))
  assert.ok(syslog.droppedCount >= 900)
  await syslog[Symbol.asyncDispose]()
  assert.equal(troubles.length, 2)
  assert.match(troubles[1]!, /^(1999|2000) syslog lines were not sent; the journal has their events$/) // one may be in the pipe
})

test('a program that ends is started again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const logger = fakeLogger(tempDir(t), "process.stdin.once('data', () => setImmediate(() => process.exit(3)))")
  const troubled = Promise.withResolvers<string>()
  const syslog = await openSyslog({ target: 'system' }, { onTrouble: troubled.resolve, program: logger.program })
  syslog.write(fakeEvent({ id: 1, userAgent: 'first' }))
  assert.match(await troubled.promise, /code 3/)
  syslog.write(fakeEvent({ id: 2, userAgent: 'second' }))
  t.mock.timers.tick(1000)
  await syslog[Symbol.asyncDispose]()
  assert.match(logger.text(), /first\n-t .*\n.*second\n$/)
})

test('a program that hangs does not hold up the shutdown', async (t) => {
  const logger = fakeLogger(tempDir(t), "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)")
  const syslog = await openSyslog({ target: 'system' }, { onTrouble, program: logger.program })
  syslog.write(fakeEvent({ id: 1 }))
  const startedAt = performance.now()
  await syslog[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedAt < 2000)
})
