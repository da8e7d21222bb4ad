// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createServer, IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'

export const CONNECTION_LIMITS = {
  count: 256,
  countPerAddress: 64, // where others than this machine may connect
  unansweredCount: 16, // requests of one connection whose responses did not leave yet
  idleMs: 30_000, // without a byte read or written
} as const

type Unanswered = { count: number } // requests
const unansweredOf = new WeakMap<Socket, Unanswered>()

function unansweredOn(socket: Socket): Unanswered {
  const known = unansweredOf.get(socket)
  if (known !== undefined) return known
  const unanswered = { count: 0 }
  unansweredOf.set(socket, unanswered)
  return unanswered
}

const isFull = ({ count }: Unanswered): boolean => count >= CONNECTION_LIMITS.unansweredCount

/**
 * A request that says of itself that it upgrades the connection when the connection is full: the one way to make the
 * parser leave the rest of a chunk alone. 64 KiB can hold thousands of pipelined requests (RFC 9112 §9.3.2), each of
 * which would become a request, a response and its bytes. Nobody listens for upgrades, so Node destroys the connection.
 */
class BoundedMessage extends IncomingMessage {
  declare isUpgrade: boolean // without an initial value, since the base class sets it first

  get upgrade(): boolean {
    return this.isUpgrade
  }

  set upgrade(asked: boolean | null) {
    this.isUpgrade = asked === true || isFull(unansweredOn(this.socket))
  }
}

function countUnanswered(handle: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request
    const unanswered = unansweredOn(socket)
    if (isFull(unanswered)) {
      socket.destroy()
      return
    }
    unanswered.count++
    response.once('close', () => {
      unanswered.count--
    })
    handle(request, response)
  }
}

/** A server that a stranger's connections cannot exhaust. `exposed`: others than this machine may connect. */
export function createBoundedServer(handle: RequestListener, options: ServerOptions & { exposed: boolean }): Server {
  const { exposed, ...rest } = options
  const server = createServer(
    {
      ...rest,
      IncomingMessage: BoundedMessage,
      shouldUpgradeCallback: ({ socket }) => isFull(unansweredOn(socket)),
    },
    countUnanswered(handle),
  )
  server.maxConnections = CONNECTION_LIMITS.count
  server.setTimeout(CONNECTION_LIMITS.idleMs)
  if (exposed) limitPerAddress(server)
  return server
}

function limitPerAddress(server: Server): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const ip = socket.remoteAddress ?? ''
    const count = (counts.get(ip) ?? 0) + 1
    counts.set(ip, count)
    socket.once('close', () => {
      const left = counts.get(ip)! - 1
      if (left === 0) counts.delete(ip)
      else counts.set(ip, left)
    })
    if (count > CONNECTION_LIMITS.countPerAddress) socket.destroy()
  })
}
