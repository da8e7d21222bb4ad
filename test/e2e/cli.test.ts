// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { runSentrypeer, sentrypeer, textOf } from '../support/cli-process.ts'
import { freePort } from '../support/free-port.ts'
import { startNode } from '../support/node-process.ts'
import { tempDir } from '../support/temp-dir.ts'

const USER_AGENT = 'evil\u001b[2J\u001b]0;owned\u0007'

/** Sends one INVITE as a scanner would. */
async function sendInvite(port: number, callId: string): Promise<void> {
  const socket = createSocket('udp4')
  const message = [
    'INVITE sip:900442079460000@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK${callId};rport`,
    'From: <sip:100@127.0.0.1>;tag=a',
    'To: <sip:900442079460000@127.0.0.1>',
    `Call-ID: ${callId}`,
    'CSeq: 1 INVITE',
    `User-Agent: ${USER_AGENT}`,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
  await new Promise<void>((resolve, reject) => {
    socket.send(message, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
  })
  socket.close()
}

/** Asks again until the answer is right; each question takes a process, so this does not spin. */
async function until<T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> {
  for (let round = 0; round < 50; round++) {
    const answer = await ask()
    if (right(answer)) return answer
  }
  return assert.fail('the answer never came')
}

test('a node and the commands that ask it', { timeout: 120_000 }, async (t) => {
  const stateDir = tempDir(t)
  const node = await startNode(t, stateDir)
  const here = ['--state-dir', stateDir]

  const tail = sentrypeer(t, ['tail', '--json', ...here])
  const lines = createInterface(tail.stdout)
  // The stream starts at some moment of its own; what it shows first is the first that was sent after it.
  const shown = once(lines, 'line') as Promise<[string]>
  let sent = 0
  const nagging = setInterval(() => void sendInvite(node.sipPort, `nag-${sent++}`), 100)
  const [line] = await shown
  clearInterval(nagging)
  const event = JSON.parse(line) as { userAgent: string; e164: string }
  assert.equal(event.userAgent, USER_AGENT)
  assert.equal(event.e164, '+442079460000')

  await t.test('tail ends with 0 at Ctrl-C', async () => {
    const exited = once(tail, 'exit')
    tail.kill('SIGINT')
    assert.deepEqual(await exited, [0, null])
  })

  await t.test('tail ends when nobody reads it any more', async () => {
    const first = sentrypeer(t, ['tail', '--since', '1h', ...here])
    const exited = once(first, 'exit')
    await once(first.stdout, 'data')
    first.stdout.destroy()
    const nag = setInterval(() => void sendInvite(node.sipPort, `pipe-${sent++}`), 100)
    assert.deepEqual(await exited, [0, null])
    clearInterval(nag)
  })

  await t.test('ip, number and list know the attacker', async () => {
    const ip = await runSentrypeer(t, ['ip', '127.0.0.1', ...here])
    assert.equal(ip.code, 0)
    assert.match(ip.stdout, /^127\.0\.0\.1 {2}seen\n/)
    for (const form of ['900442079460000', '+442079460000', '442079460000']) {
      const number = await runSentrypeer(t, ['number', form, '--json', ...here])
      assert.equal(JSON.parse(number.stdout).value, '+442079460000')
    }
    const missing = await runSentrypeer(t, ['ip', '203.0.113.9', ...here])
    assert.equal(missing.code, 3)
    const list = await runSentrypeer(t, ['list', 'numbers', ...here])
    assert.match(list.stdout, /^VALUE .*\n\+442079460000 {2}seen /)
  })

  await t.test('top and tail --since show what attackers sent, and no escape sequence', async () => {
    const top = await until(
      () => runSentrypeer(t, ['top', ...here]),
      ({ stdout }) => stdout.includes('evil'),
    )
    assert.match(top.stdout, /evil\\x1b\[2J\\x1b\]0;owned\\x07/)
    assert.equal(top.stdout.includes('\u001b'), false)
  })

  await t.test('status and doctor find the node well', async () => {
    const status = JSON.parse((await runSentrypeer(t, ['status', '--json', ...here])).stdout)
    assert.equal(status.url, node.url)
    assert.equal(status.stats.store.droppedCount, 0)
    const doctor = await runSentrypeer(t, ['doctor', ...here])
    assert.match(doctor.stdout, /^ok {5}node: .* answers on http:/m)
    assert.match(doctor.stdout, /node: UDP is received by (recvmmsg|dgram)$/m)
    assert.notEqual(doctor.code, 2)
  })

  await t.test('a key of another node is refused, in words', async () => {
    const { code, stderr } = await runSentrypeer(t, ['status', '--url', node.url, '--key', 'wrong'])
    assert.equal(code, 1)
    assert.match(stderr, /^sentrypeer: The node refused the request: .*\. The key was that of --key \[API_REFUSED\]\n$/)
  })

  await t.test('a second node on that folder, and reindex, are refused', async () => {
    for (const command of ['start', 'reindex']) {
      const { code, stdout, stderr } = await runSentrypeer(t, [command, ...here])
      assert.equal(code, 1)
      assert.equal(stdout, '')
      assert.match(stderr, /^sentrypeer: Cannot open the state folder: .*\[STATE_LOCKED\]\n$/m)
      assert.doesNotMatch(stderr, /\n {4}at /)
    }
  })

  await t.test('Ctrl-C ends the node cleanly and counts what was saved', async () => {
    const startedAt = performance.now()
    assert.deepEqual(await node.kill('SIGINT'), { code: 0, signal: null })
    assert(performance.now() - startedAt < 2000)
    assert.match(node.output(), /\nStopped: \d+ events saved\.\n/)
  })

  await t.test('without a node, data commands exit with 4, and reindex and doctor work', async () => {
    const status = await runSentrypeer(t, ['status', '--url', node.url])
    assert.equal(status.code, 4)
    const reindex = await runSentrypeer(t, ['reindex', '--json', ...here])
    assert.equal(reindex.code, 0)
    assert(JSON.parse(reindex.stdout).eventCount >= 1)
    const ports = { SENTRYPEER_SIP_LISTEN: 'udp:127.0.0.1:0', SENTRYPEER_API_PORT: '0' }
    const doctor = await runSentrypeer(t, ['doctor', ...here], ports)
    assert.match(doctor.stdout, /^ok {5}journal: \d+ records/m)
    assert.notEqual(doctor.code, 2)
  })
})

test("the original's flags and variables start a node", { timeout: 30_000 }, async (t) => {
  const dir = tempDir(t)
  const child = sentrypeer(t, ['-vjawf', join(dir, 'sentrypeer.db')], {
    SENTRYPEER_SIP_LISTEN: 'udp:127.0.0.1:0',
    SENTRYPEER_API_PORT: '0',
    SENTRYPEER_PEER_TO_PEER: '1',
    SENTRYPEER_SYSLOG: '0',
  })
  const stderr = textOf(child.stderr)
  const output: string[] = []
  for await (const line of createInterface(child.stdout)) {
    output.push(line)
    if (line.startsWith('  Stop')) child.kill('SIGTERM')
  }
  assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 0)
  const stdout = output.join('\n')
  assert.match(stdout, new RegExp(`^ {2}Data +${dir}: `, 'm'))
  assert.match(stdout, new RegExp(`^ {2}Log +every event also goes to ${join(dir, 'sentrypeer_json.log')}$`, 'm'))
  assert.match(stdout, /^Stopped: 0 events saved\.$/m)
  const notices = await stderr
  assert.match(notices, /"-w: has no effect: no URL follows it/)
  assert.match(notices, /"-f .*sentrypeer\.db: the state of this node is kept in its folder/)
  assert.match(notices, /"SENTRYPEER_PEER_TO_PEER has no effect/)
  assert.match(notices, /"Without -r the original stayed silent/)
})

test('start says what is wrong without a stack trace', { timeout: 30_000 }, async (t) => {
  const stateDir = tempDir(t)
  const config = await runSentrypeer(t, ['start', '--state-dir', stateDir, '--sip', 'tls:127.0.0.1'])
  assert.equal(config.code, 2)
  assert.match(config.stderr, /must be written like tls:127\.0\.0\.1:5061 \[CONFIG_INVALID\]\n$/)

  const port = await freePort()
  const taken = createSocket('udp4').bind(port, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const busy = await runSentrypeer(t, ['start', '--state-dir', stateDir, '--no-api', '--sip', `udp:127.0.0.1:${port}`])
  assert.equal(busy.code, 1)
  assert.match(busy.stderr, /^sentrypeer: Cannot listen: the address is taken: .* \[PORT_IN_USE\]\n$/m)
  assert.doesNotMatch(busy.stderr, /\n {4}at /)
})

test('start --json says what is running as JSON lines', { timeout: 30_000 }, async (t) => {
  const stateDir = tempDir(t)
  const child = sentrypeer(t, ['start', '--json', '--no-api', '--state-dir', stateDir, '--sip', 'udp:127.0.0.1:0'])
  const lines: { kind: string; apiUrl?: null; stateDir?: string; durableCount?: number }[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(JSON.parse(line))
    if (lines.length === 1) child.kill('SIGTERM')
  }
  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ['started', 'stopped'],
  )
  assert.equal(lines[0]?.stateDir, stateDir)
  assert.equal(lines[0]?.apiUrl, null)
  assert.equal(lines[1]?.durableCount, 0)
})
