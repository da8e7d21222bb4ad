// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RECEIVERS_HERE, startSensors, udpClient } from '../../../test/support/sensor-kit.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { TAG_PERIOD_MS } from '../uas/token.ts'

const JUNK: Readonly<Record<string, string>> = {
  'an empty datagram': '',
  'a NUL': '\0',
  'a NUL in a header': `${request().toString().slice(0, 60)}\0`,
  'a SIP response': 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nCSeq: 1 OPTIONS\r\n\r\n',
  HTTP: 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n',
  'a TLS ClientHello': '\x16\x03\x01\x00\x2e\x01\x00\x00\x2a\x03\x03',
  'a CRLF keep-alive': '\r\n\r\n',
  noise: '\x80\xff\x00\x01'.repeat(10),
}

for (const receiver of RECEIVERS_HERE) {
  test(`over UDP by ${receiver}: what must not be answered is recorded, and does not stop the sensor`, async () => {
    await using node = await startSensors({ receiver })
    using client = await udpClient(node.udpPort)
    for (const [index, [name, text]] of Object.entries(JUNK).entries()) {
      client.send(Buffer.from(text, 'latin1'))
      client.send(SCANNERS['svmap OPTIONS']!) // its reply would come after one to the junk
      const replies = await client.replied(index + 1)
      assert.match(replies.at(-1) ?? '', /^SIP\/2\.0 200 OK\r\n/, name)
      assert.equal(replies.length, index + 1, name)
    }
    const seen = await node.observed(2 * Object.keys(JUNK).length)
    assert.deepEqual(
      seen.filter(({ responses }) => responses.length === 0).map(({ bytes }) => Buffer.from(bytes).toString('latin1')),
      Object.values(JUNK),
    )
    for (const one of seen) {
      assert.deepEqual(one.source, { ip: '127.0.0.1', port: client.port })
      assert.deepEqual(one.destination, { ip: '127.0.0.1', port: node.udpPort })
      assert.equal(one.validation, 'none')
    }
    assert.equal(node.sensors.counters().bugCount, 0)
  })

  test(`over UDP by ${receiver}: a message of any size is taken whole`, async () => {
    await using node = await startSensors({ receiver })
    using client = await udpClient(node.udpPort)
    const large = invite({ headers: [`Subject: ${'x'.repeat(1_500)}`] })
    client.send(large)
    assert.match((await client.replied(1))[0] ?? '', /^SIP\/2\.0 200 OK\r\n/)
    const largest = Buffer.concat([invite({ headers: ['X: y'] }), Buffer.alloc(65_507)]).subarray(0, 65_507)
    client.send(largest)
    client.send(request())
    await client.replied(2)
    const seen = await node.observed(3)
    assert.deepEqual(
      seen.map(({ size }) => size),
      [large.length, 65_507, request().length],
    )
    assert.deepEqual(Buffer.from(seen[1]!.bytes), largest)
  })

  test(`over UDP by ${receiver}: line ends of LF only are understood`, async () => {
    await using node = await startSensors({ receiver })
    using client = await udpClient(node.udpPort)
    client.send(request().toString().replaceAll('\r\n', '\n'))
    assert.match((await client.replied(1))[0] ?? '', /^SIP\/2\.0 200 OK\r\nVia: .*;rport=\d+/s)
  })

  test(`over UDP by ${receiver}: a retransmission gets the same bytes, and nothing is retransmitted by us`, async () => {
    let now = 1_789_999_999_000 // a second before the tags are renewed
    now -= (now % TAG_PERIOD_MS) - TAG_PERIOD_MS + 1_000
    await using node = await startSensors({ receiver }, { now: () => now })
    using client = await udpClient(node.udpPort)
    client.send(invite())
    await client.replied(1)
    now += 32_000 // all retransmissions of RFC 3261 §13.3.1.4 would be over by then
    client.send(invite())
    const [first, second, ...more] = await client.replied(2)
    assert.equal(first, second)
    assert.deepEqual(more, [])
  })

  test(`over UDP by ${receiver}: a whole call, as bytes sent and received`, async () => {
    await using node = await startSensors({ receiver })
    using client = await udpClient(node.udpPort)
    client.send(invite())
    const [ok = ''] = await client.replied(1)
    const tag = /\r\n(?:To|t): .*;tag=(\S+)/.exec(ok)?.[1]
    const to = `<sip:900442081234567@203.0.113.5>;tag=${tag}`
    client.send(request({ method: 'ACK', to }))
    client.send(request({ method: 'BYE', to, cseq: '2 BYE' }))
    client.send(request({ method: 'BYE', to: to.replace('tag=', 'tag=x'), cseq: '3 BYE' }))
    const [, bye = '', unknown = ''] = await client.replied(3)
    assert.match(bye, /^SIP\/2\.0 200 /)
    assert.match(unknown, /^SIP\/2\.0 481 /)
    const seen = await node.observed(4, ({ transport }) => transport === 'udp')
    assert.equal((await node.observed(1, ({ transport }) => transport === 'rtp')).length, 1) // what its media was
    assert.deepEqual(
      seen.map(({ validation }) => validation),
      ['none', 'echo', 'echo', 'echo'],
    )
    assert(seen.every(({ size, sentSize, validation }) => validation === 'echo' || sentSize <= size))
  })

  test(`over UDP by ${receiver}: there is room for several large replies to one datagram, whatever came before`, async () => {
    await using node = await startSensors({ receiver })
    using client = await udpClient(node.udpPort)
    client.send(request({ headers: [`Subject: ${'x'.repeat(300)}`] }))
    const tag = /^To: .*;tag=(\w+)/m.exec((await client.replied(1))[0] ?? '')?.[1]
    client.send(request({ to: `<sip:100@203.0.113.5>;tag=${tag}` })) // and so it is proven
    await client.replied(2)
    const vias = ['a', 'b', 'c', 'd'].map((letter) => `Via: SIP/2.0/UDP ${letter.repeat(7_700)}`) // repeated in each reply
    for (let count = 0; count < 31; count++) client.send(request({ cseq: `${count} OPTIONS`, headers: vias }))
    client.send(invite({ headers: vias }))
    const seen = await node.observed(34)
    assert.deepEqual(seen.at(-1)?.responses, [100, 180, 200])
    assert.equal(node.sensors.counters().bugCount, 0)
  })

  test(`over UDP by ${receiver}: IPv6, with its source and destination`, async (t) => {
    await using node = await startSensors({ receiver, listen: [{ transport: 'udp', host: '[::1]', port: 0 }] })
    using client = await udpClient(node.udpPort, { host: '::1' })
    client.send(request())
    assert.match((await client.replied(1))[0] ?? '', /received=::1/)
    const [seen] = await node.observed(1)
    assert.deepEqual(seen?.source, { ip: '::1', port: client.port })
    assert.deepEqual(seen?.destination, { ip: '::1', port: node.udpPort })
    t.diagnostic(`receive buffer: ${node.logged.map(({ text }) => text).join() || 'as asked'}`)
  })

  test(`over UDP by ${receiver}: passive never answers and records`, async () => {
    await using quiet = await startSensors({ receiver, interaction: 'passive' })
    await using lively = await startSensors({ receiver })
    using client = await udpClient(quiet.udpPort)
    for (const bytes of Object.values(SCANNERS)) client.send(bytes)
    const seen = await quiet.observed(Object.keys(SCANNERS).length)
    assert(seen.every((one) => one.collectedMethod === 'passive' && one.sentSize === 0))
    using other = await udpClient(lively.udpPort)
    other.send(request()) // time for a reply that should not be
    await other.replied(1)
    assert.deepEqual(client.replies, [])
    assert.equal(quiet.sensors.counters().repliedCount, 0)
  })

  test(`over UDP by ${receiver}: a reply to a source that is gone harms nobody`, async () => {
    await using node = await startSensors({ receiver })
    for (let i = 0; i < 20; i++) {
      using gone = await udpClient(node.udpPort)
      gone.send(request())
      await node.observed(i + 1)
    }
    using client = await udpClient(node.udpPort)
    client.send(request())
    await client.replied(1)
  })
}
