// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeApiDeps, KEYED } from '../../test/support/fake-api.ts'
import { FAKE_AT } from '../../test/support/fake-store.ts'
import { buildApi } from './api.ts'
import type { App } from './deps.ts'

async function get(app: App, url: string, headers: Record<string, string> = {}) {
  const response = await app.inject({ url, headers })
  return { status: response.statusCode, body: response.json() }
}

const idsOf = (body: { items: { id: string }[] }) => body.items.map(({ id }) => Number(id))

test('a call is answered with its messages, oldest first', async () => {
  const deps = fakeApiDeps()
  const wanted = ['INVITE', 'ACK'].map((method) => deps.store.push({ method, callId: 'a/b @ü%' }).id)
  deps.store.push({ callId: 'another' })
  const app = await buildApi(deps)
  const { status, body } = await get(app, `/v1/calls/${encodeURIComponent('a/b @ü%')}`)
  assert.equal(status, 200)
  assert.deepEqual(idsOf(body), wanted)
  assert.deepEqual(Object.keys(body), ['callId', 'items', 'truncated', 'searchedSince', 'next'])
  assert.deepEqual([body.callId, body.truncated, body.next], ['a/b @ü%', false, null])
  assert.equal(body.searchedSince, '2026-11-22T09:06:18.904Z') // 24 hours before now
  const one = (await get(app, `/v1/events?limit=1&after=${wanted[0]! + 1}`)).body.items[0]
  assert.deepEqual(body.items[0], one)
})

test('a call that is not held has no messages', async () => {
  const app = await buildApi(fakeApiDeps())
  const { status, body } = await get(app, '/v1/calls/nobody?since=7d')
  assert.equal(status, 200)
  assert.deepEqual(body, {
    callId: 'nobody',
    items: [],
    truncated: false,
    searchedSince: '2026-11-16T09:06:18.904Z',
    next: null,
  })
})

test('a call that is not told in one answer goes on with its next', async () => {
  const deps = fakeApiDeps()
  const wanted = Array.from({ length: 5 }, () => deps.store.push({}).id)
  const app = await buildApi(deps)
  const first = await get(app, '/v1/calls/abc@198.51.100.7')
  assert.deepEqual([idsOf(first.body), first.body.truncated], [wanted.slice(2), true])
  const second = await get(app, `/v1/calls/abc@198.51.100.7?after=${first.body.next}`)
  assert.deepEqual([idsOf(second.body), second.body.truncated], [wanted.slice(0, 2), false])
})

test('since leaves out what is older', async () => {
  const deps = fakeApiDeps()
  deps.store.push({ at: FAKE_AT - 86_400_000 })
  const late = deps.store.push({})
  const app = await buildApi(deps)
  const since = async (query: string) => idsOf((await get(app, `/v1/calls/abc@198.51.100.7${query}`)).body)
  assert.deepEqual(await since(''), [late.id])
  assert.equal((await since('?since=2d')).length, 2)
  assert.deepEqual(await since('?since=30s'), [])
})

test('what it cannot take is refused', async () => {
  const app = await buildApi(fakeApiDeps())
  const codes: Record<string, string> = {
    '/v1/calls/x?since=never': 'INVALID_PARAMETER',
    '/v1/calls/x?after=x': 'INVALID_PARAMETER',
    '/v1/calls/x?limit=1': 'UNKNOWN_PARAMETER',
    [`/v1/calls/${'x'.repeat(300)}`]: 'PATH_TOO_LONG',
    '/v1/calls/': 'INVALID_PARAMETER',
    '/v1/calls': 'NOT_FOUND',
  }
  for (const [url, code] of Object.entries(codes)) assert.equal((await get(app, url)).body.code, code, url)
})

test('credentials are shown to who has the key, and nobody asks from elsewhere without', async () => {
  const deps = fakeApiDeps()
  deps.store.push({ raw: Buffer.from('REGISTER sip:a SIP/2.0\r\nAuthorization: Digest response="secret"\r\n\r\n') })
  const app = await buildApi(deps)
  const raw = async (headers: Record<string, string>) =>
    (await get(app, '/v1/calls/abc@198.51.100.7', headers)).body.items[0].raw as string
  assert.doesNotMatch(await raw({}), /secret/)
  assert.match(await raw({}), /Authorization: \[credentials/)
  assert.match(await raw(KEYED), /secret/)
  const remote = await get(app, '/v1/calls/abc@198.51.100.7', { 'x-forwarded-for': '198.51.100.7' })
  assert.deepEqual([remote.status, remote.body.code], [401, 'KEY_NEEDED'])
})
