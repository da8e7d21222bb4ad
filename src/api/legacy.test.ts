// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fakeApiDeps } from '../../test/support/fake-api.ts'
import { FAKE_AT } from '../../test/support/fake-store.ts'
import type { Indicator } from '../core/indicator.ts'
import { LiveIndicators } from '../store/live-indicators.ts'
import { ipAddressesText, numbersText } from './_legacy-lists.ts'
import { newestForms } from './_newest.ts'
import { buildApi } from './api.ts'

async function seenApi() {
  const deps = fakeApiDeps()
  deps.store.putIndicator({ kind: 'ip-address', value: '192.0.2.1', count: 10 })
  deps.store.putIndicator({ kind: 'ip-address', value: '2001:db8::1', count: 2, lastSeenAt: FAKE_AT + 1 })
  deps.store.putIndicator({
    kind: 'phone-number',
    value: '+442081234567',
    count: 6,
    dialled: [
      { raw: '00442081234567', count: 4, lastSeenAt: FAKE_AT },
      { raw: '+442081234567', count: 2, lastSeenAt: FAKE_AT - 2000 },
    ],
  })
  const dialled = [{ raw: '1000', count: 1, lastSeenAt: FAKE_AT - 1000 }]
  deps.store.putIndicator({ kind: 'phone-number', value: '1000', lastSeenAt: FAKE_AT - 1000, dialled })
  return buildApi(deps)
}

test('the lists are those of the original, to the byte', async () => {
  const app = await seenApi()
  const { body, headers, statusCode } = await app.inject('/ip-addresses')
  assert.equal(statusCode, 200)
  assert.equal(
    body,
    `{
  "ip_addresses_total": 2,
  "ip_addresses": [
    {
      "ip_address": "2001:db8::1",
      "seen_last": "2026-11-23 09:05:18.905000000",
      "seen_count": "2"
    },
    {
      "ip_address": "192.0.2.1",
      "seen_last": "2026-11-23 09:05:18.904000000",
      "seen_count": "10"
    }
  ]
}`,
  )
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['x-powered-by'], 'SentryPeer')
  assert.equal(headers['x-sentrypeer-version'], '1.2.3')
  assert.equal(headers['access-control-allow-origin'], undefined)
})

test('/numbers lists each dialled form, also those that begin with 0, newest first', async () => {
  const app = await seenApi()
  const { body } = await app.inject('/numbers')
  const list = JSON.parse(body)
  assert.equal(body, JSON.stringify(list, null, 2))
  assert.deepEqual(list, {
    called_numbers_total: 3,
    called_numbers: [
      { called_number: '00442081234567', seen_last: '2026-11-23 09:05:18.904000000', seen_count: '4' },
      { called_number: '1000', seen_last: '2026-11-23 09:05:17.904000000', seen_count: '1' },
      { called_number: '+442081234567', seen_last: '2026-11-23 09:05:16.904000000', seen_count: '2' },
    ],
  })
})

test('the single answers are those of the original', async () => {
  const app = await seenApi()
  const answers: [url: string, status: number, body: string][] = [
    ['/', 200, '{"status": "OK"}'],
    ['/ip-addresses/192.0.2.1', 200, '{\n  "bad_actor_found": "192.0.2.1"\n}'],
    ['/ip-addresses/2001:db8:0::1', 200, '{\n  "bad_actor_found": "2001:db8::1"\n}'],
    ['/ip-addresses/192.0.2.2', 404, '{"message": "No bad actor found"}'],
    ['/ip-addresses/ipset', 400, '{"error": "The request data was invalid"}'],
    ['/ip-addresses/', 400, '{"error": "The request data was invalid"}'],
    ['/numbers/00442081234567', 200, '{\n  "phone_number_found": "00442081234567"\n}'],
    ['/numbers/+442081234567', 200, '{\n  "phone_number_found": "+442081234567"\n}'],
    ['/numbers/%2B442081234567', 200, '{\n  "phone_number_found": "+442081234567"\n}'],
    ['/numbers/442081234567', 200, '{\n  "phone_number_found": "442081234567"\n}'],
    ['/numbers/1001', 404, '{"message": "No phone number found"}'],
    ['/numbers/nobody', 404, '{"error": "The requested resource could not be found."}'],
    ['/x/ip-addresses/192.0.2.1', 404, '{"error": "The requested resource could not be found."}'],
    ['/countries', 404, '{"error": "The requested resource could not be found."}'],
  ]
  for (const [url, status, body] of answers) {
    const response = await app.inject(url)
    assert.deepEqual([url, response.statusCode, response.body], [url, status, body])
    assert.equal(response.headers['content-type'], 'application/json', url)
    assert.equal(response.headers['x-sentrypeer-version'], '1.2.3', url)
  }
})

test('empty lists are 404 in the words of the original', async () => {
  const app = await buildApi(fakeApiDeps())
  const ips = await app.inject('/ip-addresses')
  const numbers = await app.inject('/numbers')
  assert.deepEqual([ips.statusCode, ips.body], [404, '{"message": "No bad actors found"}'])
  assert.deepEqual([numbers.statusCode, numbers.body], [404, '{"message": "No phone numbers found"}'])
})

test('/health-check is JSON for whoever says so, else HTML', async () => {
  const app = await buildApi(fakeApiDeps())
  const json = await app.inject({ url: '/health-check', headers: { 'content-type': 'application/json' } })
  assert.deepEqual(json.json(), { status: 'OK', message: 'Hello from SentryPeer!', version: '1.2.3' })
  const html = await app.inject('/health-check')
  assert.equal(html.headers['content-type'], 'text/html')
  assert.match(html.body, /Hello from SentryPeer!/)
})

test('a list of many goes out whole, in pieces', async () => {
  const deps = fakeApiDeps()
  const many: Indicator[] = Array.from({ length: 20_000 }, (_, i) => ({
    kind: 'ip-address',
    value: `10.0.${i >> 8}.${i & 255}`,
    firstSeenAt: FAKE_AT,
    lastSeenAt: FAKE_AT - i,
    count: i + 1,
    repeatCount: 0,
    validation: 'none',
    tags: [],
    dialled: [],
  }))
  const indicators = { ...deps.store.indicators, all: () => many, count: () => many.length }
  const app = await buildApi({ ...deps, store: { ...deps.store, indicators } })
  for (const [url, key] of [
    ['/ip-addresses', 'ip_addresses'],
    ['/numbers', 'called_numbers'],
  ] as const) {
    const response = await app.inject({ url, payloadAsStream: true })
    const pieces: Buffer[] = await response.stream().toArray()
    assert.ok(pieces.length > 20 && pieces.every(({ length }) => length < 70_000), url)
    const list = JSON.parse(Buffer.concat(pieces).toString())
    assert.equal(list[`${key}_total`], 20_000)
    assert.equal(list[key].length, 20_000)
    assert.equal(list[key].at(-1).seen_count, '20000')
  }
})

test('newestForms() gives all forms in order of time', () => {
  const forms = fc.array(fc.record({ raw: fc.constant('1'), count: fc.nat(), lastSeenAt: fc.nat(50) }), {
    minLength: 1,
  })
  fc.assert(
    fc.property(fc.array(forms), (all) => {
      const numbers = all
        .map(
          (dialled) =>
            ({ dialled, lastSeenAt: Math.max(...dialled.map((form) => form.lastSeenAt)) }) as unknown as Indicator,
        )
        .sort((a, b) => b.lastSeenAt - a.lastSeenAt)
      const given = [...newestForms(numbers, 500)].map((form) => form?.lastSeenAt)
      assert.deepEqual(
        given,
        all
          .flat()
          .map((form) => form.lastSeenAt)
          .sort((a, b) => b - a),
      )
    }),
  )
})

test('the lists hold everybody once, and as many rows as they say, though the busy ones keep moving', async () => {
  const live = new LiveIndicators({ now: () => FAKE_AT })
  const facts = { count: 1, repeatCount: 0, firstAt: FAKE_AT, lastAt: FAKE_AT, validation: 'none', tagMask: 0 } as const
  const see = (i: number, form = `00${10_000 + i}`): void => {
    live.add({ kind: 'ip-address', value: `10.0.${i >> 8}.${i & 255}`, form: '', ...facts })
    live.add({ kind: 'phone-number', value: `${10_000 + i}`, form: '', ...facts })
    live.add({ kind: 'phone-number', value: `${10_000 + i}`, form, ...facts })
  }
  for (let i = 0; i < 8000; i++) see(i)
  for (const [make, list, row] of [
    [ipAddressesText, 'ip_addresses', 'ip_address'],
    [numbersText, 'called_numbers', 'called_number'],
  ] as const) {
    let text = ''
    let turn = 0
    for (const piece of make(live)) {
      text += piece
      turn++
      for (let i = 0; i < 100; i++) see(i, `${turn}00${10_000 + i}`)
      see(20_000 + turn)
    }
    assert.ok(turn > 5, list)
    const answer = JSON.parse(text)
    const values = answer[list].map((each: Record<string, string>) => each[row])
    assert.equal(answer[`${list}_total`], values.length)
    const bare = values.map((value: string) => (row === 'called_number' ? value.slice(value.indexOf('00') + 2) : value))
    assert.deepEqual([values.length, new Set(values).size], [answer[`${list}_total`], values.length])
    assert.ok(new Set(bare).size >= 8000, list)
  }
})
