// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Sensors on loopback and clients that talk to them, for the tests of this folder. Nothing here sleeps.
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket as UdpClientSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Observation, Transport } from '../../src/core/event.ts'
import { listenSensors, type Receiver, type SensorDeps, type SensorsConfig } from '../../src/sensors/sensors.ts'
import { canReceiveBatches } from '../../src/sensors/udp/linux/batch-receiver.ts'
import { observationOf } from './datagrams.ts'
import { ASTERISK_CHAN_SIP } from './personas.ts'

const PATIENCE_MS = 10_000

/** The ways to receive datagrams that this system has; what holds for one must hold for the other. */
export const RECEIVERS_HERE: readonly Receiver[] = canReceiveBatches() ? ['recvmmsg', 'dgram'] : ['dgram']

export const CONFIG: SensorsConfig = {
  enabled: true,
  interaction: 'high',
  pacing: 'none',
  listen: [
    { transport: 'udp', host: '127.0.0.1', port: 0 },
    { transport: 'tcp', host: '127.0.0.1', port: 0 },
  ],
  neverReply: [],
  personas: { default: ASTERISK_CHAN_SIP, byAddress: new Map() },
  receiver: 'auto',
  replyLimit: { source: { rate: 50, burst: 200 }, prefix: { rate: 500 }, total: { rate: 20_000 }, off: true },
}

/** Sensors with a clock that `advance` moves, and everything that they observed and logged. */
export async function startSensors(change: Partial<SensorsConfig> = {}, depsChange: Partial<SensorDeps> = {}) {
  const arrivals = new EventEmitter()
  const observations: Observation[] = []
  const logged: { level: string; text: string; object: object }[] = []
  let aheadMs = 0
  const observe = (observation: Observation): void => {
    observations.push({ ...observation, bytes: Uint8Array.from(observation.bytes) })
    arrivals.emit('observation')
  }
  const log = (level: string) => (object: object, text: string) => void logged.push({ level, text, object })
  const sensors = await listenSensors(
    { ...CONFIG, ...change },
    {
      now: () => Date.now() + aheadMs,
      monotonicNow: () => performance.now() + aheadMs,
      random: randomBytes,
      observe,
      observeDatagram: (datagram) => observe(observationOf(datagram)),
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      ownAddresses: () => ['127.0.0.1', '::1'],
      ...depsChange,
    },
  )
  const portOf = (transport: string) => sensors.listeners.find((one) => one.transport === transport)?.endpoint.port ?? 0
  return {
    sensors,
    observations,
    logged,
    udpPort: portOf('udp'),
    tcpPort: portOf('tcp'),
    tlsPort: portOf('tls'),
    wsPort: portOf('ws'),
    wssPort: portOf('wss'),
    advance: (ms: number) => {
      aheadMs += ms
    },
    /** Waits until so many observations are there that pass. */
    async observed(count: number, passes: (observation: Observation) => boolean = () => true): Promise<Observation[]> {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      for (;;) {
        const found = observations.filter(passes)
        if (found.length >= count) return found
        await once(arrivals, 'observation', { signal })
      }
    },
    [Symbol.asyncDispose]: () => sensors[Symbol.asyncDispose](),
  }
}

/** Listeners on free ports of loopback, one a transport. */
export function listenersOf(...transports: readonly Transport[]): SensorsConfig['listen'] {
  return transports.map((transport) => ({ transport, host: '127.0.0.1', port: 0 }))
}

type ClientInit = { host?: string; from?: string }

/** A UDP client on a port of its own. */
export async function udpClient(port: number, { host = '127.0.0.1', from = host }: ClientInit = {}) {
  const socket: UdpClientSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const replies: string[] = []
  const arrivals = new EventEmitter()
  socket.on('message', (bytes) => {
    replies.push(bytes.toString('latin1'))
    arrivals.emit('reply')
  })
  socket.on('error', () => {})
  const listening = once(socket, 'listening')
  socket.bind(0, from)
  await listening
  const isConnected = (): boolean => {
    try {
      return socket.remoteAddress() !== undefined
    } catch {
      return false // as node:dgram says it
    }
  }
  return {
    port: socket.address().port,
    replies,
    /** From then on nothing is taken that does not come from exactly where it was sent to. */
    connect: () => new Promise<void>((resolve) => socket.connect(port, host, resolve)),
    send: (bytes: Uint8Array | string) => {
      const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
      if (isConnected()) socket.send(data)
      else socket.send(data, port, host)
    },
    /** Calls back once the system has it. */
    sendThen: (bytes: Uint8Array, then: () => void) => socket.send(bytes, port, host, then),
    async replied(count: number): Promise<string[]> {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      while (replies.length < count) await once(arrivals, 'reply', { signal })
      return replies
    },
    [Symbol.dispose]: () => void socket.close(),
  }
}

/** A TCP client; `received` grows as bytes come. */
export async function tcpClient(port: number, { host = '127.0.0.1', from = host }: ClientInit = {}) {
  const socket: Socket = connect({ port, host, localAddress: from, noDelay: true, allowHalfOpen: true })
  const arrivals = new EventEmitter()
  let received = ''
  let isOver = false
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1')
    arrivals.emit('change')
  })
  socket.on('error', () => {})
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      isOver = true
      arrivals.emit('change')
    })
  }
  await once(socket, 'connect')
  return {
    socket,
    port: socket.localPort ?? 0,
    received: () => received,
    write: (bytes: Uint8Array | string) => socket.write(bytes),
    /** Waits until the text has come. */
    async got(pattern: RegExp): Promise<string> {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      while (!pattern.test(received)) await once(arrivals, 'change', { signal })
      return received
    },
    /** Waits until the other side closed, and returns all that it sent. */
    async over(): Promise<string> {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      while (!isOver) await once(arrivals, 'change', { signal })
      return received
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
}
