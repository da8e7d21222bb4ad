// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { TLS_VECTORS } from '../../../test/support/client-hellos.ts'
import { makeCredentials } from '../../../test/support/credentials.ts'
import { listenersOf, startSensors, tcpClient } from '../../../test/support/sensor-kit.ts'
import { invite, request } from '../../../test/support/sip-samples.ts'
import { deriveEvent } from '../../store/derive.ts'
import type { SensorDeps, SensorsConfig } from '../sensors.ts'
import { ConnectionTable } from './connection-table.ts'
import type { HeldConnection } from './held.ts'
import { STREAM_LIMITS } from './limits.ts'

const CREDENTIALS = makeCredentials()
const HANDSHAKE = new RegExp(`^${String.fromCharCode(0x16)}`) // the type of its records
const JA4 = /^t13[di]\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}$/

const start = (change: Partial<SensorsConfig> = {}, deps: Partial<SensorDeps> = {}) =>
  startSensors({ listen: listenersOf('udp', 'tcp', 'tls'), credentials: CREDENTIALS, ...change }, deps)

/** A TLS client after its handshake, and what it received so far. */
async function tlsClient(port: number, options: ConnectionOptions = {}) {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  let received = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => (received += bytes.toString('latin1')))
  await once(socket, 'secureConnect')
  return {
    socket,
    write: (bytes: Uint8Array | string) => socket.write(bytes),
    async got(pattern: RegExp): Promise<string> {
      while (!pattern.test(received)) await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })
      return received
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

const tagsOf = (observation: Parameters<typeof deriveEvent>[1]) => deriveEvent(1, observation).tags

test('over TLS: an INVITE is answered, with our TLS port as Contact, and its client has a fingerprint', async () => {
  await using node = await start()
  using client = await tlsClient(node.tlsPort)
  client.write(invite())
  const received = await client.got(/a=sendrecv\r\n/)
  assert.deepEqual(received.match(/SIP\/2\.0 \d{3}/g), ['SIP/2.0 100', 'SIP/2.0 180', 'SIP/2.0 200'])
  assert(received.includes(`:${node.tlsPort};transport=TLS>`))
  const [seen] = await node.observed(1)
  assert.equal(seen?.transport, 'tls')
  assert.equal(seen?.validation, 'transport')
  assert.match(seen?.ja4 ?? '', JA4)
  assert.deepEqual(seen?.destination, { ip: '127.0.0.1', port: node.tlsPort })
  assert.deepEqual(seen?.source, { ip: '127.0.0.1', port: client.socket.localPort })
  assert.equal(seen?.sentSize, received.length)
})

test('over TLS: ALPN is agreed on when it is sip, and else ignored', async () => {
  await using node = await start()
  for (const [asked, agreed] of [
    [['sip'], 'sip'],
    [['h2', 'sip'], 'sip'],
    [['h2', 'http/1.1'], false],
    [undefined, false],
  ] as const) {
    using client = await tlsClient(node.tlsPort, asked === undefined ? {} : { ALPNProtocols: [...asked] })
    assert.equal(client.socket.alpnProtocol, agreed)
    client.write(request())
    await client.got(/200 OK/)
  }
})

test('over TLS: a handshake without SIP is one probe, whose evidence is the ClientHello', async () => {
  await using node = await start()
  using client = await tlsClient(node.tlsPort)
  client.socket.end()
  const [seen] = await node.observed(1)
  assert(seen)
  assert.deepEqual(tagsOf({ ...seen, rawShed: false }), ['non-sip', 'tls-probe'])
  assert.equal(seen.transport, 'tls')
  assert.match(seen.ja4 ?? '', JA4)
  assert(seen.bytes.length === Math.min(512, seen.size) && seen.bytes[0] === 0x16)
  assert.equal(node.observations.length, 1)
})

test('over TLS: what is not SIP inside is recorded as it was', async () => {
  await using node = await start()
  using client = await tlsClient(node.tlsPort)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [seen] = await node.observed(1)
  assert.match(Buffer.from(seen!.bytes).toString(), /^GET \/ HTTP/)
  assert.match(seen?.ja4 ?? '', JA4)
  await once(client.socket, 'close')
  assert.equal(node.observations.length, 1)
})

test('on the TLS port: SIP in plain text is taken as over TCP, and other plain text is not SIP', async () => {
  await using node = await start()
  using client = await tcpClient(node.tlsPort)
  client.write(request())
  await client.got(/200 OK/)
  using web = await tcpClient(node.tlsPort, { from: '127.0.0.2' })
  web.write('GET / HTTP/1.1\r\n\r\n')
  assert.equal(await web.over(), '')
  const [plain, http] = await node.observed(2)
  assert.deepEqual([plain?.transport, plain?.responses, plain?.ja4], ['tcp', [200], undefined])
  assert.deepEqual([http?.transport, tagsOf({ ...http!, rawShed: false })], ['tcp', ['non-sip']])
})

test('over TLS: a ClientHello cut at every byte is one, and is answered', async () => {
  await using node = await start({ stream: { perSourceMax: 4_000 } })
  const { bytes, expected } = TLS_VECTORS.find(({ name }) => name === 'openssl-3.0-tls1.2')!
  for (let cut = 1; cut < bytes.length; cut++) {
    const socket = connectTcp({ port: node.tlsPort, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    socket.write(bytes.subarray(0, cut))
    await new Promise((resolve) => setImmediate(resolve)) // lets the first part leave as a segment of its own
    socket.write(bytes.subarray(cut))
    const [answer] = await once(socket, 'data')
    assert.equal(answer[0], 0x16) // a ServerHello
    socket.destroy()
  }
  const seen = await node.observed(bytes.length - 1)
  assert(seen.every(({ ja4 }) => ja4 === expected))
  assert.equal(node.sensors.counters().bugCount, 0)
})

test('over TLS: garbage in place of a hello or within the handshake is a probe and no bug', async () => {
  await using node = await start()
  const { bytes } = TLS_VECTORS[0]!
  const bad = [
    Buffer.concat([Buffer.from('160301020001', 'hex'), Buffer.alloc(511, 0xa5)]),
    Buffer.concat([bytes.subarray(0, 60), Buffer.alloc(bytes.length - 60, 0xff)]),
    Buffer.concat([bytes, Buffer.alloc(5_000, 0xa5)]),
    Buffer.concat([Buffer.from('16030140000100ffff', 'hex'), Buffer.alloc(9_000)]),
  ]
  for (const [index, one] of bad.entries()) {
    using client = await tcpClient(node.tlsPort)
    client.write(one)
    await client.over()
    client.socket.destroy()
    const seen = (await node.observed(index + 1))[index]!
    assert.deepEqual(tagsOf({ ...seen, rawShed: false }), ['non-sip', 'tls-probe'])
    assert(seen.bytes.length <= 512)
  }
  while (node.sensors.counters().connectionCount > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(node.sensors.counters().bugCount, 0)
})

for (const [name, bytes] of [
  ['before its hello is complete', TLS_VECTORS[0]!.bytes.subarray(0, 50)],
  ['after its hello', TLS_VECTORS[0]!.bytes],
] as const) {
  test(`over TLS: a handshake that stalls ${name} ends after 5 s`, async () => {
    await using node = await start({ stream: { sweepMs: 5 } })
    using client = await tcpClient(node.tlsPort)
    client.write(bytes)
    if (bytes.length > 50) await client.got(HANDSHAKE)
    else {
      using _other = await tlsClient(node.tlsPort) // it came later, so the bytes before it have arrived
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(STREAM_LIMITS.handshakeMs, 5_000)
    node.advance(5_100)
    await client.over()
    const [seen] = await node.observed(1, ({ size }) => size === bytes.length)
    assert.deepEqual(tagsOf({ ...seen!, rawShed: false }), ['non-sip', 'tls-probe'])
  })
}

test('on the TLS port: a connection that says nothing ends after 10 s', async () => {
  await using node = await start({ stream: { sweepMs: 5 } })
  using client = await tcpClient(node.tlsPort)
  while (node.sensors.counters().connectionCount < 1) await new Promise((resolve) => setImmediate(resolve))
  node.advance(STREAM_LIMITS.firstByteMs)
  await client.over()
  const [seen] = await node.observed(1)
  assert.deepEqual([seen?.transport, seen?.size], ['tls', 0])
})

test('over TLS: connections count from the accept on, in all their stages', async () => {
  await using node = await start({ stream: { connectionCountMax: 6, perSourceMax: 3 } })
  const silent = await tcpClient(node.tlsPort)
  const stalled = await tcpClient(node.tlsPort)
  stalled.write(TLS_VECTORS[0]!.bytes)
  await stalled.got(HANDSHAKE)
  using secured = await tlsClient(node.tlsPort)
  secured.write(request())
  await secured.got(/200 OK/)
  assert.equal(node.sensors.counters().connectionCount, 3)
  using _fourth = await tlsClient(node.tlsPort)
  await silent.over() // the longest idle made room
  assert.equal(node.sensors.counters().connectionCount, 3)
  using _fifth = await tlsClient(node.tlsPort)
  await stalled.over()
  assert.equal(node.sensors.counters().shedConnectionCount, 2)
  secured.write(request())
  await secured.got(/200 OK[\s\S]*200 OK/)
})

test('over TLS: whom nothing may be sent to gets no handshake, and is recorded with its fingerprint', async () => {
  for (const change of [{ interaction: 'passive' }, { neverReply: ['127.0.0.0/8'] }] as const) {
    await using node = await start(change)
    using client = await tcpClient(node.tlsPort)
    client.write(TLS_VECTORS[0]!.bytes)
    assert.equal(await client.over(), '')
    const [seen] = await node.observed(1)
    assert.equal(seen?.ja4, TLS_VECTORS[0]!.expected)
  }
})

test('over TLS: a peer that does not read is not read from, and others go on', async () => {
  await using node = await start()
  using greedy = await tlsClient(node.tlsPort)
  greedy.socket.pause()
  const many = Buffer.concat(Array(200).fill(invite()))
  let isStuck = false
  while (!isStuck) isStuck = !greedy.write(many) && greedy.socket.writableLength > 8 * many.length
  using other = await tlsClient(node.tlsPort)
  other.write(request())
  await other.got(/200 OK/)
  greedy.socket.resume()
  await greedy.got(/200 OK/)
})

test('over TLS: who closes its side still gets the answer to what it had sent', async () => {
  await using node = await start()
  using client = await tlsClient(node.tlsPort, { allowHalfOpen: true } as ConnectionOptions)
  client.socket.end(request())
  await client.got(/200 OK/)
  await once(client.socket, 'close')
  assert.equal(node.observations.length, 1)
})

test('over TLS: a client cannot ask for another handshake', async () => {
  await using node = await start()
  using client = await tlsClient(node.tlsPort, { maxVersion: 'TLSv1.2' })
  client.write(request())
  await client.got(/200 OK/)
  const error = await new Promise((resolve) => {
    client.socket.on('error', resolve)
    client.socket.renegotiate({}, (cause) => cause !== null && resolve(cause))
  })
  assert.match(String(error), /no renegotiation|NO_RENEGOTIATION/i)
})

test('over TLS: versions before 1.2 are spoken when they are asked for', async () => {
  await using modern = await start()
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
  await assert.rejects(tlsClient(modern.tlsPort, old))
  await using lenient = await start({ tls: { minVersion: '1.0' } })
  using client = await tlsClient(lenient.tlsPort, old)
  assert.equal(client.socket.getProtocol(), 'TLSv1')
  client.write(request())
  await client.got(/200 OK/)
  const [seen] = await lenient.observed(1)
  assert.match(seen?.ja4 ?? '', /^t10/)
})

test('over TLS: a new certificate is shown to new connections, and one that is none changes nothing', async () => {
  await using node = await start()
  const nameNow = async () => {
    using client = await tlsClient(node.tlsPort)
    return client.socket.getPeerCertificate().subject.CN
  }
  using before = await tlsClient(node.tlsPort)
  assert.equal(await nameNow(), 'pbx')
  node.sensors.renewCredentials(makeCredentials('second'))
  assert.equal(await nameNow(), 'second')
  assert.throws(() => node.sensors.renewCredentials({ certificate: 'broken', key: CREDENTIALS.key }))
  assert.throws(() =>
    node.sensors.renewCredentials({ certificate: CREDENTIALS.certificate, key: makeCredentials().key }),
  )
  assert.equal(await nameNow(), 'second')
  before.write(request())
  await before.got(/200 OK/)
})

test('over TLS: stopping in the middle of a handshake records it', async () => {
  const node = await start()
  using client = await tcpClient(node.tlsPort)
  client.write(TLS_VECTORS[0]!.bytes)
  await client.got(HANDSHAKE)
  await node[Symbol.asyncDispose]()
  await client.over()
  assert.equal(node.observations.length, 1)
  assert.equal(node.sensors.counters().connectionCount, 0)
})

for (const [about, stage] of [
  ['in accepting', 1],
  ['before the handshake', 2],
  ['after the handshake', 3],
] as const) {
  test(`over TLS: a bug ${about} ends one connection and not the sensor, and is recorded`, async (t) => {
    await using node = await start()
    const { enter } = ConnectionTable.prototype
    let callCount = 0
    t.mock.method(ConnectionTable.prototype, 'enter', function (this: ConnectionTable, one: HeldConnection) {
      if (++callCount === stage) throw new RangeError('a bug')
      enter.call(this, one)
    })
    const socket = connect({ port: node.tlsPort, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('close', resolve))
    assert.equal(node.sensors.counters().bugCount, 1)
    if (stage > 1) {
      const [seen] = await node.observed(1)
      assert.equal(seen?.bytes[0], 0x16)
    }
    using other = await tlsClient(node.tlsPort)
    other.write(request())
    await other.got(/200 OK/)
    assert.equal(node.sensors.counters().connectionCount, 1)
  })
}
