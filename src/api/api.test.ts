// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fakeApiDeps, KEYED } from '../../test/support/fake-api.ts'
import { FAKE_AT } from '../../test/support/fake-store.ts'
import { PAGE_RAW_SIZE_MAX } from './_event-page.ts'
import { buildApi, listenApi } from './api.ts'
import type { App } from './deps.ts'

async function getJson(app: App, url: string, headers: Record<string, string> = {}) {
  const response = await app.inject({ url, headers })
  return { status: response.statusCode, type: response.headers['content-type'], body: response.json() }
}

async function problem(app: App, url: string) {
  const { type, body } = await getJson(app, url)
  assert.equal(type, 'application/problem+json', url)
  return body
}

test('an address is shown as it is contracted', async () => {
  const deps = fakeApiDeps()
  deps.store.putIndicator({
    kind: 'ip-address',
    value: '2001:db8::1',
    count: 12,
    repeatCount: 3,
    validation: 'transport',
    tags: ['options-scan'],
  })
  const app = await buildApi(deps)
  const { status, body } = await getJson(app, '/v1/ip-addresses/2001:0DB8:0:0::1')
  assert.equal(status, 200)
  assert.deepEqual(body, {
    kind: 'ip-address',
    value: '2001:db8::1',
    verdict: 'seen',
    score: 0,
    count: 12,
    repeatCount: 3,
    firstSeenAt: '2026-11-23T09:05:17.904Z',
    lastSeenAt: '2026-11-23T09:05:18.904Z',
    validUntil: null,
    validation: 'transport',
    tags: ['options-scan'],
    authors: 1,
    country: null,
    asn: null,
    why: { rule: 'seen', text: body.why.text },
  })
  assert.match(body.why.text, /12 events/)
})

test('a number is found by any of its forms, and shows them', async () => {
  const deps = fakeApiDeps()
  const dialled = [{ raw: '900442081234567', count: 2, lastSeenAt: FAKE_AT }]
  deps.store.putIndicator({ kind: 'phone-number', value: '+442081234567', count: 2, dialled })
  const app = await buildApi(deps)
  for (const form of ['+442081234567', '%2B442081234567', '442081234567', '900442081234567']) {
    const { status, body } = await getJson(app, `/v1/phone-numbers/${form}`)
    assert.equal(status, 200, form)
    assert.equal(body.value, '+442081234567')
    assert.deepEqual(body.dialled, [{ raw: '900442081234567', count: 2, lastSeenAt: '2026-11-23T09:05:18.904Z' }])
  }
})

test('what was not seen is a problem with its code', async () => {
  const app = await buildApi(fakeApiDeps())
  const unseen = await problem(app, '/v1/ip-addresses/8.8.8.8')
  assert.deepEqual(unseen, {
    type: 'urn:sentrypeer:problem:not-seen',
    title: 'This node has not seen it in the last 7 days',
    status: 404,
    code: 'NOT_SEEN',
    detail: 'The address "8.8.8.8" was not seen here in the last 7 days',
  })
  assert.equal((await problem(app, '/v1/phone-numbers/100')).code, 'NOT_SEEN')
  assert.equal((await problem(app, '/v1/events/7')).code, 'EVENT_NOT_HELD')
})

test('a wrong request is told which value, why, and what is right', async () => {
  const app = await buildApi(fakeApiDeps())
  const codes: Record<string, [code: string, parameter: string | undefined, detail: RegExp]> = {
    '/v1/ip-addresses/10.0.0.0%2F8': ['INVALID_ADDRESS', 'ip', /"10\.0\.0\.0\/8" is a range/],
    '/v1/phone-numbers/nobody': ['INVALID_NUMBER', 'number', /"nobody"/],
    '/v1/events?limit=0': ['INVALID_PARAMETER', 'limit', /limit is 0\. .*1 to 1000/],
    '/v1/events?limit=1001': ['INVALID_PARAMETER', 'limit', /1001/],
    '/v1/ip-addresses?limit=ten': ['INVALID_PARAMETER', 'limit', /"ten"/],
    '/v1/events?lmit=1': ['UNKNOWN_PARAMETER', 'lmit', /Known here: limit, after/],
    '/v1/stats?x=1': ['UNKNOWN_PARAMETER', 'x', /takes none/],
    '/v1/events?after=x': ['INVALID_PARAMETER', 'after', /`next`/],
    '/v1/events?since=never': ['INVALID_PARAMETER', 'since', /15m/],
    '/v1/events?ip=nobody': ['INVALID_ADDRESS', 'ip', /"nobody"/],
    '/v1/events?number=nobody': ['INVALID_NUMBER', 'number', /"nobody"/],
    '/v1/events?transport=sctp': ['INVALID_PARAMETER', 'transport', /udp, tcp/],
    '/v1/phone-numbers?validation=much': ['INVALID_PARAMETER', 'validation', /none, echo, transport/],
    '/v1/ip-addresses?after=nonsense': ['INVALID_CURSOR', 'after', /"nonsense"/],
    '/v1/events/stream?after=-1': ['INVALID_PARAMETER', 'after', /last event/],
    '/v1/%zz': ['BAD_REQUEST', undefined, /%/],
    '/v1/nothing': ['NOT_FOUND', undefined, /"\/v1\/nothing"/],
  }
  for (const [url, [code, parameter, detail]] of Object.entries(codes)) {
    const body = await problem(app, url)
    assert.deepEqual({ code: body.code, parameter: body.parameter }, { code, parameter }, url)
    assert.match(body.detail, detail, url)
  }
})

test('other methods are refused with what is allowed', async () => {
  const app = await buildApi(fakeApiDeps())
  for (const method of ['POST', 'DELETE', 'OPTIONS', 'PUT'] as const) {
    const payload = method === 'POST' ? 'x'.repeat(100_000) : ''
    const response = await app.inject({ method, url: '/v1/ip-addresses/192.0.2.1', payload })
    assert.equal(response.statusCode, 405)
    assert.equal(response.headers.allow, 'GET, HEAD')
  }
  assert.equal((await app.inject({ method: 'POST', url: '/v1/nothing' })).statusCode, 404)
})

test('lists come in pages', async () => {
  const deps = fakeApiDeps()
  for (let i = 0; i < 5; i++) {
    deps.store.putIndicator({ kind: 'ip-address', value: `192.0.2.${i}`, lastSeenAt: FAKE_AT + i })
    deps.store.push({})
  }
  const app = await buildApi(deps)
  for (const url of ['/v1/ip-addresses', '/v1/events']) {
    const values: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const { body } = await getJson(app, `${url}?limit=2${next === '' ? '' : `&after=${next}`}`)
      assert.equal(body.total, 5)
      values.push(...body.items.map((item: { value?: string; id?: string }) => item.value ?? item.id))
      next = body.next
    }
    const newestFirst =
      url === '/v1/events' ? ['50', '40', '30', '20', '10'] : [4, 3, 2, 1, 0].map((i) => `192.0.2.${i}`)
    assert.deepEqual(values, newestFirst)
  }
})

test('lists are filtered', async () => {
  const deps = fakeApiDeps()
  deps.store.putIndicator({ kind: 'ip-address', value: '192.0.2.1', tags: ['options-scan'] })
  deps.store.putIndicator({
    kind: 'ip-address',
    value: '192.0.2.2',
    validation: 'echo',
    lastSeenAt: FAKE_AT - 3_600_000,
  })
  deps.store.putIndicator({ kind: 'phone-number', value: '+442081234567' })
  deps.store.push({ source: { ip: '192.0.2.9', port: 1 }, method: 'OPTIONS', tags: ['options-scan'], e164: null })
  deps.store.push({ userAgent: 'a b', transport: 'tcp' })
  const app = await buildApi(deps)
  const counts: Record<string, number> = {
    '/v1/ip-addresses?tag=options-scan': 1,
    '/v1/ip-addresses?validation=echo': 1,
    '/v1/ip-addresses?since=10m': 1,
    '/v1/ip-addresses?since=1d': 2,
    '/v1/events?ip=::ffff:192.0.2.9': 1,
    '/v1/events?method=OPTIONS&tag=options-scan': 1,
    '/v1/events?userAgent=a%20b': 1,
    '/v1/events?transport=tcp': 1,
    '/v1/events?number=%2B442081234567': 1,
    '/v1/events?number=+442081234567': 1,
    '/v1/events?number=442081234567': 1,
    '/v1/events?until=2026-11-23T09:05:18.920Z': 1,
    '/v1/events?since=2026-11-23T09:05:18.920Z&until=1s': 1,
  }
  for (const [url, count] of Object.entries(counts))
    assert.equal((await getJson(app, url)).body.items.length, count, url)
})

test('few pages of events are worked on at once; some wait, one more is refused', async () => {
  const deps = fakeApiDeps()
  const asked: (() => void)[] = []
  const events = async () => {
    await new Promise<void>((resolve) => asked.push(resolve))
    return { items: [], next: null, total: 0 }
  }
  const app = await buildApi({ ...deps, store: { ...deps.store, events } })
  const answers = Array.from({ length: 68 }, () => app.inject('/v1/events'))
  const askedCount = (): number => asked.length
  while (askedCount() < 4) await turn()
  const refused = await problem(app, '/v1/events')
  assert.equal(refused.code, 'BUSY')
  assert.equal(askedCount(), 4)
  for (let i = 0; i < answers.length; i++) {
    while (askedCount() === 0) await turn()
    asked.shift()!()
  }
  for (const answer of answers) assert.equal((await answer).statusCode, 200)
})

test('a large page is asked of the store in parts, and is the same', async () => {
  const deps = fakeApiDeps()
  for (let i = 0; i < 1203; i++) deps.store.push({ method: i % 2 === 0 ? 'INVITE' : 'OPTIONS' })
  const limits: number[] = []
  const events: typeof deps.store.events = (query) => {
    limits.push(query.limit)
    return deps.store.events(query)
  }
  const app = await buildApi({ ...deps, store: { ...deps.store, events } })
  const { body } = await getJson(app, '/v1/events?limit=1000')
  assert.deepEqual(limits, [500, 500])
  const ids = body.items.map(({ id }: { id: string }) => Number(id))
  assert.deepEqual(
    ids,
    Array.from({ length: 1000 }, (_, i) => 12_030 - 10 * i),
  )
  assert.deepEqual([body.next, body.total], ['2040', 1203])
  const rest = (await getJson(app, `/v1/events?limit=1000&after=${body.next}`)).body
  assert.deepEqual([rest.items.length, rest.next, rest.total], [203, null, 1203])
  const some = (await getJson(app, '/v1/events?limit=1000&method=OPTIONS')).body
  assert.deepEqual([some.items.length, some.next, some.total], [601, null, 601])
})

test('a page asked in parts ends before 4 MiB of messages', async () => {
  const deps = fakeApiDeps()
  const raw = Buffer.alloc(7000, 'x')
  for (let i = 0; i < 1000; i++) deps.store.push({ raw })
  const app = await buildApi(deps)
  const { body } = await getJson(app, '/v1/events?limit=1000')
  assert.equal(body.items.length, Math.floor(PAGE_RAW_SIZE_MAX / raw.length))
  assert.equal(body.next, body.items.at(-1).id)
  assert.equal((await getJson(app, `/v1/events?limit=1000&after=${body.next}`)).body.next, null)
})

test('an answer that breaks off in the middle is no whole one, and is logged', async () => {
  const deps = fakeApiDeps()
  for (let i = 0; i < 1000; i++) deps.store.push({})
  const events: typeof deps.store.events = (query) =>
    query.before === undefined ? deps.store.events(query) : Promise.reject(new Error('inner workings'))
  await using api = await listenApi(
    { host: '127.0.0.1', port: 0, allowedHosts: [] },
    { ...deps, store: { ...deps.store, events } },
  )
  await assert.rejects(async () => (await fetch(`${api.url}/v1/events?limit=1000`)).text())
  assert.ok(deps.logged.some((line) => line.includes('inner workings')))
})

test('an event is shown as it is contracted', async () => {
  const deps = fakeApiDeps()
  const { raw } = deps.store.push({})
  const app = await buildApi(deps)
  const { body } = await getJson(app, '/v1/events/10')
  assert.deepEqual(body, {
    id: '10',
    at: '2026-11-23T09:05:18.914Z',
    kind: 'sip-request',
    sourceIp: '198.51.100.7',
    sourcePort: 5071,
    destinationIp: '192.0.2.1',
    destinationPort: 5060,
    transport: 'udp',
    method: 'INVITE',
    requestUri: 'sip:900442081234567@192.0.2.1',
    from: '<sip:100@192.0.2.1>;tag=1',
    to: '<sip:900442081234567@192.0.2.1>',
    contact: null,
    callId: 'abc@198.51.100.7',
    cseq: '1 INVITE',
    calledNumber: '900442081234567',
    calledNumbers: [
      {
        from: 'request-uri',
        raw: '900442081234567',
        class: 'number',
        e164: '+442081234567',
        dialPrefix: '900',
        candidates: [
          {
            e164: '+442081234567',
            score: 7.85,
            dialPrefix: '900',
            country: 'GB',
            numberType: 'FIXED_LINE',
            isNonGeographic: false,
          },
        ],
      },
    ],
    otherNumbers: [],
    e164: '+442081234567',
    userAgent: 'pplsip',
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [404],
    size: raw.length,
    sentSize: 40,
    tags: ['toll-fraud-call'],
    defects: [],
    auth: null,
    tool: { name: 'sippts', evidence: 'user-agent', decodedTag: null },
    headerOrder: null,
    count: 1,
    repeatCount: 0,
    lastAt: '2026-11-23T09:05:18.914Z',
    raw: Buffer.from(raw).toString(),
    rawShed: false,
    ja4: null,
    media: null,
    rawBase64: Buffer.from(raw).toString('base64'),
  })
})

test('an event of media shows its summary, and the TLS connection of an event its fingerprint', async () => {
  const deps = fakeApiDeps()
  const media = {
    callId: 'a84b4c76e66710',
    codec: 'PCMU',
    payloadType: 0,
    packetCount: 250,
    byteCount: 43_000,
    lostCount: 2,
    foreignCount: 0,
    dtmf: '12#',
    durationMs: 5020,
    ssrcs: ['ffffffff'],
  }
  deps.store.push({ kind: 'media', transport: 'rtp', media })
  deps.store.push({ transport: 'tls', ja4: 't13d1516h2_8daaf6152771_b186095e22b6' })
  const app = await buildApi(deps)
  assert.deepEqual((await getJson(app, '/v1/events/10')).body.media, media)
  assert.equal((await getJson(app, '/v1/events/20')).body.ja4, 't13d1516h2_8daaf6152771_b186095e22b6')
})

test('raw bytes are UTF-8 when they are that, else a character each', async () => {
  const deps = fakeApiDeps()
  deps.store.push({ raw: Buffer.from('é\0') })
  deps.store.push({ raw: Buffer.from([0xe9, 0xff, 0]) })
  const app = await buildApi(deps)
  assert.equal((await getJson(app, '/v1/events/10')).body.raw, 'é\0')
  assert.equal((await getJson(app, '/v1/events/20')).body.raw, 'éÿ\0')
})

test('passwords, and what they can be guessed from, need the key', async () => {
  const deps = fakeApiDeps()
  const tag = Buffer.from('100:SECRET\u000112345').toString('hex')
  const from = `"100" <sip:100@a>;tag=${tag}`
  deps.store.push({
    from,
    raw: Buffer.from(`REGISTER sip:a SIP/2.0\r\nFrom: ${from}\r\nCSeq: 1\r\n\r\n`),
    auth: { user: '100', realm: 'asterisk', algorithm: 'MD5', response: 'SECRET', matchedPassword: 'SECRET' },
    tool: { name: 'svcrack', evidence: 'from-tag', decodedTag: '100:SECRET' },
  })
  const none = { user: '100', realm: 'asterisk', algorithm: 'MD5', response: 'SECRET', matchedPassword: null }
  deps.store.push({ auth: none, tool: { name: 'svwar', evidence: 'from-tag', decodedTag: '100' } })
  const app = await buildApi(deps)
  for (const url of ['/v1/events', '/v1/events/10', '/v1/events/20']) {
    const hidden = (await app.inject(url)).body
    for (const secret of ['SECRET', tag]) assert.ok(!hidden.includes(secret), `${url}: ${hidden}`)
    assert.ok((await app.inject({ url, headers: KEYED })).body.includes('SECRET'), url)
  }
  const HIDDEN_CREDENTIALS = '[credentials: needs a key]'
  const { body: cracked } = await getJson(app, '/v1/events/10')
  assert.equal(cracked.from, `"100" <sip:100@a>;tag=${HIDDEN_CREDENTIALS}`)
  assert.deepEqual(cracked.auth, { ...none, response: HIDDEN_CREDENTIALS, matchedPassword: HIDDEN_CREDENTIALS })
  assert.deepEqual(cracked.tool, { name: 'svcrack', evidence: 'from-tag', decodedTag: HIDDEN_CREDENTIALS })
  const { body: other } = await getJson(app, '/v1/events/20')
  assert.equal(other.auth.matchedPassword, HIDDEN_CREDENTIALS, 'whether a password was found is not told either')
  assert.equal(other.tool.decodedTag, '100')
  const { body: whole } = await getJson(app, '/v1/events/10', KEYED)
  assert.equal(whole.from, from)
  assert.equal(whole.auth.matchedPassword, 'SECRET')
  assert.equal(whole.tool.decodedTag, '100:SECRET')
})

test('credentials in raw messages need the key', async () => {
  const deps = fakeApiDeps()
  const raw = Buffer.from(
    'REGISTER sip:a SIP/2.0\r\nauthorization: Digest x="SECRET",\r\n y="SECRET"\r\nCSeq: 1\r\n\r\n',
  )
  deps.store.push({ raw })
  const app = await buildApi(deps)
  for (const url of ['/v1/events', '/v1/events/10']) {
    const hidden = (await app.inject(url)).body
    assert.ok(hidden.includes('authorization: [credentials: needs a key]\\r\\nCSeq: 1'), url)
    assert.ok(!hidden.includes('SECRET'), url)
    assert.ok((await app.inject({ url, headers: KEYED })).body.includes('SECRET'), url)
  }
  const hidden = (await getJson(app, '/v1/events/10')).body.rawBase64
  assert.ok(!Buffer.from(hidden, 'base64').includes('SECRET'))
  const whole = (await getJson(app, '/v1/events/10', KEYED)).body.rawBase64
  assert.deepEqual(Buffer.from(whole, 'base64'), raw)
})

test('readiness follows the node', async () => {
  let ready = false
  const app = await buildApi(fakeApiDeps({ ready: () => ready }))
  assert.equal((await problem(app, '/v1/ready')).code, 'NOT_READY')
  assert.equal((await getJson(app, '/v1/health')).body.status, 'degraded')
  ready = true
  assert.deepEqual((await getJson(app, '/v1/ready')).body, { status: 'ready' })
  assert.deepEqual((await getJson(app, '/health')).body, { status: 'up' })
})

test('health says what is wrong, and stays alive', async () => {
  const deps = fakeApiDeps()
  deps.store.setStatus({ trouble: 'The disk is full', droppedCount: 3 })
  const { status, body } = await getJson(await buildApi(deps), '/v1/health')
  assert.equal(status, 200)
  assert.equal(body.status, 'degraded')
  assert.equal(body.troubles[0], 'The disk is full')
  assert.match(body.troubles[1], /^3 events were lost/)
})

test('stats have the counters', async () => {
  const deps = fakeApiDeps()
  deps.store.setStatus({ oldestAt: FAKE_AT })
  const { body } = await getJson(await buildApi(deps), '/v1/stats')
  assert.equal(body.version, '1.2.3')
  assert.equal(body.uptimeSeconds, 120)
  assert.deepEqual(body.listeners, [{ transport: 'udp', ip: '0.0.0.0', port: 5060, receiver: 'dgram' }])
  assert.equal(body.store.oldestAt, '2026-11-23T09:05:18.904Z')
  assert.deepEqual(body.indicators, { ipAddressCount: 0, phoneNumberCount: 0 })
  assert.ok(body.rssSize > 1e7)
})

test('a bug is answered without its details, and logged', async () => {
  const deps = fakeApiDeps()
  const store = { ...deps.store, events: () => Promise.reject(new Error('inner workings')) }
  const app = await buildApi({ ...deps, store })
  const body = await problem(app, '/v1/events')
  assert.equal(body.code, 'INTERNAL')
  assert.ok(!JSON.stringify(body).includes('inner workings'))
  assert.ok(deps.logged.some((line) => line.includes('inner workings')))
})

test('HEAD answers like GET, without a body', async () => {
  const deps = fakeApiDeps()
  deps.store.push({})
  deps.store.putIndicator({ kind: 'ip-address', value: '192.0.2.1' })
  const app = await buildApi(deps)
  const urls = ['/v1/stats', '/v1/events', '/v1/ip-addresses/192.0.2.1', '/ip-addresses', '/v1/events/stream']
  for (const url of [...urls, '/v1/ip-addresses/8.8.8.8']) {
    const response = await app.inject({ method: 'HEAD', url })
    assert.equal(response.statusCode, url.endsWith('8.8.8.8') ? 404 : 200, url)
    assert.equal(response.body, '', url)
  }
})
