// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fakeApiDeps } from '../../test/support/fake-api.ts'
import { CONNECTION_LIMITS } from './_connections.ts'
import { listenApi } from './api.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0, allowedHosts: [] }
const REQUEST = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** A connection of which nothing is read; `closed` resolves when the server ended it. */
async function silent(url: string): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.pause()
  socket.on('error', () => {}) // a reset is how it is meant to end
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await Promise.race([once(socket, 'connect'), closed])
  return { socket, closed }
}

test('pipelined requests that nobody reads the answers of cost little memory', async () => {
  await using api = await listenApi(LOOPBACK, fakeApiDeps())
  await (await fetch(`${api.url}/health`)).text()
  const before = process.memoryUsage.rss()
  const bytes = REQUEST.repeat(Math.ceil(65_536 / REQUEST.length))
  const clients = await Promise.all(Array.from({ length: 50 }, () => silent(api.url)))
  for (const { socket } of clients) {
    socket.resume() // only to see that it was closed
    socket.write(bytes)
  }
  await Promise.all(clients.map(({ closed }) => closed))
  assert.ok(process.memoryUsage.rss() - before < 50 * 1_048_576, `${process.memoryUsage.rss() - before} bytes more`)
  assert.equal((await fetch(`${api.url}/v1/ready`)).status, 200)
})

test('a few pipelined requests are all answered', async () => {
  await using api = await listenApi(LOOPBACK, fakeApiDeps())
  const { socket } = await silent(api.url)
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  socket.write(REQUEST.repeat(CONNECTION_LIMITS.unansweredCount - 1))
  socket.write(REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  socket.resume()
  await once(socket, 'end')
  assert.equal(text.split('HTTP/1.1 200 ').length - 1, CONNECTION_LIMITS.unansweredCount)
})

test('one address gets no more than its share of connections where strangers may connect', async () => {
  await using api = await listenApi({ ...LOOPBACK, host: '0.0.0.0' }, fakeApiDeps())
  const clients: Awaited<ReturnType<typeof silent>>[] = []
  for (let i = 0; i < CONNECTION_LIMITS.countPerAddress; i++) clients.push(await silent(api.url))
  const oneMore = await silent(api.url)
  oneMore.socket.resume()
  await oneMore.closed
  const [first] = clients
  first!.socket.resume()
  first!.socket.end(REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  await first!.closed
  for (let status = 0; status !== 200; await turn()) {
    status = await fetch(`${api.url}/v1/ready`, { headers: { connection: 'close' } }).then(
      (response) => response.status,
      () => 0,
    )
  }
  for (const { socket } of clients) socket.destroy()
})
