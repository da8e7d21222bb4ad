// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { digitPackets, rtpPacket } from '../../../test/support/rtp.ts'
import { codeOf, files, read } from '../../../test/support/source.ts'
import { SINK_LIMITS } from './rtp-sink.ts'
import { openRtpSinks, type RtpSink, type RtpSinks, type RtpSinksConfig, SINKS_LIMITS } from './rtp-sinks.ts'

const LOOPBACK = '127.0.0.1'
const PORTS = { from: 20_000, count: 20_000 }
const RTPMAPS = new Map([['101', 'telephone-event/8000']])

type World = {
  readonly sinks: RtpSinks
  readonly warnings: object[]
  /** Moves the clock, and calls what was to be called until then. */
  pass(ms: number): void
}

async function open(t: TestContext, config: Partial<RtpSinksConfig> = {}): Promise<World> {
  let now = 0
  const timers = new Set<{ at: number; call: () => void }>()
  const warnings: object[] = []
  const sinks = await openRtpSinks(
    { ports: PORTS, hosts: [LOOPBACK], ...config },
    {
      monotonicNow: () => now,
      after: (ms, call) => {
        const timer = { at: now + ms, call }
        timers.add(timer)
        return () => timers.delete(timer)
      },
      random: randomBytes,
      log: { warn: (facts) => warnings.push(facts) },
    },
  )
  t.after(() => sinks[Symbol.asyncDispose]())
  const pass = (ms: number) => {
    now += ms
    for (const timer of [...timers]) {
      if (timer.at > now || !timers.delete(timer)) continue
      timer.call()
    }
  }
  return { sinks, warnings, pass }
}

async function peer(t: TestContext, address = LOOPBACK): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  t.after(() => socket.close())
  return socket
}

const send = (from: Socket, to: RtpSink, bytes: Uint8Array, address = LOOPBACK) =>
  new Promise<void>((resolve, reject) => {
    from.send(bytes, to.port, address, (error) => (error === null ? resolve() : reject(error)))
  })

/** Resolves when so many datagrams have reached the sink. */
async function received(sink: RtpSink, count: number): Promise<void> {
  for (;;) {
    const { packetCount, foreignCount } = sink.summary()
    if (packetCount + foreignCount >= count) return
    await turn()
  }
}

const speech = (sequence: number) => rtpPacket({ sequence, timestamp: 160 * sequence })

test('a sink counts the media of its call, and its summary tells', async (t) => {
  const { sinks, pass } = await open(t)
  const phone = await peer(t)
  const sink = sinks.take(LOOPBACK)!
  sink.start({ sourceIp: LOOPBACK, rtpmaps: RTPMAPS })
  for (let i = 0; i < 10; i++) await send(phone, sink, speech(i))
  await received(sink, 10)
  pass(1500)
  for (const packet of digitPackets('7', { sequence: 11, timestamp: 0 })) await send(phone, sink, packet)
  await received(sink, 16)
  const summary = sink.close()
  assert.deepEqual(summary, {
    codec: 'PCMU',
    payloadType: 0,
    packetCount: 16,
    byteCount: 10 * 172 + 6 * 16,
    lostCount: 1,
    foreignCount: 0,
    dtmf: '7',
    durationMs: 1500,
    ssrcs: ['1234abcd'],
    sourcePort: phone.address().port,
  })
  assert.deepEqual(sink.close(), summary)
  assert.equal(sinks.usedCount, 0)
})

test('ports are even, of the range, and distinct', async (t) => {
  const { sinks } = await open(t, { ports: { from: 30_001, count: 2000 } })
  const ports = new Set<number>()
  for (let i = 0; i < 20; i++) {
    const { port } = sinks.take(LOOPBACK)!
    assert(port % 2 === 0 && port >= 30_002 && port <= 32_000, `${port}`)
    ports.add(port)
    await sinks.settled()
  }
  assert.equal(ports.size, 20)
})

test('what comes from another address is counted and not read', async (t) => {
  const { sinks } = await open(t, { hosts: ['0.0.0.0'] })
  const phone = await peer(t)
  const stranger = await peer(t, '127.0.0.2')
  const sink = sinks.take(LOOPBACK)!
  await send(phone, sink, speech(0))
  await received(sink, 1)
  assert.equal(sink.summary().foreignCount, 1) // nobody's, as long as it is no call's
  sink.start({ sourceIp: LOOPBACK, rtpmaps: RTPMAPS })
  await send(stranger, sink, speech(1))
  await send(phone, sink, speech(2))
  await received(sink, 2)
  const { packetCount, foreignCount, ssrcs } = sink.close()
  assert.deepEqual([packetCount, foreignCount, ssrcs], [1, 1, ['1234abcd']])
})

test('nothing ever comes back', async (t) => {
  const { sinks } = await open(t)
  const phone = await peer(t)
  const stranger = await peer(t)
  const heard: string[] = []
  phone.on('message', (bytes) => heard.push(bytes.toString()))
  const sink = sinks.take(LOOPBACK)!
  sink.start({ sourceIp: LOOPBACK, rtpmaps: RTPMAPS })
  for (const bytes of [speech(0), Buffer.from('OPTIONS sip:a SIP/2.0\r\n\r\n'), Buffer.alloc(0), Buffer.alloc(1400)]) {
    await send(phone, sink, bytes)
  }
  await received(sink, 4)
  sink.close()
  // On loopback datagrams arrive in the order in which they were sent: an answer would be there before this.
  stranger.send('the end', phone.address().port, LOOPBACK)
  while (heard.at(-1) !== 'the end') await turn()
  assert.deepEqual(heard, ['the end'])
})

test('no code here can send: no call of send() or connect(), and no socket leaves the folder', () => {
  const sources = files('src/sensors/media/*.ts').filter((file) => !file.endsWith('.test.ts'))
  assert(sources.length >= 4)
  for (const file of sources) {
    assert.doesNotMatch(codeOf(read(file)), /\b(?:send|sendto|connect|write)\b/i, file)
  }
})

test('take() gives what is ready and then nothing, until more is bound', async (t) => {
  const { sinks } = await open(t)
  for (let i = 0; i < SINKS_LIMITS.readyCount; i++) assert(sinks.take(LOOPBACK) !== null)
  assert.equal(sinks.take(LOOPBACK), null)
  await sinks.settled()
  assert.equal(sinks.readyCount, SINKS_LIMITS.readyCount)
  assert(sinks.take(LOOPBACK) !== null)
  assert.equal(sinks.take('127.0.0.9'), null)
  assert.equal(sinks.take('::1'), null)
})

test('at most 200 are in use', async (t) => {
  const { sinks, pass } = await open(t)
  for (let i = 0; i < SINKS_LIMITS.usedCount; i++) {
    if (sinks.readyCount === 0) await sinks.settled()
    assert(sinks.take(LOOPBACK) !== null)
  }
  await sinks.settled()
  assert.equal(sinks.take(LOOPBACK), null)
  pass(SINK_LIMITS.lifeMs)
  assert.equal(sinks.usedCount, 0)
  assert(sinks.take(LOOPBACK) !== null)
})

test('a sink closes itself after 30 s, and still tells what came', async (t) => {
  const { sinks, pass } = await open(t)
  const phone = await peer(t)
  const sink = sinks.take(LOOPBACK)!
  sink.start({ sourceIp: LOOPBACK, rtpmaps: RTPMAPS })
  await send(phone, sink, speech(0))
  await received(sink, 1)
  pass(SINK_LIMITS.lifeMs - 1)
  assert.equal(sinks.usedCount, 1)
  pass(1)
  assert.equal(sinks.usedCount, 0)
  assert.equal(sink.close().packetCount, 1)
})

test('beyond 200 packets a second they are only counted, and beyond 2,000 the sink closes', async (t) => {
  const { sinks, pass } = await open(t)
  const phone = await peer(t)
  const sink = sinks.take(LOOPBACK)!
  sink.start({ sourceIp: LOOPBACK, rtpmaps: RTPMAPS })
  let count = 0
  const sendUpTo = async (end: number, ssrc: number) => {
    for (; count < end; count++) {
      await send(phone, sink, rtpPacket({ sequence: count, ssrc, payload: Buffer.alloc(0) }))
      await received(sink, count + 1)
    }
  }
  await sendUpTo(SINK_LIMITS.readRate, 1)
  await sendUpTo(SINK_LIMITS.readRate + 1, 2)
  assert.deepEqual(sink.summary().ssrcs, ['00000001'])
  pass(1000)
  await sendUpTo(SINK_LIMITS.readRate + 2, 3)
  assert.deepEqual(sink.summary().ssrcs, ['00000001', '00000003'])
  await sendUpTo(SINK_LIMITS.readRate + 1 + SINK_LIMITS.rate, 3)
  assert.equal(sinks.usedCount, 1)
  await sendUpTo(SINK_LIMITS.readRate + 2 + SINK_LIMITS.rate, 3)
  assert.equal(sinks.usedCount, 0)
  const { packetCount, lostCount } = sink.close()
  assert.deepEqual([packetCount, lostCount], [count, 0])
})

test('IPv6 media is received on a wildcard of its own', async (t) => {
  const { sinks, warnings } = await open(t, { hosts: ['::', '0.0.0.0'] })
  if (warnings.length > 0) {
    t.skip('skipped: this machine has no IPv6')
    return
  }
  const phone = await peer(t, '::1')
  const sink = sinks.take('::1')!
  sink.start({ sourceIp: '::1', rtpmaps: RTPMAPS })
  await send(phone, sink, speech(0), '::1')
  await received(sink, 1)
  assert.equal(sink.close().packetCount, 1)
})

test('where no port is free it is tried again later', async (t) => {
  let squatter = await peer(t)
  while (squatter.address().port % 2 === 1) squatter = await peer(t)
  const only = squatter.address().port
  const { sinks, warnings, pass } = await open(t, { ports: { from: only, count: 1 } })
  assert.equal(sinks.take(LOOPBACK), null)
  assert.equal(warnings.length, 1)
  pass(SINKS_LIMITS.retryMs - 1)
  await sinks.settled()
  assert.equal(warnings.length, 1)
  pass(1)
  await sinks.settled()
  assert.equal(warnings.length, 2)
})

test('disposing closes what is used and what is ready', async (t) => {
  const { sinks } = await open(t)
  const sink = sinks.take(LOOPBACK)!
  await sinks[Symbol.asyncDispose]()
  assert.deepEqual([sinks.usedCount, sinks.readyCount, sinks.take(LOOPBACK)], [0, 0, null])
  const again = createSocket('udp4').bind(sink.port, LOOPBACK)
  await once(again, 'listening')
  again.close()
})
