// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN_KEY, fakeApiDeps, KEYED } from '../../test/support/fake-api.ts'
import { buildApi } from './api.ts'
import type { App } from './deps.ts'

const OPEN = ['/v1/ready', '/v1/health', '/health', '/health-check']
const CLOSED = ['/v1/stats', '/v1/events', '/v1/ip-addresses', '/v1/openapi.json', '/', '/ip-addresses', '/nothing']

const apps: Record<string, Promise<App>> = {}

async function status(init: {
  url: string
  host?: string
  bound?: string
  from?: string
  headers?: Record<string, string>
  allowedHosts?: string[]
}): Promise<number> {
  const { bound: host = '127.0.0.1', allowedHosts = [] } = init
  const app = await (apps[`${host} ${allowedHosts}`] ??= buildApi(fakeApiDeps(), { host, allowedHosts }))
  const response = await app.inject({
    url: init.url,
    headers: { host: init.host ?? '127.0.0.1:8082', ...init.headers },
    remoteAddress: init.from ?? '127.0.0.1',
  })
  return response.statusCode
}

test('on this machine reading needs no key', async () => {
  for (const from of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
    assert.equal(await status({ url: '/v1/stats', from }), 200, from)
  }
})

test('from elsewhere, through a proxy, or bound to more than loopback, only liveness is open', async () => {
  const ways = [
    { from: '192.0.2.9' },
    { from: '::ffff:192.0.2.9' },
    { bound: '0.0.0.0' },
    { bound: '::' },
    { bound: '192.0.2.1' },
    { headers: { forwarded: 'for=192.0.2.9' } },
    { headers: { 'X-Forwarded-For': '192.0.2.9' } },
    { headers: { 'x-forwarded-proto': 'https' } },
    { headers: { 'x-real-ip': '192.0.2.9' } },
  ]
  for (const way of ways) {
    for (const url of OPEN) assert.equal(await status({ url, ...way }), 200, `${url} ${JSON.stringify(way)}`)
    for (const url of CLOSED) assert.equal(await status({ url, ...way }), 401, `${url} ${JSON.stringify(way)}`)
    assert.equal(await status({ url: '/v1/stats', ...way, headers: { ...way.headers, ...KEYED } }), 200)
  }
})

test('liveness tells no details to strangers', async () => {
  const app = await buildApi(fakeApiDeps())
  const near = await app.inject('/v1/health')
  const far = await app.inject({ url: '/v1/health', remoteAddress: '192.0.2.9' })
  assert.deepEqual(near.json(), { status: 'ok', troubles: [] })
  assert.deepEqual(far.json(), { status: 'ok' })
})

test('a wrong key is refused even where none is needed', async () => {
  const wrong = ['Bearer', 'Bearer  ', 'Bearer x', `Bearer ${ADMIN_KEY}x`, `Basic ${ADMIN_KEY}`, ADMIN_KEY, '']
  for (const authorization of wrong) {
    assert.equal(await status({ url: '/v1/stats', headers: { authorization } }), 401, authorization)
    assert.equal(await status({ url: '/v1/ready', headers: { authorization } }), 200, authorization)
  }
})

test('an empty key opens nothing', async () => {
  const app = await buildApi(fakeApiDeps({ adminKey: '' }), { host: '0.0.0.0', allowedHosts: [] })
  for (const authorization of ['Bearer ', 'Bearer', '']) {
    assert.equal((await app.inject({ url: '/v1/stats', headers: { authorization } })).statusCode, 401)
  }
})

test('a 401 says how, and names no key', async () => {
  const app = await buildApi(fakeApiDeps(), { host: '0.0.0.0', allowedHosts: [] })
  const response = await app.inject('/v1/stats')
  assert.equal(response.headers['www-authenticate'], 'Bearer realm="sentrypeer"')
  assert.equal(response.json().code, 'KEY_NEEDED')
  assert.ok(!response.body.includes(ADMIN_KEY))
})

test('the Host must be an address, localhost, or allowed', async () => {
  const allowedHosts = ['Pot.Example.org']
  for (const host of ['127.0.0.1', '127.0.0.1:8082', '[::1]:8082', 'localhost', 'LOCALHOST:1', 'pot.example.org:80']) {
    assert.equal(await status({ url: '/v1/stats', host, allowedHosts }), 200, host)
  }
  for (const host of ['evil.example', 'evil.example:8082', 'localhost.evil.example', '127.0.0.1.evil.example', '[x]']) {
    assert.equal(await status({ url: '/v1/stats', host, allowedHosts }), 421, host)
    assert.equal(await status({ url: '/v1/ready', host, allowedHosts }), 421, host)
  }
})

test('every response carries the strict headers and none invites other origins', async () => {
  const app = await buildApi(fakeApiDeps())
  for (const url of ['/v1/stats', '/v1/nothing', '/nothing', '/v1/%zz', '/ip-addresses', '/v1/events?limit=0']) {
    const { headers } = await app.inject({ url, headers: { origin: 'https://evil.example' } })
    assert.equal(headers['x-content-type-options'], 'nosniff', url)
    assert.match(String(headers['content-security-policy']), /^default-src 'none'/, url)
    assert.equal(headers['cache-control'], 'no-store', url)
    assert.equal(headers['access-control-allow-origin'], undefined, url)
  }
})

test('web pages of others are refused, programs and own pages are not', async () => {
  const host = '127.0.0.1:8082'
  const allowedHosts = ['pot.example.org']
  const others = [
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:9' },
    { origin: 'http://127.0.0.1.evil.example:8082' },
  ]
  for (const headers of others) {
    for (const url of ['/v1/events', '/v1/ready', '/health', '/nothing', '/ip-addresses']) {
      assert.equal(await status({ url, host, headers, allowedHosts }), 403, `${url} ${JSON.stringify(headers)}`)
    }
  }
  const own = [
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { origin: 'http://127.0.0.1:8082' },
    { origin: 'http://localhost:8082' },
    { origin: 'https://pot.example.org' },
  ]
  for (const headers of own) assert.equal(await status({ url: '/v1/stats', host, headers, allowedHosts }), 200)
})
