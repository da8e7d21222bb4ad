// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSensors, tcpClient, udpClient } from '../../../test/support/sensor-kit.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import type { Observation } from '../../core/event.ts'
import { StreamFramer } from '../../wire/sip/framing.ts'
import { ConnectionTable } from './connection-table.ts'
import { StreamInput } from './input.ts'

const text = ({ bytes }: Observation) => Buffer.from(bytes).toString('latin1')
const CLIENT_HELLO = Buffer.concat([Buffer.from('16030100fa010000f60303', 'hex'), Buffer.alloc(600, 0x5a)])

test('over TCP: an INVITE rings and is answered in full', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  client.write(invite())
  const received = await client.got(/a=sendrecv\r\n/)
  assert.deepEqual(received.match(/SIP\/2\.0 \d{3}/g), ['SIP/2.0 100', 'SIP/2.0 180', 'SIP/2.0 200'])
  for (const part of ['Server: Asterisk', 'Allow: INVITE', 'Supported: replaces', `:${node.tcpPort};transport=TCP>`]) {
    assert(received.includes(part), part)
  }
  const [seen] = await node.observed(1)
  assert.deepEqual(seen?.source, { ip: '127.0.0.1', port: client.port })
  assert.deepEqual(seen?.destination, { ip: '127.0.0.1', port: node.tcpPort })
  assert.equal(seen?.validation, 'transport')
  assert.equal(seen?.sentSize, received.length)
})

test('over TCP: of two clients at once, each is recorded under its own address', async () => {
  await using node = await startSensors()
  using first = await tcpClient(node.tcpPort, { from: '127.0.0.11' })
  using second = await tcpClient(node.tcpPort, { from: '127.0.0.12' })
  first.write(request({ callId: 'first' }))
  await first.got(/200 OK/)
  second.write(request({ callId: 'second' }))
  await second.got(/200 OK/)
  const seen = await node.observed(2)
  assert.deepEqual(
    seen.map((one) => [/Call-ID: (\S+)/.exec(text(one))?.[1], one.source]),
    [
      ['first', { ip: '127.0.0.11', port: first.port }],
      ['second', { ip: '127.0.0.12', port: second.port }],
    ],
  )
})

test('over TCP: a message cut at every byte is one message', async () => {
  await using node = await startSensors()
  const bytes = invite()
  using client = await tcpClient(node.tcpPort)
  for (let cut = 1; cut < bytes.length; cut += 1) {
    client.write(bytes.subarray(0, cut))
    await new Promise((resolve) => setImmediate(resolve)) // lets the first part leave as a segment of its own
    client.write(bytes.subarray(cut))
  }
  const seen = await node.observed(bytes.length - 1)
  assert(seen.every((one) => text(one) === bytes.toString('latin1') && one.responses.at(-1) === 200))
  assert.equal(node.observations.length, bytes.length - 1)
})

test('over TCP: a message that comes byte by byte is one message', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  for (const byte of request()) {
    client.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.got(/200 OK[\s\S]*\r\n\r\n/)
  assert.equal(node.observations.length, 1)
})

test('over TCP: many messages in one segment are answered in order', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  const ids = Array.from({ length: 50 }, (_, i) => `id-${i}`)
  client.write(Buffer.concat(ids.map((callId) => request({ callId }))))
  const received = await client.got(/Call-ID: id-49[\s\S]*\r\n\r\n$/)
  assert.deepEqual(
    Array.from(received.matchAll(/Call-ID: (\S+)/g), (match) => match[1]),
    ids,
  )
  assert.equal(node.observations.length, 50)
})

test('over TCP: line ends before, between and LF only', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  client.write(`\r\n${request({ callId: 'a' })}\r\n${request({ callId: 'b' }).toString().replaceAll('\r\n', '\n')}`)
  await client.got(/Call-ID: b[\s\S]*\r\n\r\n/)
  assert.equal(node.observations.length, 2)
})

test('over TCP: a CRLF keep-alive gets its CRLF, and leaves a trace when it was all', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  client.write('\r\n\r\n')
  assert.equal(await client.got(/\n/), '\r\n')
  client.socket.end()
  const [seen] = await node.observed(1)
  assert.equal(text(seen!), '\r\n\r\n')
})

test('over TCP: what is not SIP is one event of at most 512 bytes, then the connection is closed without a word', async () => {
  await using node = await startSensors()
  const strangers: Record<string, Buffer> = {
    HTTP: Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${'X-Pad: y\r\n'.repeat(100)}\r\n`),
    TLS: CLIENT_HELLO,
    NUL: Buffer.alloc(20),
    SSH: Buffer.from('SSH-2.0-Go\r\n'),
  }
  for (const [index, [name, bytes]] of Object.entries(strangers).entries()) {
    using client = await tcpClient(node.tcpPort)
    client.write(bytes)
    assert.equal(await client.over(), '', name)
    const seen = (await node.observed(index + 1))[index]!
    assert(bytes.subarray(0, 512).equals(Buffer.from(seen.bytes)), name)
    assert.equal(seen.size, bytes.length, name)
    assert.equal(seen.source.port, client.port, name)
  }
  assert.equal(node.observations.length, Object.keys(strangers).length)
})

test('over TCP: a SIP response is recorded and not answered', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  client.write('SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x\r\nContent-Length: 0\r\n\r\n')
  client.write(request({ callId: 'after' }))
  assert.match(await client.got(/\r\n\r\n/), /^SIP\/2\.0 200 OK[\s\S]*Call-ID: after/)
  const seen = await node.observed(2)
  assert.deepEqual(
    seen.map(({ responses }) => responses),
    [[], [200]],
  )
})

test('over TCP: a wrong Content-Length gets 400 and ends the connection', async () => {
  await using node = await startSensors()
  const sdp = 'v=0\r\n'
  for (const [index, length] of [
    '',
    'Content-Length: abc\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n',
  ].entries()) {
    using client = await tcpClient(node.tcpPort)
    const bytes = request({ body: sdp }).toString().replace('Content-Length: 5\r\n', length)
    client.write(bytes)
    assert.match(await client.over(), /^SIP\/2\.0 400 Bad Request\r\n[\s\S]*\r\n\r\n$/)
    const seen = (await node.observed(index + 1))[index]!
    assert.equal(text(seen), bytes) // its body too
    assert.deepEqual(seen.responses, [400])
  }
  assert.equal(node.observations.length, 3)
})

test('over TCP: more than 64 KiB gets 513 and ends the connection', async () => {
  await using node = await startSensors()
  const oversize = {
    announced: request().toString().replace('Content-Length: 0', 'Content-Length: 70000'),
    'by its headers': request({ headers: Array.from({ length: 8 }, () => `Subject: ${'x'.repeat(5_000)}`) }).toString(),
  }
  for (const [name, bytes] of Object.entries(oversize)) {
    using client = await tcpClient(node.tcpPort)
    client.write(bytes)
    assert.match(await client.over(), /^SIP\/2\.0 513 /, name)
  }
  const seen = await node.observed(2)
  assert(seen.every(({ responses }) => responses[0] === 513))
})

test('over TCP: a client that closes its side still gets its answers', async () => {
  await using node = await startSensors()
  using client = await tcpClient(node.tcpPort)
  client.socket.end(Buffer.concat([request({ callId: 'a' }), request({ callId: 'b' })]))
  assert.deepEqual((await client.over()).match(/Call-ID: \S+/g), ['Call-ID: a', 'Call-ID: b'])
})

test('over TCP: half a message is recorded when its connection ends, also by a reset', async () => {
  await using node = await startSensors()
  const half = request().subarray(0, 100)
  using polite = await tcpClient(node.tcpPort)
  polite.socket.end(half)
  assert.equal(text((await node.observed(1))[0]!), half.toString())
  using rude = await tcpClient(node.tcpPort)
  rude.write(Buffer.concat([request(), half]))
  await rude.got(/200 OK/)
  rude.socket.resetAndDestroy()
  const seen = await node.observed(3)
  assert.equal(text(seen[2]!), half.toString())
  assert.equal(seen[2]!.source.port, rude.port)
})

test('over TCP: a connection without a byte is recorded, when it closes or after ten seconds', async () => {
  await using node = await startSensors({ stream: { sweepMs: 5 } })
  using scan = await tcpClient(node.tcpPort)
  scan.socket.destroy()
  await node.observed(1)
  using idle = await tcpClient(node.tcpPort)
  idle.socket.resume()
  while (node.sensors.counters().connectionCount === 0) await new Promise((resolve) => setImmediate(resolve))
  node.advance(10_000)
  await idle.over()
  const seen = await node.observed(2)
  assert.deepEqual(
    seen.map(({ size, responses }) => [size, responses]),
    [
      [0, []],
      [0, []],
    ],
  )
  assert.equal(seen[1]!.source.port, idle.port)
  assert.equal(node.sensors.counters().receivedCount, 0)
})

test('over TCP: a message has 20 seconds, and has to come at 50 bytes a second', async () => {
  await using node = await startSensors({ stream: { sweepMs: 1 } })
  const slow: [bytes: Buffer, ms: number][] = [
    [request().subarray(0, 200), 5_000],
    [invite({ body: 'x'.repeat(5_000) }).subarray(0, -10), 20_000],
  ]
  for (const [index, [bytes, ms]] of slow.entries()) {
    using client = await tcpClient(node.tcpPort)
    client.write(Buffer.concat([request(), bytes]))
    await client.got(/200 OK/)
    node.advance(ms - 1_000)
    client.write('\t')
    using udp = await udpClient(node.udpPort)
    udp.send(request())
    await udp.replied(1)
    assert.equal(node.sensors.counters().connectionCount, 1)
    node.advance(1_000)
    await client.over()
    const cut = await node.observed(
      index + 1,
      ({ transport, responses }) => transport === 'tcp' && responses.length === 0,
    )
    assert.equal(text(cut[index]!).trimEnd(), bytes.toString().trimEnd())
  }
})

test('over TCP: an idle connection is closed after five minutes', async () => {
  await using node = await startSensors({ stream: { sweepMs: 5 } })
  using client = await tcpClient(node.tcpPort)
  client.write(request())
  await client.got(/200 OK/)
  node.advance(299_000)
  client.write(request())
  await client.got(/200 OK[\s\S]*200 OK/)
  node.advance(299_000)
  client.write('\r\n\r\n')
  await client.got(/\r\n\r\n\r\n$/)
  node.advance(300_000)
  await client.over()
  assert.equal(node.observations.length, 2)
})

test('over TCP: a peer that does not read is not read from, and others go on', async () => {
  await using node = await startSensors()
  using greedy = await tcpClient(node.tcpPort)
  greedy.socket.pause()
  const many = Buffer.concat(Array(200).fill(invite()))
  let isStuck = false
  while (!isStuck) isStuck = !greedy.write(many) && greedy.socket.writableLength > 8 * many.length
  using other = await tcpClient(node.tcpPort)
  other.write(request())
  await other.got(/200 OK/)
  greedy.socket.resume()
  await greedy.got(/200 OK/)
})

test('over TCP: of one source 20 connections stay, and the longest idle of them goes', async () => {
  await using node = await startSensors()
  await using clients = new AsyncDisposableStack()
  const all = []
  for (let i = 0; i < 20; i++) all.push(clients.use(await tcpClient(node.tcpPort)))
  for (const client of all) {
    client.write(request())
    await client.got(/200 OK/)
  }
  all[0]!.write(request()) // so that the second is idle longest
  await all[0]!.got(/200 OK[\s\S]*200 OK/)
  using stranger = await tcpClient(node.tcpPort, { from: '127.0.0.2' })
  using last = await tcpClient(node.tcpPort)
  await all[1]!.over()
  for (const client of [stranger, last, all[0]!, all[2]!]) {
    client.write(request())
    await client.got(/200 OK[\s\S]*\r\n\r\n$/)
  }
  const { connectionCount, shedConnectionCount } = node.sensors.counters()
  assert.deepEqual([connectionCount, shedConnectionCount], [21, 1])
})

test('over TCP: at the limit for all, the longest idle of all goes', async () => {
  await using node = await startSensors({ stream: { connectionCountMax: 3 } })
  using first = await tcpClient(node.tcpPort, { from: '127.0.0.2' })
  await using clients = new AsyncDisposableStack()
  for (let i = 3; i < 6; i++) {
    const client = clients.use(await tcpClient(node.tcpPort, { from: `127.0.0.${i}` }))
    client.write(request())
    await client.got(/200 OK/)
  }
  await first.over()
  const [seen] = await node.observed(1, ({ size }) => size === 0)
  assert.deepEqual(seen?.source, { ip: '127.0.0.2', port: first.port })
})

test('2,000 idle connections do not keep UDP from being answered', async () => {
  await using node = await startSensors({ stream: { perSourceMax: 50 } })
  await using idle = new AsyncDisposableStack()
  for (let from = 0; from < 2_000; from += 100) {
    const batch = Array.from({ length: 100 }, (_, i) =>
      tcpClient(node.tcpPort, { from: `127.0.1.${1 + ((from + i) % 50)}` }),
    )
    for (const client of await Promise.all(batch)) idle.use(client)
  }
  while (node.sensors.counters().connectionCount < 2_000) await new Promise((resolve) => setImmediate(resolve))
  using client = await udpClient(node.udpPort)
  for (let i = 1; i <= 100; i++) {
    client.send(SCANNERS['svmap OPTIONS']!)
    await client.replied(i)
  }
  assert.equal(node.sensors.counters().connectionCount, 2_000)
  using more = await tcpClient(node.tcpPort, { from: '127.0.1.1' })
  more.write(request())
  await more.got(/200 OK/)
})

test('over TCP: passive sends not a byte, no pong either, and records', async () => {
  await using node = await startSensors({ interaction: 'passive' })
  using client = await tcpClient(node.tcpPort)
  client.write('\r\n\r\n')
  client.socket.end(Buffer.concat([invite(), request()]))
  assert.equal(await client.over(), '')
  const seen = await node.observed(2)
  assert(seen.every((one) => one.collectedMethod === 'passive' && one.sentSize === 0))
})

test('over TCP: IPv6', async () => {
  await using node = await startSensors({ listen: [{ transport: 'tcp', host: '::', port: 0 }] })
  using client = await tcpClient(node.tcpPort, { host: '::1' })
  client.write(invite())
  await client.got(/c=IN IP6 ::1\r\n/)
  const [seen] = await node.observed(1)
  assert.deepEqual(seen?.source, { ip: '::1', port: client.port })
  assert.deepEqual(seen?.destination, { ip: '::1', port: node.tcpPort })
})

test('stopping closes all connections within a second, and records what they had sent', async () => {
  const node = await startSensors()
  using half = await tcpClient(node.tcpPort)
  half.write(request().subarray(0, 50))
  using silent = await tcpClient(node.tcpPort)
  while (node.sensors.counters().connectionCount < 2) await new Promise((resolve) => setImmediate(resolve))
  const startedAt = performance.now()
  await node[Symbol.asyncDispose]()
  assert(performance.now() - startedAt < 1_000)
  await Promise.all([half.over(), silent.over()])
  assert.equal(node.observations.length, 2)
  assert.equal(node.sensors.counters().connectionCount, 0)
})

test('over TCP: a flood of one source leaves each turn to others, and nothing of it is lost or out of order', async () => {
  const sourceTurn = { messageCount: 2, size: 8_192 }
  await using node = await startSensors({ stream: { sourceTurn } })
  using flood = await tcpClient(node.tcpPort)
  const ids = Array.from({ length: 300 }, (_, i) => `flood-${i}`)
  flood.write(Buffer.concat(ids.map((callId) => request({ callId }))))
  using other = await tcpClient(node.tcpPort, { from: '127.0.0.2' })
  other.write(request())
  await other.got(/200 OK/)
  const received = await flood.got(/Call-ID: flood-299[\s\S]*\r\n\r\n$/)
  assert.deepEqual(
    Array.from(received.matchAll(/Call-ID: (\S+)/g), (match) => match[1]),
    ids,
  )
})

test('over TCP: what had come before a reset is recorded message by message, also when it had to wait', async () => {
  let isBusy = true
  await using node = await startSensors({}, { isBusy: () => isBusy })
  using client = await tcpClient(node.tcpPort)
  client.write(Buffer.concat(Array.from({ length: 100 }, () => request())))
  using silent = await tcpClient(node.tcpPort, { from: '127.0.0.2' })
  silent.socket.resetAndDestroy()
  await node.observed(1) // so the bytes of the first are there as well
  client.socket.resetAndDestroy()
  using udp = await udpClient(node.udpPort)
  udp.send(request())
  await udp.replied(1)
  assert.equal(node.observations.length, 2)
  isBusy = false
  const seen = await node.observed(101, ({ transport }) => transport === 'tcp')
  assert.equal(seen.filter(({ size }) => size === request().length).length, 100)
})

test('over TCP: stopping records what waits', async () => {
  const node = await startSensors({}, { isBusy: () => true })
  using client = await tcpClient(node.tcpPort)
  client.write(Buffer.concat([request(), request()]))
  using silent = await tcpClient(node.tcpPort, { from: '127.0.0.2' })
  silent.socket.resetAndDestroy()
  await node.observed(1)
  await node[Symbol.asyncDispose]()
  assert.equal(text(node.observations[1]!), `${request()}${request()}`)
})

const FAULTS: Record<string, [target: object, name: string]> = {
  'in framing': [StreamFramer.prototype, 'push'],
  'when it ends': [StreamInput.prototype, 'takeRest'],
  'in working': [StreamInput.prototype, 'pendingSize'],
  'in accepting': [ConnectionTable.prototype, 'enter'],
}
for (const [name, [target, method]] of Object.entries(FAULTS)) {
  test(`over TCP: a bug ${name} ends one connection and not the sensor`, async (t) => {
    const vectors: string[] = []
    const keepVector = (bytes: Uint8Array) => vectors.push(Buffer.from(bytes).toString())
    await using node = await startSensors({ stream: { sweepMs: 5 } }, { keepVector })
    using bystander = await tcpClient(node.tcpPort)
    bystander.write(request())
    await bystander.got(/200 OK/)
    const fault = () => {
      throw new RangeError('a bug')
    }
    const isGetter = Object.getOwnPropertyDescriptor(target, method)?.get !== undefined
    const mock = isGetter
      ? t.mock.getter(target, method as never, fault)
      : t.mock.method(target, method as never, fault)
    using client = await tcpClient(node.tcpPort)
    client.socket.end(request().subarray(0, 50))
    await client.over()
    mock.mock.restore()
    assert.equal(node.sensors.counters().bugCount, 1)
    assert.deepEqual(vectors, [name === 'in framing' ? request().toString().slice(0, 50) : ''])
    bystander.write(request())
    await bystander.got(/200 OK[\s\S]*200 OK/)
    assert.equal(node.sensors.counters().connectionCount, 1)
  })
}

test('over TCP: a bug in the sweep ends one connection, and the others are swept', async (t) => {
  await using node = await startSensors({ stream: { sweepMs: 5 } })
  using client = await tcpClient(node.tcpPort)
  client.write(Buffer.concat([request(), request().subarray(0, 50)]))
  using idle = await tcpClient(node.tcpPort)
  await client.got(/200 OK/)
  while (node.sensors.counters().connectionCount < 2) await new Promise((resolve) => setImmediate(resolve))
  t.mock.getter(StreamInput.prototype, 'pendingSize', () => {
    throw new RangeError('a bug')
  })
  node.advance(10_000)
  await Promise.all([client.over(), idle.over()])
  assert.equal(node.sensors.counters().bugCount, 1)
  assert.equal(node.sensors.counters().connectionCount, 0)
})
