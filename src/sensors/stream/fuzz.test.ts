// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Mutated beginnings of connections, cut anywhere, on every kind of port: each ends, is recorded, and meets no bug.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TLS_VECTORS } from '../../../test/support/client-hellos.ts'
import { makeCredentials } from '../../../test/support/credentials.ts'
import { listenersOf, startSensors, tcpClient } from '../../../test/support/sensor-kit.ts'
import { invite, request, WS_UPGRADE } from '../../../test/support/sip-samples.ts'

const CONNECTIONS = 400 // of each kind; a socket each

/** A frame of a client, masked with zeros so that mutations of it stay readable. */
function frame(bytes: Uint8Array, opcode = 0x81): Buffer {
  const size = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([opcode, ...size, 0, 0, 0, 0]), bytes])
}

const STREAMS: Record<'tcp' | 'tls' | 'ws', Buffer[]> = {
  tcp: [request(), Buffer.concat([invite(), request()])],
  tls: [...TLS_VECTORS.map(({ bytes }) => bytes), request()],
  ws: [
    Buffer.concat([Buffer.from(WS_UPGRADE), frame(request()), frame(invite(), 0x82)]),
    Buffer.concat([
      Buffer.from(WS_UPGRADE),
      frame(request().subarray(0, 50), 0x01),
      frame(request().subarray(50), 0x80),
    ]),
    Buffer.concat([
      Buffer.from(WS_UPGRADE),
      frame(Buffer.from('ping'), 0x89),
      frame(Buffer.from('\r\n\r\n')),
      frame(Buffer.alloc(2), 0x88),
    ]),
    request(),
  ],
}

for (const [kind, streams] of Object.entries(STREAMS)) {
  test(`on the ${kind} port: ${CONNECTIONS} mutated streams end, are recorded and meet no bug`, async () => {
    await using node = await startSensors({ listen: listenersOf('tcp', 'tls', 'ws'), credentials: makeCredentials() })
    const port = { tcp: node.tcpPort, tls: node.tlsPort, ws: node.wsPort }[kind as keyof typeof STREAMS]
    const change = fc.tuple(fc.nat(), fc.nat(255))
    const cases = fc.tuple(fc.constantFrom(...streams), fc.array(change, { maxLength: 6 }), fc.nat(), fc.boolean())
    let index = 0
    const tryOne = fc.asyncProperty(cases, async ([stream, changes, cutAt, isReset]) => {
      const bytes = Buffer.from(stream)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const cut = cutAt % bytes.length
      const from = `127.3.${index >> 8}.${index++ & 255}`
      using client = await tcpClient(port, { host: '127.0.0.1', from })
      client.socket.on('error', () => {})
      client.write(bytes.subarray(0, cut))
      await new Promise((resolve) => setImmediate(resolve)) // lets the first part leave as a segment of its own
      client.socket.end(bytes.subarray(cut))
      if (isReset) client.socket.destroy()
      await client.over()
      client.socket.destroy()
      const seen = await node.observed(1, ({ source }) => source.ip === from)
      assert(seen.every((one) => one.bytes.length <= bytes.length && one.validation === 'transport'))
      node.observations.length = 0
    })
    await fc.assert(tryOne, { numRuns: CONNECTIONS, endOnFailure: true })
    while (node.sensors.counters().connectionCount > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(node.sensors.counters().bugCount, 0)
  })
}
