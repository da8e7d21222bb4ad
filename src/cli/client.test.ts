// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { fakeNode, problem } from '../../test/support/fake-node.ts'
import { DaemonError } from '../core/errors.ts'
import { ApiProblem, NodeClient } from './client.ts'

const never = new AbortController().signal
const clientOf = (url: string, key: string | null = null) =>
  new NodeClient({ url, origin: 'named by --url', key, keyOrigin: '--key' }, never)

async function failure(promise: Promise<unknown>): Promise<DaemonError> {
  const error = await promise.then(
    () => assert.fail('it succeeded'),
    (reason: unknown) => reason,
  )
  assert(error instanceof DaemonError)
  return error
}

describe('NodeClient', () => {
  test('asks with the key, and gives the JSON', async () => {
    let authorization: string | undefined
    await using node = await fakeNode({
      '/v1/stats': (request: IncomingMessage, response: ServerResponse) => {
        authorization = request.headers.authorization
        response.end('{"version":"1.2.3"}')
      },
    })
    const stats = await clientOf(`${node.url}/`, 'k3y').stats()
    assert.equal(stats.version, '1.2.3')
    assert.equal(authorization, 'Bearer k3y')
  })

  test('writes values into paths and queries so that they stay values', async () => {
    await using node = await fakeNode({ '/v1/events': { items: [], next: null, total: 0 } })
    const client = clientOf(node.url)
    await failure(client.phoneNumber('+44/..?x'))
    await failure(client.ipAddress('fe80::1%eth0'))
    await client.events({ number: '+44 1', after: undefined, limit: 5 })
    assert.deepEqual(node.requests, [
      '/v1/phone-numbers/%2B44%2F..%3Fx',
      '/v1/ip-addresses/fe80%3A%3A1%25eth0',
      '/v1/events?number=%2B44+1&limit=5',
    ])
  })

  test('turns a problem document into words, with the document as the cause', async () => {
    await using node = await fakeNode({})
    const { code, message, cause } = await failure(clientOf(node.url).ipAddress('192.0.2.1'))
    assert.equal(code, 'API_REFUSED')
    assert.equal(message, 'The node refused the request: It was not seen here')
    assert(cause instanceof ApiProblem)
    assert.deepEqual({ status: cause.status, code: cause.code }, { status: 404, code: 'NOT_SEEN' })
  })

  test('says what to do about a key', async () => {
    await using node = await fakeNode({
      '/v1/stats': (_: IncomingMessage, response: ServerResponse) =>
        problem(response, 401, 'KEY_NEEDED', 'A key is needed'),
    })
    const without = await failure(clientOf(node.url).stats())
    assert.match(without.message, /: A key is needed\. Give it with --key KEY or SENTRYPEER_API_KEY, or run this as/)
    const wrong = await failure(clientOf(node.url, 'x').stats())
    assert.match(wrong.message, /: A key is needed\. The key was that of --key$/)
  })

  test('says what was tried when nobody answers', async () => {
    const node = await fakeNode({})
    await node[Symbol.asyncDispose]()
    const { code, message } = await failure(clientOf(node.url).stats())
    assert.equal(code, 'NODE_UNREACHABLE')
    assert.equal(
      message,
      `Cannot reach a running node: tried ${node.url} (named by --url): nothing listens there. ` +
        '"sentrypeer start" runs a node here; --url URL --key KEY names one elsewhere',
    )
  })

  test('knows when it talks to something else', async () => {
    await using node = await fakeNode({
      '/v1/stats': (_: IncomingMessage, response: ServerResponse) => response.end('<html>'),
      '/v1/health': (_: IncomingMessage, response: ServerResponse) => response.writeHead(404).end('<html>'),
    })
    const start = `Cannot reach a running node: ${node.url} does not look like a SentryPeer node: `
    const client = clientOf(node.url)
    assert.equal((await failure(client.stats())).message, `${start}its answer to /v1/stats is not JSON`)
    assert.equal(
      (await failure(client.health())).message,
      `${start}it answered with status 404 and no problem document`,
    )
  })
})

describe('NodeClient.stream()', () => {
  /** Answers one connection after the other with these texts, each of which then breaks off. */
  async function streamNode(answers: readonly (string | number)[]) {
    const resumes: (string | undefined)[] = []
    const node = await fakeNode({
      '/v1/events/stream': (request: IncomingMessage, response: ServerResponse) => {
        const answer = answers[resumes.length]
        resumes.push(request.headers['last-event-id'] as string | undefined)
        if (typeof answer === 'string') response.end(answer)
        else problem(response, answer ?? 410, 'GONE', 'No more')
      },
    })
    return { node, resumes }
  }
  const heard: string[] = []
  const on = { lost: (reason: string) => void heard.push(`lost: ${reason}`), back: () => void heard.push('back') }

  test('goes on after a break with the last id', async () => {
    const block = (id: number) => `retry: 1\nid: ${id}\ndata: ${id}\n\n`
    const { node, resumes } = await streamNode([block(1) + block(2), 503, 503, block(3), 400])
    await using _node = node
    const data: string[] = []
    const events = clientOf(node.url).stream({}, on)
    const end = await failure(
      (async () => {
        for await (const event of events) data.push(event.data)
      })(),
    )
    assert.deepEqual(data, ['1', '2', '3'])
    assert.deepEqual(resumes, [undefined, '2', '2', '2', '3'])
    assert.equal(end.message, 'The node refused the request: No more')
    const lost = 'lost: Cannot reach a running node: the node closed the stream'
    assert.deepEqual(heard.splice(0), [lost, 'back', lost])
  })

  test('gives up when the first connection fails', async () => {
    const { node } = await streamNode([503])
    await using _node = node
    const { code } = await failure(clientOf(node.url).stream({}, on).next())
    assert.equal(code, 'API_REFUSED')
  })
})
