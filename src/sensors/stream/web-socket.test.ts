// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ClientOptions, WebSocket } from 'ws'
import { makeCredentials } from '../../../test/support/credentials.ts'
import { listenersOf, startSensors, tcpClient } from '../../../test/support/sensor-kit.ts'
import { invite, request, WS_UPGRADE } from '../../../test/support/sip-samples.ts'
import type { Observation } from '../../core/event.ts'
import { deriveEvent } from '../../store/derive.ts'
import type { SensorDeps, SensorsConfig } from '../sensors.ts'
import { STREAM_LIMITS } from './limits.ts'

const CREDENTIALS = makeCredentials()

const start = (change: Partial<SensorsConfig> = {}, deps: Partial<SensorDeps> = {}) =>
  startSensors({ listen: listenersOf('udp', 'tcp', 'ws', 'wss'), credentials: CREDENTIALS, ...change }, deps)

/** A client after its upgrade, and the messages it received. */
async function webSocket(url: string, options: ClientOptions = {}) {
  const socket = new WebSocket(url, 'sip', { rejectUnauthorized: false, ...options })
  const messages: string[] = []
  const arrivals = new EventEmitter()
  socket.on('error', () => {})
  socket.on('message', (data) => {
    messages.push(String(data))
    arrivals.emit('message')
  })
  const closed = once(socket, 'close')
  await Promise.race([once(socket, 'open'), closed])
  assert.equal(socket.readyState, WebSocket.OPEN)
  return {
    socket,
    messages,
    async got(count: number): Promise<string[]> {
      while (messages.length < count) await once(arrivals, 'message', { signal: AbortSignal.timeout(10_000) })
      return messages
    },
    /** The code with which the other side closed. */
    async over(): Promise<number> {
      const [code] = await closed
      return code
    },
    [Symbol.dispose]: () => socket.terminate(),
  }
}

const text = ({ bytes }: Observation) => Buffer.from(bytes).toString('latin1')
const tagsOf = (observation: Observation | undefined) => deriveEvent(1, { ...observation!, rawShed: false }).tags
const withoutLength = (bytes: Buffer) => bytes.toString('latin1').replace(/Content-Length: \d+\r\n/, '')

for (const [scheme, transport] of [
  ['ws', 'ws'],
  ['wss', 'wss'],
] as const) {
  test(`over ${scheme}: an INVITE without Content-Length is answered, one message a frame`, async () => {
    await using node = await start()
    const port = scheme === 'ws' ? node.wsPort : node.wssPort
    using client = await webSocket(`${scheme}://127.0.0.1:${port}/ws`)
    assert.equal(client.socket.protocol, 'sip')
    client.socket.send(withoutLength(invite()))
    const [trying, ringing, ok] = await client.got(3)
    assert.match(trying!, /^SIP\/2\.0 100 /)
    assert.match(ringing!, /^SIP\/2\.0 180 /)
    assert.match(ok!, /^SIP\/2\.0 200 [\s\S]*a=sendrecv\r\n$/)
    assert(ok!.includes(`:${port};transport=ws>`))
    const [seen] = await node.observed(1)
    assert.equal(seen?.transport, transport)
    assert.equal(seen?.validation, 'transport')
    assert.deepEqual(seen?.responses, [100, 180, 200])
    assert.equal(seen?.sentSize, trying!.length + ringing!.length + ok!.length)
    assert.equal(seen?.ja4 === undefined, scheme === 'ws')
    client.socket.close()
    assert.equal(await client.over(), 1005)
    assert.equal(node.observations.length, 1) // the request of HTTP needs no event of its own then
  })
}

test('over WebSocket: text, binary and fragments are messages, in their order', async () => {
  await using node = await start()
  using client = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  const ids = Array.from({ length: 60 }, (_, i) => `id-${i}`)
  for (const [i, callId] of ids.entries()) {
    const bytes = request({ callId })
    if (i % 3 === 0) client.socket.send(bytes.toString())
    else if (i % 3 === 1) client.socket.send(bytes)
    else
      for (let at = 0; at < bytes.length; at += 50)
        client.socket.send(bytes.subarray(at, at + 50), { fin: at + 50 >= bytes.length })
  }
  const answers = await client.got(ids.length)
  assert.deepEqual(
    answers.map((answer) => /Call-ID: (\S+)/.exec(answer)?.[1]),
    ids,
  )
  assert.equal(node.observations.length, ids.length)
})

test('over WebSocket: pings of both kinds are answered, line ends alone are not', async () => {
  await using node = await start()
  using client = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  const pong = once(client.socket, 'pong')
  client.socket.ping('x')
  assert.equal(String((await pong)[0]), 'x')
  client.socket.send('\r\n')
  client.socket.send('')
  client.socket.send('\r\n\r\n')
  assert.deepEqual(await client.got(1), ['\r\n'])
  client.socket.close()
  await client.over()
  const [seen] = await node.observed(1)
  assert.deepEqual(tagsOf(seen), ['non-sip', 'ws-probe']) // no SIP came of it
})

test('over WebSocket: a peer that does not read is not read from, and others go on', async () => {
  await using node = await start()
  using greedy = await tcpClient(node.wsPort)
  greedy.write(WS_UPGRADE)
  await greedy.got(/ 101 /)
  greedy.socket.pause()
  const pings = Buffer.concat(Array(10_000).fill(Buffer.from('898000000000', 'hex')))
  let isStuck = false
  while (!isStuck) isStuck = !greedy.write(pings) && greedy.socket.writableLength > 64 * pings.length
  using other = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  other.socket.send(request())
  await other.got(1)
  assert.equal(node.sensors.counters().connectionCount, 2)
})

test('over WebSocket: who closes its side still gets the answers to what it had sent', async () => {
  await using node = await start()
  using client = await tcpClient(node.wsPort)
  const bytes = invite()
  const head = Buffer.from([0x82, 0xfe, bytes.length >> 8, bytes.length & 0xff, 0, 0, 0, 0])
  client.socket.end(Buffer.concat([Buffer.from(WS_UPGRADE), head, bytes]))
  const received = await client.over()
  assert.deepEqual(received.match(/SIP\/2\.0 \d{3}/g), ['SIP/2.0 100', 'SIP/2.0 180', 'SIP/2.0 200'])
  const [seen] = await node.observed(1)
  assert.deepEqual(seen?.responses, [100, 180, 200])
  assert.equal(node.observations.length, 1)
})

test('over WebSocket: a request that nothing follows is one probe, with its bytes', async () => {
  await using node = await start()
  using client = await tcpClient(node.wsPort)
  client.write(WS_UPGRADE)
  await client.got(/^HTTP\/1\.1 101 [\s\S]*Sec-WebSocket-Protocol: sip\r\n\r\n$/)
  client.socket.destroy()
  const [seen] = await node.observed(1)
  assert.equal(text(seen!), WS_UPGRADE)
  assert.deepEqual(tagsOf(seen), ['non-sip', 'ws-probe'])
  assert.deepEqual([seen?.transport, seen?.size], ['ws', WS_UPGRADE.length])
})

test('over WebSocket: the request is kept whole, however late it asks', async () => {
  await using node = await start()
  const late = WS_UPGRADE.replace('Upgrade:', `Cookie: ${'x'.repeat(2_000)}\r\nUpgrade:`)
  for (const [index, bytes] of [late, late.replace(': sip', ': xmpp'), late.slice(0, 2_100)].entries()) {
    using client = await tcpClient(node.wsPort)
    client.socket.end(bytes)
    await client.over()
    const seen = (await node.observed(index + 1))[index]
    assert.equal(text(seen!), bytes)
    assert.deepEqual(tagsOf(seen), ['non-sip', 'ws-probe'])
  }
})

test('over WebSocket: the request cut at every byte, and with frames behind it', async () => {
  await using node = await start({ stream: { perSourceMax: 4_000 } })
  const ping = Buffer.from('898000000000', 'hex')
  for (let cut = 1; cut < WS_UPGRADE.length; cut++) {
    using client = await tcpClient(node.wsPort)
    client.write(WS_UPGRADE.slice(0, cut))
    await new Promise((resolve) => setImmediate(resolve)) // lets the first part leave as a segment of its own
    client.write(Buffer.concat([Buffer.from(WS_UPGRADE.slice(cut)), ping]))
    await client.got(/101 Switching[\s\S]*\r\n\r\n[^\r]{2}$/)
  }
  await node.observed(WS_UPGRADE.length - 1)
  assert.equal(node.sensors.counters().bugCount, 0)
})

const refused: readonly [about: string, request: string, status: RegExp, tags: string[]][] = [
  ['plain HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 426 /, ['non-sip']],
  ['another subprotocol', WS_UPGRADE.replace(': sip', ': xmpp'), /^HTTP\/1\.1 400 /, ['non-sip', 'ws-probe']],
  [
    'no subprotocol',
    WS_UPGRADE.replace(/Sec-WebSocket-Protocol.*\r\n/, ''),
    /^HTTP\/1\.1 400 /,
    ['non-sip', 'ws-probe'],
  ],
  [
    'another version',
    WS_UPGRADE.replace(': 13', ': 7'),
    /^HTTP\/1\.1 426 [\s\S]*Sec-WebSocket-Version: 8, 13\r\n/,
    ['non-sip', 'ws-probe'],
  ],
  ['a bad key', WS_UPGRADE.replace('dGhl', '!'), /^HTTP\/1\.1 400 /, ['non-sip', 'ws-probe']],
  ['POST', WS_UPGRADE.replace('GET', 'POST'), /^HTTP\/1\.1 405 [\s\S]*Allow: GET\r\n/, ['non-sip', 'ws-probe']],
  ['a broken head', 'GET / HTTP/1.1\r\nbroken\r\n\r\n', /^HTTP\/1\.1 400 /, ['non-sip']],
  ['a head that is too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`, /^HTTP\/1\.1 400 /, ['non-sip']],
]
for (const [about, bytes, status, tags] of refused) {
  test(`on the WebSocket port: ${about} is refused as a web server does, and recorded`, async () => {
    await using node = await start()
    using client = await tcpClient(node.wsPort)
    client.write(bytes)
    const answer = await client.over()
    assert.match(answer, status)
    assert.match(answer, /\r\nServer: Asterisk\/[\s\S]*<\/html>\r\n$/)
    const [seen] = await node.observed(1)
    assert.equal(text(seen!), bytes.slice(0, 512))
    assert.deepEqual(tagsOf(seen), tags)
    assert.deepEqual(seen?.responses, [Number(/\d{3}/.exec(answer)?.[0])])
    assert.equal(seen?.sentSize, answer.length)
    client.socket.destroy()
    assert.equal(node.observations.length, 1)
  })
}

test('on the WebSocket port: any list of subprotocols is answered, and none is a bug', async () => {
  await using node = await start({ stream: { perSourceMax: 4_000 } })
  const part = fc.constantFrom('sip', 'SIP', 'xmpp', ' ', '\t', ',', ', ', ';', '"', 'é', '\x7f', '')
  const tryOne = fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
    using client = await tcpClient(node.wsPort)
    client.write(Buffer.from(WS_UPGRADE.replace(': sip', `:${parts.join('')}`), 'latin1'))
    await client.got(/^HTTP\/1\.1 (101|400) /)
  })
  await fc.assert(tryOne, {
    numRuns: 300,
    endOnFailure: true,
    examples: [[['sip', ',', 'sip']], [['sip', ',', ',', 'xmpp']]],
  })
  assert.equal(node.sensors.counters().bugCount, 0)
})

test('on the WebSocket port: SIP without HTTP is taken as over TCP', async () => {
  await using node = await start()
  using client = await tcpClient(node.wsPort)
  client.write(request())
  await client.got(/200 OK/)
  const [seen] = await node.observed(1)
  assert.deepEqual([seen?.transport, seen?.responses], ['tcp', [200]])
})

test('over WebSocket: what is not SIP is recorded, and the WebSocket is closed', async () => {
  await using node = await start()
  using client = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  client.socket.send(JSON.stringify({ hello: 'x'.repeat(1_000) }))
  assert.equal(await client.over(), 1003)
  const [seen] = await node.observed(1)
  assert.deepEqual([tagsOf(seen), seen?.bytes.length, seen?.size], [['non-sip'], 512, 1_012])
  assert.equal(node.observations.length, 1)
})

test('over WebSocket: a frame or fragments beyond 64 KiB end it, and so do too many fragments', async () => {
  await using node = await start()
  const big = Buffer.concat([request(), Buffer.alloc(65_536, 0x61)])
  const tries: ((socket: WebSocket) => void)[] = [
    (socket) => socket.send(big),
    (socket) => {
      for (let at = 0; at < big.length; at += 1_024) socket.send(big.subarray(at, at + 1_024), { fin: false })
    },
    (socket) => {
      for (let i = 0; i < 1_000; i++) socket.send('O', { fin: false })
    },
  ]
  for (const [index, send] of tries.entries()) {
    using client = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
    send(client.socket)
    const code = await client.over()
    assert([1009, 1008, 1006].includes(code), String(code))
    const seen = await node.observed(index + 1)
    assert.deepEqual([seen[index]?.responses, tagsOf(seen[index])[0]], [[], 'non-sip'])
  }
  assert.equal(node.sensors.counters().bugCount, 0)
  using other = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  other.socket.send(request())
  await other.got(1)
})

test('over WebSocket: frames that are none end it', async () => {
  await using node = await start()
  for (const [index, frames] of ['810141', 'ff8000000000', '8380000000000000', 'c18000000000'].entries()) {
    using client = await tcpClient(node.wsPort)
    client.write(Buffer.concat([Buffer.from(WS_UPGRADE), Buffer.from(frames, 'hex')]))
    await client.over()
    client.socket.destroy()
    const seen = await node.observed(index + 1)
    assert.deepEqual(Buffer.from(seen[index]!.bytes).toString('hex'), frames)
  }
  assert.equal(node.sensors.counters().bugCount, 0)
})

test('over WebSocket: who takes too long for the request, the first frame or a message is closed', async () => {
  for (const [sent, afterMs, evidence] of [
    [WS_UPGRADE.slice(0, 40), STREAM_LIMITS.handshakeMs, WS_UPGRADE.slice(0, 40)],
    [WS_UPGRADE, STREAM_LIMITS.firstByteMs, WS_UPGRADE],
    [`${WS_UPGRADE}\x81\xfe\x01\0\0\0\0\0OPT`, STREAM_LIMITS.messageRateGraceMs, '\x81\xfe\x01\0\0\0\0\0OPT'],
  ] as const) {
    await using node = await start({ stream: { sweepMs: 5 } })
    using client = await tcpClient(node.wsPort)
    client.write(Buffer.from(sent, 'latin1'))
    if (sent.startsWith(WS_UPGRADE)) await client.got(/ 101 [\s\S]*\r\n\r\n/)
    using other = await tcpClient(node.wsPort, { from: '127.0.0.2' }) // what came before it has arrived
    other.write('GET / HTTP/1.1\r\n\r\n')
    await other.over()
    node.advance(afterMs + 1)
    await client.over()
    const [seen] = await node.observed(1, ({ source }) => source.ip === '127.0.0.1')
    assert.equal(text(seen!), evidence)
  }
})

test('over WebSocket: whom nothing may be sent to gets no answer, and is recorded', async () => {
  for (const change of [{ interaction: 'passive' }, { neverReply: ['127.0.0.0/8'] }] as const) {
    await using node = await start(change)
    for (const [index, bytes] of [WS_UPGRADE, 'GET / HTTP/1.1\r\n\r\n'].entries()) {
      using client = await tcpClient(node.wsPort)
      client.write(bytes)
      assert.equal(await client.over(), '')
      assert.equal((await node.observed(index + 1))[index]?.sentSize, 0)
    }
  }
})

test('over WebSocket: a flood of tiny frames leaves each turn to others', async () => {
  await using node = await start({ stream: { sourceTurn: { messageCount: 2, size: 2_048 } } })
  using flood = await tcpClient(node.wsPort)
  const ping = Buffer.from('818400000000', 'hex')
  const frames = Buffer.concat(Array.from({ length: 5_000 }, () => Buffer.concat([ping, Buffer.from('\r\n\r\n')])))
  flood.write(Buffer.concat([Buffer.from(WS_UPGRADE), frames]))
  using other = await webSocket(`ws://127.0.0.1:${node.wsPort}/`, { localAddress: '127.0.0.2' })
  other.socket.send(request())
  await other.got(1)
  await flood.got(/(?:[^\r]{2}\r\n){5000}$/)
})

test('over WebSocket: stopping records what was open', async () => {
  const node = await start()
  using client = await tcpClient(node.wsPort)
  client.write(WS_UPGRADE)
  await client.got(/ 101 /)
  await node[Symbol.asyncDispose]()
  await client.over()
  assert.deepEqual(node.observations.map(tagsOf), [['non-sip', 'ws-probe']])
  assert.equal(node.sensors.counters().connectionCount, 0)
})

test('over WebSocket: a bug ends one connection and not the sensor', async (t) => {
  await using node = await start()
  using client = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  const fault = t.mock.method(Buffer.prototype, 'equals', () => {
    throw new RangeError('a bug')
  })
  client.socket.send(request())
  await client.over()
  fault.mock.restore()
  assert.equal(node.sensors.counters().bugCount, 1)
  using other = await webSocket(`ws://127.0.0.1:${node.wsPort}/`)
  other.socket.send(request())
  await other.got(1)
})
