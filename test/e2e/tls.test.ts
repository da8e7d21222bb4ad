// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A whole node that listens for TLS: the certificate it makes, the one it is given, and what it tells of a client.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, type PeerCertificate } from 'node:tls'
import { makeCredentials } from '../support/credentials.ts'
import { freePort } from '../support/free-port.ts'
import { NODE_FLAGS, startNode } from '../support/node-process.ts'
import { request } from '../support/sip-samples.ts'
import { tempDir } from '../support/temp-dir.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

/** Shakes hands, sends what it is given and waits for an answer. */
async function visit(port: number, bytes?: Uint8Array): Promise<{ shown: PeerCertificate; answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const shown = socket.getPeerCertificate()
  let answer = ''
  if (bytes !== undefined) {
    socket.write(bytes)
    answer = String((await once(socket, 'data'))[0])
  }
  socket.destroy()
  return { shown, answer }
}

test('a node keeps the certificate that it made, answers, and records probes', async (t) => {
  const dir = tempDir(t)
  const port = await freePort()
  const listen = ['--sip', `tls:127.0.0.1:${port}`, '--sip', `udp:127.0.0.1:${port}`]
  const first = await startNode(t, dir, listen)
  assert.match(first.output(), new RegExp(`SIP +udp 127\\.0\\.0\\.1:${port} · tls 127\\.0\\.0\\.1:${port} `))
  assert.equal(lstatSync(join(dir, 'tls/key.pem')).mode & 0o777, 0o600)
  const { shown, answer } = await visit(port, request())
  assert.match(answer, /^SIP\/2\.0 200 OK/)
  await visit(port)
  await first.durable(2)
  const { items } = await first.get<{ items: Record<string, unknown>[] }>('/v1/events')
  assert.deepEqual(items.map(({ transport, tags, validation }) => [transport, tags, validation]).sort(), [
    ['tls', ['non-sip', 'tls-probe'], 'transport'],
    ['tls', ['options-scan'], 'transport'],
  ])
  await first.kill('SIGTERM')
  await startNode(t, dir, listen)
  assert.equal((await visit(port)).shown.fingerprint256, shown.fingerprint256)
})

test('a node shows the certificate that it is given, and on SIGHUP the new one', async (t) => {
  const dir = tempDir(t)
  const port = await freePort()
  const [certificate, key] = [join(dir, 'c.pem'), join(dir, 'k.pem')]
  const put = (name: string) => {
    const made = makeCredentials(name)
    writeFileSync(certificate, made.certificate)
    writeFileSync(key, made.key)
  }
  put('first.example.org')
  const env = { SENTRYPEER_SIP_TLS_CERTIFICATE: certificate, SENTRYPEER_SIP_TLS_KEY: key }
  const node = await startNode(t, join(dir, 'state'), ['--sip', `tls:127.0.0.1:${port}`], env)
  assert.equal((await visit(port)).shown.subject.CN, 'first.example.org')
  put('second.example.org')
  node.child.kill('SIGHUP')
  while ((await visit(port)).shown.subject.CN !== 'second.example.org') {}
  while (!node.output().includes('The certificate of TLS was read again')) await once(node.child.stderr!, 'data')
  assert.equal(lstatSync(join(dir, 'state/tls'), { throwIfNoEntry: false }), undefined)
})

test('a certificate that is none is refused at the start, with what would be right', async (t) => {
  const dir = tempDir(t)
  const [certificate, key] = [join(dir, 'c.pem'), join(dir, 'k.pem')]
  const made = makeCredentials()
  writeFileSync(certificate, 'nonsense')
  writeFileSync(key, made.key)
  const start = (...args: string[]) => {
    const all = ['start', '--state-dir', join(dir, 'state'), '--sip', 'tls:127.0.0.1:0', '--no-api', ...args]
    return spawnSync(process.execPath, [...NODE_FLAGS, MAIN, ...all], { encoding: 'utf8', timeout: 20_000 })
  }
  const broken = start('-t', certificate, '-k', key)
  assert.equal(broken.status, 2)
  assert.match(
    broken.stderr,
    /sip\.tls\.certificate .*c\.pem: .*it has to be a PEM file with a certificate.*\[CONFIG_INVALID\]\n$/,
  )
  writeFileSync(certificate, makeCredentials().certificate)
  const other = start('-t', certificate, '-k', key)
  assert.match(other.stderr, /sip\.tls\.key .*it is not the key of the certificate in .*c\.pem/)
  assert.match(start('-t', certificate).stderr, /sip\.tls\.certificate \(flag -t\) is set without sip\.tls\.key/)
})
