// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { FAKE_NOW, fakeNode, problem, run } from '../../test/support/fake-node.ts'
import { HIDDEN_CREDENTIALS } from '../core/credentials.ts'
import { formatLocal } from './time.ts'

const AT = new Date(FAKE_NOW - 60_000).toISOString()
const EVIL = 'evil\u001b[2J\u001b]0;owned\u0007'
const EVIL_SHOWN = 'evil\\x1b[2J\\x1b]0;owned\\x07'

const indicator = (value: string, count: number) => ({
  kind: value.startsWith('+') ? 'phone-number' : 'ip-address',
  value,
  verdict: 'seen',
  score: 0,
  count,
  repeatCount: 2,
  firstSeenAt: new Date(FAKE_NOW - 7_200_000).toISOString(),
  lastSeenAt: AT,
  validUntil: null,
  validation: 'transport',
  tags: ['options-scan'],
  authors: 1,
  country: null,
  asn: null,
  why: { rule: 'seen', text: 'It was seen.' },
})
const event = (id: number, values: object = {}) => ({
  id: String(id),
  at: AT,
  kind: 'sip-request',
  sourceIp: '192.0.2.1',
  sourcePort: 5061,
  transport: 'udp',
  method: 'INVITE',
  calledNumber: '900442079460000',
  e164: '+442079460000',
  userAgent: EVIL,
  count: 1,
  ...values,
})
const page = (items: readonly unknown[], next: string | null = null, total: number | null = items.length) => ({
  items,
  next,
  total,
})
const NO_ESCAPES = /^(?:\n|\P{Cc})*$/u

describe('sentrypeer', () => {
  test('--help shows every command and the exit codes', async () => {
    const { code, stdout } = await run(['--help'])
    assert.equal(code, 0)
    for (const name of [
      'start',
      'status',
      'top',
      'tail',
      'ip',
      'number',
      'list',
      'trace',
      'record',
      'doctor',
      'config',
      'version',
      'reindex',
    ]) {
      assert.match(stdout, new RegExp(`^  ${name} +\\w`, 'm'))
    }
    assert.match(stdout, /Exit codes:\n {2}0 {2}done\n/)
  })

  test('help COMMAND shows that command', async () => {
    const { code, stdout } = await run(['help', 'tail'])
    assert.equal(code, 0)
    assert.match(stdout, /--since <time>/)
  })

  test('version prints it, for -V and --version too', async () => {
    const { stdout } = await run(['version'])
    assert.match(stdout, /^sentrypeer \d+\.\d+\.\d+ \(Node \d/)
    assert.equal((await run(['-V'])).stdout, stdout)
    assert.equal((await run(['--version'])).stdout, stdout)
    assert.deepEqual(Object.keys(JSON.parse((await run(['version', '--json'])).stdout)), [
      'version',
      'node',
      'platform',
    ])
  })

  const wrong: readonly [words: string, text: RegExp][] = [
    ['strat', /unknown command 'strat'\n\(Did you mean start\?\)/],
    ['start --stat-dir x', /unknown option '--stat-dir'\n\(Did you mean --state-dir\?\)/],
    ['start --pool', /unknown option '--pool'/],
    ['start --lab 127.0.0.0/8', /unknown option '--lab'/],
    ['start -x', /unknown option '-x'/],
    ['-f', /option '--db-file <file>' argument missing/],
    ['ip', /missing required argument 'address'/],
    ['list everything', /"everything" cannot be listed: it is "list ip" or "list numbers"/],
    ['list ip --limit 0', /--limit "0": must be a whole number from 1 to 999999999/],
    ['list ip --limit 2000000000', /--limit "2000000000": must be a whole number from 1 to 999999999/],
    ['top --limit 1000000', /--limit "1000000": must be a whole number from 1 to 999999/],
    ['top --watch x', /--watch "x": must be a whole number from 1/],
    ['help lists', /unknown command 'lists'\n\(Did you mean list\?\)/],
    ['help nonsense', /unknown command 'nonsense'/],
    [
      'start --sip tls:0.0.0.0',
      /sip\.listen = \["tls:0\.0\.0\.0"\] \(flag --sip\): .*must be written like tls:127\.0\.0\.1:5061.* \[CONFIG_INVALID\]/,
    ],
    ['start --api localhost', /--api "localhost": must be written like 127\.0\.0\.1:8082/],
    ['status --url nonsense', /^sentrypeer: --url "nonsense": must be a URL, such as http:\/\/127\.0\.0\.1:8082/],
  ]
  for (const [words, text] of wrong) {
    test(`${words} is refused with 2`, async () => {
      const { code, stdout, stderr } = await run(words.split(' '))
      assert.match(stderr, text)
      assert.equal(stdout, '')
      assert.equal(code, 2)
    })
  }

  test('without a node exits with 4 and says what to do', async () => {
    const { code, stderr } = await run(['status', '--url', 'http://127.0.0.1:1'])
    assert.equal(code, 4)
    assert.match(
      stderr,
      /^sentrypeer: Cannot reach a running node: tried http:\/\/127\.0\.0\.1:1 \(named by --url\): .*"sentrypeer start"/,
    )
    assert.match(stderr, /\[NODE_UNREACHABLE\]\n$/)
  })
})

describe('sentrypeer ip and number', () => {
  const answers = {
    '/v1/ip-addresses/192.0.2.1': indicator('192.0.2.1', 1234),
    '/v1/phone-numbers/%2B442079460000': {
      ...indicator('+442079460000', 3),
      country: 'GB',
      numberType: 'FIXED_LINE',
      isNonGeographic: false,
      dialPrefixes: [
        { prefix: '900', count: 3 },
        { prefix: '', count: 1 },
      ],
      dialled: [
        { raw: '900442079460000', count: 3, lastSeenAt: AT },
        { raw: '0442079460000', count: 1, lastSeenAt: AT },
      ],
    },
  }

  test('ip shows what is known', async () => {
    await using node = await fakeNode(answers)
    const { code, stdout } = await run(['ip', '192.0.2.1', '--url', node.url])
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `192.0.2.1  seen
  why         It was seen.
  events      1,234, and 2 retransmissions
  first seen  2 h ago (2026-11-23 16:00:00 UTC)
  last seen   1 min ago (2026-11-23 17:59:00 UTC)
  validation  transport: it completed a connection
  tags        options-scan
`,
    )
  })

  test('number shows the forms dialled, and behind what', async () => {
    await using node = await fakeNode(answers)
    const { stdout } = await run(['number', '+442079460000', '--url', node.url])
    assert.match(
      stdout,
      / {2}country {8}GB\n {2}number type {4}fixed line\n {2}dial prefixes {2}900 \(3 times\), none\n/,
    )
    assert.match(
      stdout,
      / {2}dialled as\n {4}900442079460000 {2}3 times, last 1 min ago\n {4}0442079460000 {2}once, last 1 min ago\n$/,
    )
  })

  test('exit with 3 for what was not seen', async () => {
    await using node = await fakeNode(answers)
    const text = await run(['ip', '192.0.2.9', '--url', node.url])
    assert.deepEqual(text, { code: 3, stdout: '192.0.2.9 was not seen in the last 7 days\n', stderr: '' })
    const json = await run(['number', '+1', '--json', '--url', node.url])
    assert.equal(json.code, 3)
    assert.deepEqual(JSON.parse(json.stdout), { kind: 'phone-number', value: '+1', verdict: 'unknown' })
  })

  test('exit with 2 for what the node cannot read', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse) =>
      problem(response, 400, 'INVALID_ADDRESS', 'No address')
    await using node = await fakeNode({ '/v1/ip-addresses/x': answer })
    const { code, stderr } = await run(['ip', 'x', '--url', node.url])
    assert.equal(code, 2)
    assert.equal(stderr, 'sentrypeer: The node refused the request: No address [API_REFUSED]\n')
  })

  test('take url and key from the environment', async () => {
    await using node = await fakeNode(answers)
    const { code } = await run(['ip', '192.0.2.1'], { env: { SENTRYPEER_URL: node.url } })
    assert.equal(code, 0)
  })
})

describe('sentrypeer list', () => {
  const paged = (request: IncomingMessage, response: ServerResponse) => {
    const second = request.url!.includes('after=p2')
    response.end(
      JSON.stringify(second ? page([indicator('192.0.2.2', 1)], null, 2) : page([indicator('192.0.2.1', 5)], 'p2', 2)),
    )
  }

  test('shows a page, and says that there is more', async () => {
    await using node = await fakeNode({ '/v1/ip-addresses': paged })
    const { stdout, stderr } = await run(['list', 'ip', '--limit', '1', '--url', node.url])
    assert.equal(
      stdout,
      `VALUE      VERDICT  EVENTS  LAST SEEN  FIRST SEEN  VALIDATION  TAGS
192.0.2.1  seen          5  1 min ago     2 h ago  transport   options-scan
`,
    )
    assert.equal(stderr, '1 of 2; --all shows all, --limit so many\n')
    assert.deepEqual(node.requests, ['/v1/ip-addresses?limit=1'])
  })

  test('--all turns the pages, and hands filters on', async () => {
    await using node = await fakeNode({ '/v1/ip-addresses': paged })
    const { stdout, stderr } = await run([
      'list',
      'ip',
      '--all',
      '--since',
      '24h',
      '--tag',
      'options-scan',
      '--url',
      node.url,
    ])
    assert.equal(stdout.split('\n').length, 4)
    assert.equal(stderr, '')
    assert.deepEqual(node.requests, [
      '/v1/ip-addresses?since=24h&tag=options-scan&limit=1000',
      '/v1/ip-addresses?since=24h&tag=options-scan&after=p2&limit=1000',
    ])
  })

  test('--json is one document however many pages', async () => {
    await using node = await fakeNode({ '/v1/ip-addresses': paged, '/v1/phone-numbers': page([]) })
    const all = JSON.parse((await run(['list', 'ip', '--all', '--json', '--url', node.url])).stdout)
    assert.deepEqual([all.items.length, all.next, all.total], [2, null, 2])
    const none = JSON.parse((await run(['list', 'numbers', '--json', '--url', node.url])).stdout)
    assert.deepEqual(none, { items: [], next: null, total: 0 })
  })

  test('of nothing says so', async () => {
    await using node = await fakeNode({ '/v1/phone-numbers': page([]) })
    assert.deepEqual(await run(['list', 'numbers', '--url', node.url]), {
      code: 0,
      stdout: '',
      stderr: 'Nothing was seen in the last 7 days\n',
    })
  })

  test('of nothing that a filter lets through says so', async () => {
    await using node = await fakeNode({ '/v1/phone-numbers': page([]), '/v1/ip-addresses': page([]) })
    for (const filter of ['--since=1m', '--tag=tls-probe', '--validation=none']) {
      for (const kind of ['ip', 'number']) {
        const { stderr } = await run(['list', kind, filter, '--url', node.url])
        assert.equal(stderr, 'Nothing matches\n')
      }
    }
  })

  test('takes what to list in singular and plural', async () => {
    await using node = await fakeNode({ '/v1/phone-numbers': page([]), '/v1/ip-addresses': page([]) })
    for (const kind of ['ip', 'ips', 'number', 'numbers']) await run(['list', kind, '--url', node.url])
    assert.deepEqual(
      node.requests.map((request) => request.split('?')[0]),
      ['/v1/ip-addresses', '/v1/ip-addresses', '/v1/phone-numbers', '/v1/phone-numbers'],
    )
  })

  test('fits a narrow terminal: columns are left out, values stay whole', async () => {
    const items = [indicator('+442079460000', 1_234_567), indicator('2001:db8:1234:5678:1234:5678:1234:5678', 1)]
    await using node = await fakeNode({ '/v1/phone-numbers': page(items) })
    for (const columns of [60, 80, 100]) {
      const { stdout } = await run(['list', 'numbers', '--url', node.url], { columns })
      const lines = stripVTControlCharacters(stdout).split('\n')
      assert(
        lines.every((line) => line.length <= columns),
        stdout,
      )
      for (const { value } of items) assert(stdout.includes(value))
    }
  })
})

describe('sentrypeer top', () => {
  const events = page([
    event(9, { count: 3 }),
    event(8, { sourceIp: '192.0.2.2', userAgent: 'pplsip', calledNumber: '*44208123', e164: null }),
    event(7),
  ])

  test('counts events, not rows, and escapes what attackers wrote', async () => {
    await using node = await fakeNode({ '/v1/events': events })
    const { code, stdout } = await run(['top', '--url', node.url], { columns: 60 })
    assert.equal(code, 0)
    const plain = stdout.replaceAll('\u001b[1m', '').replaceAll('\u001b[22m', '') // bold headers are ours
    assert.match(plain, NO_ESCAPES)
    assert.equal(
      plain,
      `5 events in the last 1 h

EVENTS       LAST  ADDRESS
     4  1 min ago  192.0.2.1
     1  1 min ago  192.0.2.2

EVENTS       LAST  NUMBER
     4  1 min ago  +442079460000
     1  1 min ago  44208123

EVENTS       LAST  USER AGENT
     4  1 min ago  ${EVIL_SHOWN}
     1  1 min ago  pplsip
`,
    )
  })

  test('shows a number that is none of the world as list numbers does', async () => {
    await using node = await fakeNode({
      '/v1/events': page([
        event(2, { calledNumber: '+44208123', e164: null }),
        event(1, { calledNumber: '44208123', e164: null }),
      ]),
    })
    const { stdout } = await run(['top', '--since', '7d', '--url', node.url])
    assert.match(stdout, /^2 events in the last 7 days\n/)
    assert.match(stdout, /NUMBER\n {5}2 {2}1 min ago {2}44208123\n/)
  })

  test('--json', async () => {
    await using node = await fakeNode({ '/v1/events': events })
    const { stdout } = await run(['top', '--json', '--limit', '1', '--since', '24h', '--url', node.url])
    assert.match(stdout.replaceAll('\n', ''), NO_ESCAPES)
    const top = JSON.parse(stdout)
    assert.deepEqual(top.ipAddresses, [{ value: '192.0.2.1', count: 4, lastSeenAt: AT }])
    assert.equal(top.userAgents[0].value, EVIL)
    assert.deepEqual([top.since, top.eventCount, top.complete], ['24h', 5, true])
    assert.deepEqual(node.requests, ['/v1/events?since=24h&limit=1000'])
  })

  test('--watch goes on until Ctrl-C', async () => {
    await using node = await fakeNode({ '/v1/events': events })
    const { code, stdout } = await run(['top', '--watch', '60', '--url', node.url], { interruptAt: /pplsip/ })
    assert.equal(code, 0)
    assert.equal(node.requests.length, 1)
    assert.match(stdout, NO_ESCAPES)
  })
})

describe('sentrypeer tail', () => {
  const stream =
    (...blocks: readonly string[]) =>
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`retry: 1\nid: 10\n\n${blocks.join('')}`)
    }
  const block = (id: number, values: object = {}) =>
    `id: ${id}\nevent: event\ndata: ${JSON.stringify(event(id, values))}\n\n`
  const time = formatLocal(FAKE_NOW - 60_000)

  test('prints a line for each event, without escape sequences, until Ctrl-C', async () => {
    await using node = await fakeNode({
      '/v1/events/stream': stream(
        block(11),
        block(12, {
          sourceIp: '2001:db8::1',
          method: null,
          kind: 'non-sip',
          userAgent: null,
          e164: null,
          calledNumber: null,
          transport: 'tcp',
        }),
      ),
    })
    const { code, stdout, stderr } = await run(['tail', '--method', 'INVITE', '--ip', '192.0.2.1', '--url', node.url], {
      interruptAt: /non-sip/,
    })
    assert.equal(code, 0)
    assert.equal(stderr, '')
    assert.equal(
      stdout,
      `${time} udp 192.0.2.1:5061        INVITE   +442079460000  ${EVIL_SHOWN}
${time} tcp [2001:db8::1]:5061    non-sip  -              -
`,
    )
    assert.deepEqual(node.requests, ['/v1/events/stream?ip=192.0.2.1&method=INVITE'])
  })

  test('shows the program behind the user agent, and the password where it may be shown', async () => {
    const tool = { name: 'svcrack', evidence: 'from-tag', decodedTag: null }
    const auth = { user: '100', realm: 'a', algorithm: 'MD5', response: 'x', matchedPassword: '1234' }
    const hidden = { ...auth, matchedPassword: HIDDEN_CREDENTIALS }
    await using node = await fakeNode({
      '/v1/events/stream': stream(
        block(11, { userAgent: 'a', tool, auth }),
        block(12, { userAgent: 'b', tool: { ...tool, evidence: 'user-agent' }, auth: hidden }),
        block(13, { userAgent: 'c', tool: null, auth: { ...auth, user: '\u001b[2J', matchedPassword: null } }),
        block(14, { userAgent: 'end' }),
      ),
    })
    const { stdout } = await run(['tail', '--url', node.url], { interruptAt: /end/ })
    assert.match(stdout, / a {2}\[svcrack\] {2}as 100:1234\n/)
    assert.match(stdout, / b {2}as 100\n/)
    assert.match(stdout, / c {2}as \\x1b\[2J\n/)
    assert.match(stdout.trimEnd(), NO_ESCAPES)
  })

  test('takes a known method in lower case, and any other as it is', async () => {
    await using node = await fakeNode({ '/v1/events/stream': stream(block(11)) })
    for (const method of ['invite', 'Register', 'hack']) {
      await run(['tail', '--method', method, '--url', node.url], { interruptAt: /\n/ })
    }
    assert.deepEqual(node.requests, [
      '/v1/events/stream?method=INVITE',
      '/v1/events/stream?method=REGISTER',
      '/v1/events/stream?method=hack',
    ])
  })

  test('shows a number that is none of the world as list numbers does', async () => {
    const local = block(11, { calledNumber: '+44208123', e164: null })
    await using node = await fakeNode({ '/v1/events/stream': stream(local) })
    const { stdout } = await run(['tail', '--url', node.url], { interruptAt: /\n/ })
    assert.match(stdout, /INVITE {3}44208123 /)
  })

  test('--json prints one object a line', async () => {
    await using node = await fakeNode({ '/v1/events/stream': stream(block(11)) })
    const { stdout } = await run(['tail', '--json', '--url', node.url], { interruptAt: /\n/ })
    assert.match(stdout.trimEnd(), NO_ESCAPES)
    assert.deepEqual(JSON.parse(stdout), event(11))
  })

  test('--since shows history first, and nothing twice', async () => {
    await using node = await fakeNode({
      '/v1/events/stream': stream(block(11, { method: 'BYE' })),
      '/v1/events': page([
        event(11, { method: 'BYE' }),
        event(10, { method: 'OPTIONS', count: 4 }),
        event(9, { method: 'REGISTER' }),
      ]),
    })
    const { stdout } = await run(['tail', '--since', '1h', '--url', node.url], { interruptAt: /BYE/ })
    assert.deepEqual(stdout.match(/REGISTER|OPTIONS|BYE/g), ['REGISTER', 'OPTIONS', 'BYE'])
    assert.match(stdout, /OPTIONS .*\(4 times\)\n/)
  })

  test('says what it could not show', async () => {
    const skipped = `id: 90\nevent: skipped\ndata: {"after":"10","position":"90","detail":"too far behind"}\n\n`
    await using node = await fakeNode({ '/v1/events/stream': stream(skipped, block(91)) })
    const { stderr } = await run(['tail', '--url', node.url], { interruptAt: /INVITE/ })
    assert.equal(stderr, 'Some events were not shown: too far behind\n')
  })

  test('cuts lines to the terminal', async () => {
    await using node = await fakeNode({ '/v1/events/stream': stream(block(11, { userAgent: 'x'.repeat(200) })) })
    const { stdout } = await run(['tail', '--url', node.url], { interruptAt: /INVITE/, columns: 100 })
    assert.equal(stripVTControlCharacters(stdout).trimEnd().length, 100)
  })
})

describe('sentrypeer status', () => {
  const stats = {
    version: '1.2.3',
    nodeId: 'x',
    startedAt: AT,
    uptimeSeconds: 60,
    ready: true,
    listeners: [
      { transport: 'udp', ip: '0.0.0.0', port: 5060 },
      { transport: 'tcp', ip: '::', port: 5060 },
    ],
    sensors: {
      repliedCount: 1200,
      silencedByRateCount: 1,
      silencedByBytesCount: 2,
      connectionCount: 3,
      shedConnectionCount: 4,
    },
    store: {
      acceptedCount: 1234,
      durableCount: 1233,
      droppedCount: 0,
      indexLagCount: 5,
      journalSize: 2048,
      quotaSize: 2_147_483_648,
      indexSize: 1024,
      oldestAt: '2026-11-23T17:00:00.000Z',
    },
    indicators: { ipAddressCount: 1, phoneNumberCount: 2 },
    rssSize: 104_857_600,
  }

  test('shows how the node does', async () => {
    await using node = await fakeNode({
      '/v1/stats': stats,
      '/v1/health': { status: 'degraded', troubles: ['The disk is \u001b[31mfull'] },
    })
    const { code, stdout } = await run(['status', '--url', node.url])
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `SentryPeer 1.2.3 on ${node.url}: in trouble
  ! The disk is \\x1b[31mfull
  started       1 min ago (2026-11-23 17:59:00 UTC)
  listens       udp 0.0.0.0:5060 · tcp [::]:5060
  seen          1 address, 2 numbers in the last 7 days
  events        1,234 since the start, 1,233 on disk, none lost; 5 wait for the index
  replies       1,200 sent, 1 held back by the rate limit, 2 by the size rule
  connections   3 open, 4 closed to stay within the limits
  disk          journal 2.0 KiB of 2.0 GiB, index 1.0 KiB
  records from  the hour of 2026-11-23 17:00 UTC
  memory        100 MiB
`,
    )
  })

  test('--json gives what the node says', async () => {
    await using node = await fakeNode({ '/v1/stats': stats, '/v1/health': { status: 'ok', troubles: [] } })
    const { stdout } = await run(['status', '--json', '--url', node.url])
    assert.deepEqual(JSON.parse(stdout), { url: node.url, health: { status: 'ok', troubles: [] }, stats })
  })
})
