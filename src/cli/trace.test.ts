// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { FAKE_NOW, fakeNode, problem, run } from '../../test/support/fake-node.ts'

const STARTED_AT = FAKE_NOW - 60_000
const CALL_ID = 'a84b4c76e66710@198.51.100.7'
const PATH = `/v1/calls/${encodeURIComponent(CALL_ID)}`

const OFFER = [
  'v=0',
  'c=IN IP4 198.51.100.7',
  'm=audio 6000 RTP/AVP 0 8 101',
  'a=rtpmap:101 telephone-event/8000',
  'm=video 6002 RTP/AVP 31',
  'c=IN IP4 198.51.100.8',
].join('\r\n')

function message(method: string, headers: readonly string[] = [], body = ''): string {
  return [`${method} sip:900442081234567@192.0.2.1 SIP/2.0`, `Call-ID: ${CALL_ID}`, ...headers, '', body].join('\r\n')
}

const event = (id: number, afterMs: number, values: object = {}) => ({
  id: String(id),
  at: new Date(STARTED_AT + afterMs).toISOString(),
  kind: 'sip-request',
  sourceIp: '198.51.100.7',
  sourcePort: 5071,
  destinationIp: '192.0.2.1',
  destinationPort: 5060,
  transport: 'udp',
  method: 'INVITE',
  requestUri: 'sip:900442081234567@192.0.2.1',
  callId: CALL_ID,
  calledNumber: '900442081234567',
  e164: '+442081234567',
  userAgent: 'pplsip',
  responses: [401],
  count: 1,
  repeatCount: 0,
  raw: message('INVITE', [], OFFER),
  rawShed: false,
  ...values,
})
const plain = (id: number, afterMs: number, method: string, values: object = {}) =>
  event(id, afterMs, { method, raw: message(method), responses: [], ...values })

const MEDIA = {
  callId: CALL_ID,
  codec: 'PCMU',
  payloadType: 0,
  packetCount: 512,
  byteCount: 88_064,
  lostCount: 3,
  dtmf: '12#',
  durationMs: 10_240,
}

const ITEMS = [
  event(1, 0, { repeatCount: 2 }),
  plain(2, 80, 'ACK'),
  event(3, 120, {
    responses: [100, 180, 200],
    raw: message('INVITE', ['AUTHORIZATION : [credentials: needs a key]'], 'm=audio 6000 RTP/AVP 0'),
  }),
  plain(4, 12_000, 'BYE', { responses: [200] }),
  event(5, 12_001, {
    kind: 'media',
    transport: 'rtp',
    method: null,
    requestUri: null,
    calledNumber: null,
    e164: null,
    userAgent: null,
    sourcePort: 6000,
    destinationPort: 10_014,
    responses: [],
    raw: JSON.stringify(MEDIA),
  }),
  event(6, 13_000, {
    kind: 'sip-response',
    method: null,
    requestUri: null,
    responses: [],
    raw: 'SIP/2.0 200 OK\r\n\r\n',
  }),
]
const call = (items: readonly object[], values: object = {}) => ({
  callId: CALL_ID,
  items,
  truncated: false,
  searchedSince: new Date(FAKE_NOW - 86_400_000).toISOString(),
  next: null,
  ...values,
})

describe('sentrypeer trace', () => {
  test('shows a call as a ladder', async () => {
    await using node = await fakeNode({ [PATH]: call(ITEMS) })
    const { code, stdout, stderr } = await run(['trace', CALL_ID, '--url', node.url])
    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(
      stdout,
      `  call        ${CALL_ID}
  began       1 min ago (2026-11-23 17:59:00 UTC)
  messages    6 messages, and 2 retransmissions
  between     198.51.100.7 and 192.0.2.1:5060 over udp, 198.51.100.7 and 192.0.2.1:10014 over rtp
  dialled     +442081234567
  user agent  pplsip

SECONDS  SOURCE                          NODE             VIA  REPEATS  AUTH  WHAT
  0.000  198.51.100.7:5071  --INVITE-->  192.0.2.1:5060   udp        2  no    sip:900442081234567@192.0.2.1
                                                                              m=audio 6000 RTP/AVP 0 8 101 c=IN IP4 198.51.100.7
                                                                              m=video 6002 RTP/AVP 31 c=IN IP4 198.51.100.8
                            <---401----
  0.080  198.51.100.7:5071  --ACK----->  192.0.2.1:5060   udp           no    sip:900442081234567@192.0.2.1
  0.120  198.51.100.7:5071  --INVITE-->  192.0.2.1:5060   udp           yes   sip:900442081234567@192.0.2.1
                                                                              m=audio 6000 RTP/AVP 0
                            <---100----
                            <---180----
                            <---200----
 12.000  198.51.100.7:5071  --BYE----->  192.0.2.1:5060   udp           no    sip:900442081234567@192.0.2.1
                            <---200----
 12.001  198.51.100.7:6000  --RTP----->  192.0.2.1:10014  rtp                 PCMU, 512 packets (86.0 KiB), 3 lost, 10.2 s, digits 12#
 13.000  198.51.100.7:5071  --200----->  192.0.2.1:5060   udp
`,
    )
    assert.deepEqual(node.requests, [PATH])
  })

  test('fits a narrow terminal: addresses stay whole, and what stands beside them goes first', async () => {
    const ip = '2001:db8:1234:5678:1234:5678:1234:5678'
    await using node = await fakeNode({ [PATH]: call([...ITEMS, plain(7, 14_000, 'BYE', { sourceIp: ip })]) })
    for (const columns of [80, 100, 120]) {
      const { stdout } = await run(['trace', CALL_ID, '--url', node.url], { columns })
      const ladder = stripVTControlCharacters(stdout).split('\n\n')[1]!
      for (const line of ladder.split('\n')) assert(line.length <= columns, line)
      assert(ladder.includes(`[${ip}]:5071  --BYE----->`), ladder)
    }
  })

  test('--json is the whole call as one document, whatever the number of answers it came in', async () => {
    const paged = (request: IncomingMessage, response: ServerResponse) => {
      const isSecond = request.url!.includes('after=7')
      response.end(
        JSON.stringify(isSecond ? call(ITEMS.slice(0, 2)) : call(ITEMS.slice(2), { next: '7', truncated: true })),
      )
    }
    await using node = await fakeNode({ [PATH]: paged })
    const { code, stdout } = await run(['trace', CALL_ID, '--json', '--since', '7d', '--url', node.url])
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(stdout), call(ITEMS))
    assert.deepEqual(node.requests, [`${PATH}?since=7d`, `${PATH}?since=7d&after=7`])
  })

  test('says how far it looked when there is more than it asks for', async () => {
    const searchedSince = new Date(FAKE_NOW - 3_600_000).toISOString()
    await using node = await fakeNode({ [PATH]: call([ITEMS[0]!], { next: '1', truncated: true, searchedSince }) })
    const { code, stdout, stderr } = await run(['trace', CALL_ID, '--url', node.url])
    assert.equal(code, 0)
    assert.match(stdout, /60 messages/)
    assert.equal(
      stderr,
      'Looked back to 1 h ago (2026-11-23 17:00:00 UTC) only: there may be older messages of this call\n',
    )
    assert.equal(node.requests.length, 60)
    const many = call(
      Array.from({ length: 1000 }, (_, i) => plain(i, i, 'OPTIONS')),
      { next: '1', truncated: true },
    )
    await using busy = await fakeNode({ [PATH]: many })
    await run(['trace', CALL_ID, '--url', busy.url])
    assert.equal(busy.requests.length, 1)
  })

  test('exits with 3 when there is no such call', async () => {
    await using node = await fakeNode({ [PATH]: call([]) })
    const { code, stdout } = await run(['trace', CALL_ID, '--url', node.url])
    assert.equal(code, 3)
    assert.equal(stdout, `No message of the call ${CALL_ID} was seen in the last 24 h; --since looks further back\n`)
    const week = await run(['trace', CALL_ID, '--since', '7d', '--url', node.url])
    assert.equal(week.stdout, `No message of the call ${CALL_ID} was seen in the last 7d\n`)
    const json = await run(['trace', CALL_ID, '--json', '--url', node.url])
    assert.equal(json.code, 3)
    assert.deepEqual(JSON.parse(json.stdout), call([]))
  })

  test('takes the id of an event for its call, and looks back to an hour before it', async () => {
    const old = event(7, 60_000 - 3 * 86_400_000)
    await using node = await fakeNode({ '/v1/events/7': old, '/v1/events/8': ITEMS[0], [PATH]: call(ITEMS) })
    for (const id of ['7', '8']) assert.equal((await run(['trace', id, '--url', node.url])).code, 0)
    await run(['trace', '7', '--since', '7d', '--url', node.url])
    assert.deepEqual(node.requests, [
      '/v1/events/7',
      `${PATH}?since=2026-11-20T17%3A00%3A00.000Z`,
      '/v1/events/8',
      PATH,
      '/v1/events/7',
      `${PATH}?since=7d`,
    ])
  })

  test('takes digits that are no event for a Call-ID', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse) =>
      problem(response, 404, 'EVENT_NOT_HELD', 'No event')
    const items = [plain(1, 0, 'REGISTER', { callId: '758685162' })]
    await using node = await fakeNode({ '/v1/events/758685162': answer, '/v1/calls/758685162': { ...call(items) } })
    const { code, stdout } = await run(['trace', '758685162', '--url', node.url])
    assert.equal(code, 0)
    assert.match(stdout, /--REGISTER-->/)
  })

  test('refuses an event that is of no call', async () => {
    await using node = await fakeNode({ '/v1/events/7': event(7, 0, { callId: null }) })
    const { code, stderr } = await run(['trace', '7', '--url', node.url])
    assert.deepEqual([code, stderr], [2, 'sentrypeer: Event 7 has no Call-ID: it is of no call\n'])
  })

  test('prints no escape sequence that attackers wrote', async () => {
    const evil = 'evil\u001b[2J\u001b]0;owned\u0007'
    const items = [
      event(1, 0, { method: evil, requestUri: evil, userAgent: evil, raw: message(evil, [], `m=${evil}`) }),
      event(2, 0, { kind: evil, method: null, transport: evil, raw: '' }),
      event(3, 0, { transport: 'rtp', raw: JSON.stringify({ ...MEDIA, dtmf: evil, codec: evil }) }),
    ]
    await using node = await fakeNode({ [PATH]: call(items, { callId: evil }) })
    const { stdout } = await run(['trace', CALL_ID, '--url', node.url])
    assert.match(stdout, /^(?:\n|\P{Cc})*$/u)
    assert.match(stdout, /--evil\\x1b\[2J\\x1.…-->/)
  })

  test('tells of media what there is to tell', async () => {
    const summaries: [media: string, shown: string][] = [
      [JSON.stringify({ ...MEDIA, packetCount: 0 }), 'no packet came'],
      [
        JSON.stringify({ ...MEDIA, codec: null, payloadType: 97, dtmf: '' }),
        'payload type 97, 512 packets (86.0 KiB), 3 lost, 10.2 s',
      ],
      [
        JSON.stringify({ ...MEDIA, codec: null, payloadType: null }),
        '512 packets (86.0 KiB), 3 lost, 10.2 s, digits 12#',
      ],
      ['{"callId":"a8', 'media, of which the summary was shortened'],
    ]
    for (const [raw, shown] of summaries) {
      await using node = await fakeNode({ [PATH]: call([event(1, 0, { transport: 'rtp', raw })]) })
      const { stdout } = await run(['trace', CALL_ID, '--url', node.url])
      assert(stdout.includes(`  ${shown}\n`), stdout)
    }
  })
})
