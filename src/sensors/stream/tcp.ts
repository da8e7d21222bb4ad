// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { canonicalIp } from '../../core/address.ts'
import type { Endpoint } from '../../core/event.ts'
import type { Boundary, SensorLog } from '../boundary.ts'
import type { Counters } from '../counters.ts'
import { seldom } from '../seldom.ts'
import { StreamConnection } from './connection.ts'
import type { ConnectionTable } from './connection-table.ts'
import type { StreamLimits } from './limits.ts'
import type { StreamTurns } from './turns.ts'

const BACKLOG = 1_024 // connections that the system holds until we accept them
const TROUBLE_LOG_MS = 60_000 // at most one log line of trouble in so long

export type TcpDeps = {
  readonly now: () => number
  readonly monotonicNow: () => number
  readonly boundary: Boundary
  readonly limits: StreamLimits
  readonly connections: ConnectionTable
  readonly turns: StreamTurns
  readonly counters: Counters
  readonly log: SensorLog
}

export type TcpListener = AsyncDisposable & { readonly endpoint: Endpoint }

/**
 * Accepts connections on one address, or on all of its family by 0.0.0.0 or :: (a connection knows where it was sent to).
 * Throws the system's own error when it cannot listen. Closing it leaves the connections to who holds the table.
 */
export async function listenTcp(host: string, port: number, deps: TcpDeps): Promise<TcpListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    try {
      accept(socket, deps)
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
    warnSeldom(() => deps.log.warn({ err: error, host, port }, 'A TCP listener reported an error; it goes on'))
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('Cannot read the address of a TCP listener')
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

function accept(socket: Socket, deps: TcpDeps): void {
  socket.on('error', () => {}) // without it, a reset would end the process
  // Taken now and kept: a socket forgets its address when it closes, and no other connection's may be recorded for it.
  const source = endpointOf(socket.remoteAddress, socket.remotePort)
  const destination = endpointOf(socket.localAddress, socket.localPort)
  if (source === null || destination === null) {
    socket.destroy() // reset before we came to it, and nobody knows by whom
    return
  }
  const { monotonicNow, boundary, limits, connections, turns, counters } = deps
  const connection = new StreamConnection(
    socket,
    { transport: 'tcp', source, destination },
    {
      monotonicNow,
      boundary,
      limits,
      turns,
      onActive: (active) => connections.touch(active),
      onClosed: (closed) => connections.remove(closed),
    },
  )
  for (const shed of connections.add(connection)) {
    counters.shedConnectionCount++
    shed.destroy()
  }
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint | null {
  const ip = address === undefined ? null : canonicalIp(address)
  return ip === null || port === undefined ? null : { ip, port }
}
