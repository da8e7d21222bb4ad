// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fakeApiDeps } from '../../test/support/fake-api.ts'
import { DaemonError } from '../core/errors.ts'
import { API_LIMITS, listenApi } from './api.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0, allowedHosts: [] }

/** Sends bytes as they are and gives all that comes back. */
async function exchange(url: string, bytes: string): Promise<string> {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {}) // the server may close before it took all
  socket.write(bytes)
  return text(socket)
}

test('url tells the port that port 0 became', async () => {
  await using api = await listenApi(LOOPBACK, fakeApiDeps())
  assert.match(api.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  assert.deepEqual(await (await fetch(`${api.url}/v1/ready`)).json(), { status: 'ready' })
})

test('an IPv6 host works', async () => {
  await using api = await listenApi({ ...LOOPBACK, host: '::1' }, fakeApiDeps())
  assert.match(api.url, /^http:\/\/\[::1\]:\d+$/)
  assert.equal((await fetch(`${api.url}/v1/stats`)).status, 200)
})

test('what can be reached from elsewhere needs the key', async () => {
  await using api = await listenApi({ ...LOOPBACK, host: '0.0.0.0' }, fakeApiDeps())
  assert.match(api.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal((await fetch(`${api.url}/v1/stats`)).status, 401)
})

test('a taken port is PORT_IN_USE with the way out', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  await assert.rejects(listenApi({ ...LOOPBACK, port }, fakeApiDeps()), (error) => {
    assert.ok(error instanceof DaemonError)
    assert.equal(error.code, 'PORT_IN_USE')
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*--api HOST:PORT`))
    return true
  })
  holder.close()
})

test('an address of another machine is LISTEN_FAILED', async () => {
  await assert.rejects(listenApi({ ...LOOPBACK, host: '192.0.2.1' }, fakeApiDeps()), { code: 'LISTEN_FAILED' })
})

test('what is not HTTP, or too much of it, is answered with a problem', async () => {
  await using api = await listenApi(LOOPBACK, fakeApiDeps())
  const cases: [bytes: string, status: number, code: string][] = [
    ['OPTIONS sip:a SIP/2.0\r\n\r\n', 400, 'BAD_REQUEST'],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(API_LIMITS.headerSize)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ]
  for (const [bytes, status, code] of cases) {
    const response = await exchange(api.url, bytes)
    assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(response, /x-content-type-options: nosniff/)
    assert.equal(JSON.parse(response.slice(response.indexOf('\r\n\r\n') + 4)).code, code)
  }
})

test('an empty Host is refused, and HTTP/1.0 needs none', async () => {
  await using api = await listenApi(LOOPBACK, fakeApiDeps())
  assert.match(await exchange(api.url, 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 421 /)
  assert.match(await exchange(api.url, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
  assert.match(await exchange(api.url, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 .*\{"status": "OK"\}$/s)
})

test('shutdown does not wait for idle, slow or silent connections', async () => {
  const api = await listenApi(LOOPBACK, fakeApiDeps())
  const port = Number(new URL(api.url).port)
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  for (const socket of sockets)
    await once(
      socket.on('error', () => {}),
      'connect',
    )
  sockets[0]!.write('GET / HTTP/1.1\r\nHost: local')
  sockets[1]!.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(sockets[1]!, 'data')
  const startedAt = performance.now()
  await api[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedAt < 1000)
  for (const socket of sockets) socket.destroy()
})
