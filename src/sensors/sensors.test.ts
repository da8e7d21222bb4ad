// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { RECEIVERS_HERE, startSensors, tcpClient, udpClient } from '../../test/support/sensor-kit.ts'
import { request } from '../../test/support/sip-samples.ts'
import { DaemonError, type ErrorCode } from '../core/errors.ts'
import { scopeOf } from './bind.ts'
import { openFilesMax } from './open-files.ts'
import { warnOfSmallBuffer } from './udp/udp.ts'

const NO_BATCHES = !RECEIVERS_HERE.includes('recvmmsg') && 'this system has no recvmmsg that Node could call'

function fails(code: ErrorCode, ...parts: string[]) {
  return (error: unknown) => {
    assert(error instanceof DaemonError)
    assert.equal(error.code, code)
    for (const part of parts) assert(error.message.includes(part), `"${part}" is not in: ${error.message}`)
    return true
  }
}

for (const transport of ['udp', 'tcp'] as const) {
  test(`listenSensors() says who may hold a ${transport} port, and what to do`, async () => {
    await using holder = await startSensors({ listen: [{ transport, host: '127.0.0.1', port: 0 }] })
    const port = holder.sensors.listeners[0]!.endpoint.port
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      await assert.rejects(
        startSensors({ listen: [{ transport, host, port }] }),
        fails('PORT_IN_USE', `${transport} ${host}:${port}`, 'Asterisk', `--sip ${transport}:${host}:PORT`, 'ss -l'),
      )
    }
  })

  test(`listenSensors() names a ${transport} address that the machine lacks`, async () => {
    const listen = [{ transport, host: '192.0.2.123', port: 5060 }]
    await assert.rejects(
      startSensors({ listen }),
      fails('LISTEN_FAILED', `${transport} 192.0.2.123:5060`, 'ip address'),
    )
  })
}

test('listenSensors() resolves no names', async () => {
  const listen = [{ transport: 'udp' as const, host: 'sip.example.org', port: 5060 }]
  await assert.rejects(startSensors({ listen }), fails('LISTEN_FAILED', 'sip.example.org', 'IP address'))
})

test('listenSensors() refuses a network that is none before it listens', async () => {
  await assert.rejects(startSensors({ neverReply: ['10.0.0.0/40'] }), fails('CONFIG_INVALID', '10.0.0.0/40'))
})

test('listenSensors() closes the listeners that it had when another one fails', async () => {
  const first = await startSensors()
  const ports = { udp: first.udpPort, tcp: first.tcpPort }
  await first[Symbol.asyncDispose]()
  const good = [
    { transport: 'udp' as const, host: '127.0.0.1', port: ports.udp },
    { transport: 'tcp' as const, host: '127.0.0.1', port: ports.tcp },
  ]
  await assert.rejects(startSensors({ listen: [...good, { transport: 'tcp', host: '192.0.2.123', port: 5060 }] }))
  await using again = await startSensors({ listen: good })
  assert.deepEqual([again.udpPort, again.tcpPort], [ports.udp, ports.tcp])
})

test('listenSensors() listens nowhere when it is not enabled', async () => {
  await using node = await startSensors({ enabled: false })
  assert.deepEqual(node.sensors.listeners, [])
})

test('listenSensors() takes a repeated address, and one that another covers, once', async () => {
  for (const receiver of RECEIVERS_HERE) {
    await using probe = await startSensors()
    const ports = { udp: probe.udpPort, tcp: probe.tcpPort }
    await probe[Symbol.asyncDispose]()
    await using node = await startSensors({
      receiver,
      listen: [
        { transport: 'tcp', host: '0.0.0.0', port: ports.tcp },
        { transport: 'tcp', host: '127.0.0.1', port: ports.tcp },
        { transport: 'udp', host: '0.0.0.0', port: ports.udp },
        { transport: 'udp', host: '127.0.0.1', port: ports.udp },
        { transport: 'udp', host: '127.0.0.1', port: ports.udp },
      ],
    })
    assert.deepEqual(
      node.sensors.listeners.map(({ transport, endpoint }) => `${transport} ${endpoint.ip}`),
      ['tcp 0.0.0.0', receiver === 'recvmmsg' ? 'udp 0.0.0.0' : 'udp 127.0.0.1'],
    )
  }
})

test('one socket of the system for all addresses knows the real destination, and replies from there', {
  skip: NO_BATCHES,
}, async () => {
  for (const [all, hosts] of [
    ['0.0.0.0', ['127.0.0.1', '127.0.0.2', '127.3.2.1']],
    ['::', ['::1']],
  ] as const) {
    await using node = await startSensors({
      receiver: 'recvmmsg',
      listen: [{ transport: 'udp', host: all, port: 0 }],
    })
    assert.deepEqual(node.sensors.listeners, [
      { transport: 'udp', endpoint: { ip: all, port: node.udpPort }, receiver: 'recvmmsg' },
    ])
    for (const host of hosts) {
      using client = await udpClient(node.udpPort, { host, from: all === '::' ? '::1' : '127.0.0.1' })
      await client.connect()
      client.send(request())
      await client.replied(1) // a connected socket takes nothing from another address
      const [seen] = await node.observed(1, ({ source }) => source.port === client.port)
      assert.deepEqual(seen?.destination, { ip: host, port: node.udpPort })
    }
  }
})

test('several receivers share an address, and each datagram comes to one of them', {
  skip: NO_BATCHES,
}, async () => {
  const listen = (port: number) => [{ transport: 'udp' as const, host: '127.0.0.1', port }]
  await using one = await startSensors({ receiver: 'recvmmsg', shared: true, listen: listen(0) })
  await using two = await startSensors({ receiver: 'recvmmsg', shared: true, listen: listen(one.udpPort) })
  const clients = await Promise.all(Array.from({ length: 32 }, () => udpClient(one.udpPort)))
  for (const client of clients) client.send(request())
  for (const client of clients) assert.equal((await client.replied(1)).length, 1)
  for (const client of clients) client[Symbol.dispose]()
  assert.equal(one.observations.length + two.observations.length, 32)
  assert.ok(one.observations.length > 0 && two.observations.length > 0)
})

for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
  test(`what comes to ${host} is dealt out by the network of its source`, { skip: NO_BATCHES }, async () => {
    const listen = (port: number) => [{ transport: 'udp' as const, host, port }]
    await using one = await startSensors({ receiver: 'recvmmsg', listen: listen(0) })
    one.sensors.share()
    await using two = await startSensors({ receiver: 'recvmmsg', shared: true, listen: listen(one.udpPort) })
    one.sensors.deal(2)
    assert.deepEqual([one.logged, two.logged], [[], []])
    const sources = host === '::' ? ['::1'] : ['127.0.8.1', '127.0.8.200', '127.0.9.1', '127.0.9.200']
    const target = host === '::' ? '::1' : '127.0.0.1'
    for (const from of sources) {
      for (let i = 0; i < 4; i++) {
        using client = await udpClient(one.udpPort, { host: target, from })
        client.send(request())
        await client.replied(1)
      }
    }
    const networksOf = ({ observations }: typeof one) =>
      [...new Set(observations.map(({ source }) => source.ip.split('.').slice(0, 3).join('.')))].sort()
    assert.equal(one.observations.length + two.observations.length, 4 * sources.length)
    if (host === '::') assert.ok([one, two].some(({ observations }) => observations.length === 0))
    else assert.deepEqual([networksOf(one), networksOf(two)].sort(), [['127.0.8'], ['127.0.9']])
  })
}

test('a zone is the interface of its link-local address, whatever stands before that', async () => {
  const ipv6 = { netmask: '', mac: '', internal: false, cidr: null, family: 'IPv6' as const }
  const eth0 = [
    { ...ipv6, address: 'fd00::2', scopeid: 0 },
    { ...ipv6, address: 'fe80::2', scopeid: 4 },
  ]
  assert.deepEqual([scopeOf('eth0', { eth0 }), scopeOf('7', { eth0 }), scopeOf('eth1', { eth0 })], [4, 7, 0])
  const found = Object.entries(networkInterfaces()).flatMap(([zone, addresses]) =>
    (addresses ?? []).flatMap((one) => (one.family === 'IPv6' && one.scopeid > 0 ? [{ zone, ...one }] : [])),
  )[0]
  if (found === undefined) return // a machine without one has nothing to bind
  for (const receiver of RECEIVERS_HERE) {
    for (const zone of [found.zone, String(found.scopeid)]) {
      if (receiver === 'dgram' && zone !== found.zone) continue // Node's own sockets take the name alone
      const listen = [{ transport: 'udp' as const, host: `${found.address}%${zone}`, port: 0 }]
      await using node = await startSensors({ receiver, listen })
      assert.equal(node.sensors.listeners[0]?.endpoint.ip, found.address)
    }
  }
})

test('what the system had received at a stop is taken, and what it had dropped is still told', {
  skip: NO_BATCHES,
}, async () => {
  const node = await startSensors({ receiver: 'recvmmsg', listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }] })
  using client = await udpClient(node.udpPort)
  const sent = Array.from({ length: 300 }, () => new Promise<void>((resolve) => client.sendThen(request(), resolve)))
  await Promise.all(sent)
  await node[Symbol.asyncDispose]()
  assert.equal(node.observations.length, 300)
  assert.equal(node.sensors.counters().kernelDropCount, 0)
})

test('a UDP wildcard has a socket for each address, so that the destination is the real one', async () => {
  const own = ['127.0.0.1', '127.0.0.2', '::1', 'fe80::1']
  await using node = await startSensors(
    { receiver: 'dgram', listen: [{ transport: 'udp', host: '0.0.0.0', port: 0 }] },
    { ownAddresses: () => own },
  )
  assert.deepEqual(
    node.sensors.listeners.map(({ endpoint }) => endpoint),
    ['127.0.0.1', '127.0.0.2'].map((ip) => ({ ip, port: node.udpPort })),
  )
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    using client = await udpClient(node.udpPort, { host, from: '127.0.0.1' })
    client.send(request())
    await client.replied(1)
    const [seen] = await node.observed(1, ({ source }) => source.port === client.port)
    assert.deepEqual(seen?.destination, { ip: host, port: node.udpPort })
  }
})

test('a UDP wildcard follows the addresses of the machine', async () => {
  const own = ['127.0.0.1', '127.0.0.2']
  let isFailing = false
  const ownAddresses = () => {
    if (isFailing) throw new Error('too many open files')
    return own
  }
  await using node = await startSensors(
    { receiver: 'dgram', listen: [{ transport: 'udp', host: '0.0.0.0', port: 0 }], stream: { sweepMs: 5 } },
    { ownAddresses },
  )
  own.splice(0, 2, '127.0.0.2', '127.0.0.3')
  node.advance(15_001)
  const addresses = () => node.sensors.listeners.map(({ endpoint }) => endpoint.ip).join()
  while (addresses() !== '127.0.0.2,127.0.0.3') await new Promise((resolve) => setImmediate(resolve))
  using client = await udpClient(node.udpPort, { host: '127.0.0.3' })
  client.send(request())
  await client.replied(1)
  isFailing = true // as it does without a free file descriptor
  node.advance(15_001)
  client.send(request())
  await client.replied(2)
  assert.equal(addresses(), '127.0.0.2,127.0.0.3')
})

test('without a known address a UDP wildcard is one socket, and says so', async () => {
  await using node = await startSensors(
    { receiver: 'dgram', listen: [{ transport: 'udp', host: '0.0.0.0', port: 0 }] },
    { ownAddresses: () => [] },
  )
  using client = await udpClient(node.udpPort)
  client.send(request())
  await client.replied(1)
  const [seen] = await node.observed(1)
  assert.deepEqual(seen?.destination, { ip: '0.0.0.0', port: node.udpPort })
  assert(node.logged.some(({ level, text }) => level === 'warn' && text.includes('One UDP socket')))
})

test('connections take at most half of the files that may be open, and that is said', async (t) => {
  const filesMax = openFilesMax()
  if (filesMax === null) return t.skip('skipped: this system does not tell how many files may be open')
  await using node = await startSensors({ stream: { connectionCountMax: filesMax } })
  const warning = node.logged.find(({ text }) => text.includes('open files'))
  assert.deepEqual(warning?.object, { connectionCountMax: Math.floor(filesMax / 2), openFilesMax: filesMax })
})

test('a receive buffer smaller than asked for is a warning with the way out', () => {
  const lines: string[] = []
  const log = { info: () => {}, warn: (_: object, text: string) => lines.push(text), error: () => {} }
  warnOfSmallBuffer(212_992 * 2, log)
  warnOfSmallBuffer(4 * 1024 * 1024, log)
  warnOfSmallBuffer(Number.POSITIVE_INFINITY, log) // no UDP at all
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /net\.core\.rmem_max/)
})

test('the rates of replies are those of the configuration', async () => {
  const replyLimit = { source: { rate: 1, burst: 3 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: false }
  await using node = await startSensors({ replyLimit })
  using client = await udpClient(node.udpPort)
  for (let i = 0; i < 10; i++) client.send(request())
  await node.observed(10)
  using tcp = await tcpClient(node.tcpPort) // a proved source has rates of its own
  tcp.write(request())
  await tcp.got(/200 OK/)
  await client.replied(3)
  assert.equal(client.replies.length, 3)
  assert.equal(node.sensors.counters().silencedByRateCount, 7)
})

test('networks never to be answered are recorded over UDP and TCP', async () => {
  await using node = await startSensors({ neverReply: ['127.0.0.0/8'] })
  using udp = await udpClient(node.udpPort)
  udp.send(request())
  using tcp = await tcpClient(node.tcpPort)
  tcp.socket.end(Buffer.concat([request(), Buffer.from('\r\n\r\n')]))
  assert.equal(await tcp.over(), '')
  await node.observed(2)
  assert.equal(node.sensors.counters().repliedCount, 0)
})
