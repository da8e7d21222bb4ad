// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { canonicalIp } from '../../core/address.ts'
import type { Endpoint, Transport } from '../../core/event.ts'
import { readClientHello } from '../../wire/tls/client-hello.ts'
import { ja4 } from '../../wire/tls/ja4.ts'
import type { SensorLog, StreamPeer } from '../boundary.ts'
import { seldom } from '../seldom.ts'
import { StreamConnection } from './connection.ts'
import type { ConnectionTable } from './connection-table.ts'
import { NON_SIP_SIZE_MAX, type Preamble } from './held.ts'
import { Opening, type Recognized } from './opening.ts'
import type { AlpnProtocol, TlsAcceptor } from './tls-acceptor.ts'
import { TlsHandshake } from './tls-handshake.ts'
import type { openWebSocket, UpgradeDeps } from './upgrade.ts'

const BACKLOG = 1_024 // connections that the system holds until we accept them
const TROUBLE_LOG_MS = 60_000 // at most one log line of trouble in so long
const HANDSHAKE_COST = 8_192 // of a turn: as much as so many bytes of SIP

export type StreamTransport = Exclude<Transport, 'udp'>

export type ListenerDeps = UpgradeDeps & {
  readonly connections: ConnectionTable
  readonly now: () => number
  readonly log: SensorLog
  /** There is one where `tls` or `wss` is listened for. */
  readonly tls: TlsAcceptor | null
}

export type StreamListener = AsyncDisposable & { readonly endpoint: Endpoint }

/**
 * Accepts connections on one address, or on all of its family by 0.0.0.0 or :: (a connection knows where it was sent to).
 * Throws the system's own error when it cannot listen. Closing it closes all connections that the table holds.
 */
export async function listenStream(
  transport: StreamTransport,
  host: string,
  port: number,
  deps: ListenerDeps,
): Promise<StreamListener> {
  const isWeb = transport === 'ws' || transport === 'wss'
  const openWeb = isWeb ? (await import('./upgrade.ts')).openWebSocket : null // seldom asked for, and takes memory
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    try {
      accept(transport, socket, deps, openWeb)
    } catch (error) {
      deps.boundary.bug(new Uint8Array(), error)
      socket.destroy()
    }
  })
  server.listen({ host, port, ipv6Only: host.includes(':'), backlog: BACKLOG, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (error) {
    server.close()
    throw error
  }
  const warnSeldom = seldom(TROUBLE_LOG_MS, deps.now)
  server.on('error', (error) => {
    warnSeldom(() => deps.log.warn({ err: error, transport, host, port }, 'A listener reported an error; it goes on'))
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('Cannot read the address of a listener')
  return {
    endpoint: { ip: canonicalIp(bound.address) ?? bound.address, port: bound.port },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const connection of deps.connections) connection.destroy()
      await closed
    },
  }
}

type OpenWeb = typeof openWebSocket | null

function accept(transport: StreamTransport, socket: Socket, deps: ListenerDeps, openWeb: OpenWeb): void {
  socket.on('error', () => {}) // without it, a reset would end the process
  // Taken now and kept: a socket forgets its address when it closes, and no other connection's may be recorded for it.
  const source = endpointOf(socket.remoteAddress, socket.remotePort)
  const destination = endpointOf(socket.localAddress, socket.localPort)
  if (source === null || destination === null) {
    socket.destroy() // reset before we came to it, and nobody knows by whom
    return
  }
  const peer = { transport, source, destination }
  if (deps.tls !== null && (transport === 'tls' || transport === 'wss')) openTls(socket, peer, deps, deps.tls, openWeb)
  else if (openWeb !== null) openWeb(socket, peer, deps)
  else deps.connections.enter(new StreamConnection(socket, peer, deps))
}

/** A handshake when it begins with a ClientHello. Anything else is taken as over TCP, where it may be SIP in plain text. */
function openTls(socket: Socket, peer: StreamPeer, deps: ListenerDeps, acceptor: TlsAcceptor, openWeb: OpenWeb): void {
  const recognize = (head: Buffer): Recognized => {
    const read = readClientHello(head)
    if (read.kind === 'need-more') return { kind: 'need-more' }
    if (read.kind === 'not-tls') {
      const plain = { ...peer, transport: 'tcp' } as const
      return { kind: 'known', goOn: () => deps.connections.enter(new StreamConnection(socket, plain, deps)) }
    }
    const known = read.kind === 'hello' ? { ...peer, ja4: ja4(read.hello, sha256) } : peer
    const asked = read.kind === 'hello' ? read.hello.alpnProtocols : []
    const protocol: AlpnProtocol = openWeb !== null ? 'http/1.1' : 'sip'
    if (read.kind === 'too-large' || !deps.boundary.mayAnswer(peer))
      return { kind: 'refused', peer: known, answer: null }
    const hello: Preamble = { bytes: Uint8Array.from(head.subarray(0, NON_SIP_SIZE_MAX)), size: head.length }
    const goOn = () => {
      new TlsHandshake(socket, known, deps, {
        acceptor,
        protocol: asked.includes(protocol) ? protocol : null,
        hello,
        onSecure: (secured) => {
          if (openWeb !== null) openWeb(secured, known, deps, hello)
          else deps.connections.enter(new StreamConnection(secured, known, deps, hello))
        },
      })
    }
    return { kind: 'known', goOn }
  }
  deps.connections.enter(new Opening(socket, peer, deps, { recognize, cost: HANDSHAKE_COST }))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint | null {
  const ip = address === undefined ? null : canonicalIp(address)
  return ip === null || port === undefined ? null : { ip, port }
}
