// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isIP } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { hostError, type ListenAddress } from './listen-error.ts'
import type { ListenerDeps } from './stream/listener.ts'
import type { Listener } from './types.ts'
import type { BatchReceiver } from './udp/linux/batch-receiver.ts'
import { listenUdp, type UdpDeps } from './udp/udp.ts'
import { listenUdpWildcard, type UdpWildcard } from './udp/udp-wildcard.ts'

export type BindContext = {
  readonly listen: readonly ListenAddress[] // all that are to be bound
  readonly ownAddresses: () => string[]
  readonly udp: UdpDeps
  readonly stream: ListenerDeps
  /** Takes the UDP addresses where there is one; else each gets a socket of Node's own. */
  readonly batch: BatchReceiver | null
  /** Whether other threads bind the same UDP addresses. */
  readonly shared: boolean
}

/** One listening address of the configuration, bound; several sockets when it is a UDP wildcard. */
export type Bound = AsyncDisposable & {
  readonly port: number
  /** Of its UDP sockets, in bytes; null for others. */
  readonly receiveBufferSize: number | null
  listeners(): Listener[]
  /** Datagrams that the system dropped; null where only its socket tables tell. */
  dropCount(): number | null
  /** Follows the addresses of the machine as they come and go. */
  refresh(): void
}

/** Binds it. Throws the system's own error, or DaemonError LISTEN_FAILED for a host that is no IP address. */
export async function bind(address: ListenAddress, context: BindContext): Promise<Bound> {
  const host = bareHost(address.host)
  if (isIP(host) === 0) throw hostError(address)
  const { transport, port } = address
  if (transport !== 'udp') {
    const { listenStream } = await import('./stream/listener.ts') // threads that take datagrams do without
    const { endpoint, [Symbol.asyncDispose]: dispose } = await listenStream(transport, host, port, context.stream)
    const listener = { transport, endpoint, receiver: 'net' } as const
    return {
      port: endpoint.port,
      receiveBufferSize: null,
      listeners: () => [listener],
      dropCount: () => 0,
      refresh: () => {},
      [Symbol.asyncDispose]: dispose,
    }
  }
  return bindUdp(host, port, context)
}

async function bindUdp(host: string, port: number, context: BindContext): Promise<Bound> {
  if (context.batch !== null) return bindBatch(host, port, context.batch, context.shared)
  if (isWildcard(host)) {
    const taken = new Set<string>()
    for (const other of context.listen) {
      const otherHost = bareHost(other.host)
      if (other.transport === 'udp' && other.port === port && port !== 0 && sameFamily(host, otherHost)) {
        if (!isWildcard(otherHost)) taken.add(otherHost)
      }
    }
    const { udp, ownAddresses } = context
    return asBound(await listenUdpWildcard(host, port, { ...udp, ownAddresses, taken }))
  }
  const socket = await listenUdp(host, port, context.udp)
  const dispose = () => socket[Symbol.asyncDispose]()
  const { port: boundPort } = socket.endpoint
  return asBound({ port: boundPort, sockets: [socket], refresh: async () => {}, [Symbol.asyncDispose]: dispose })
}

/** One socket does for all addresses, since each datagram says which one it was sent to. */
function bindBatch(host: string, port: number, batch: BatchReceiver, shared: boolean): Bound {
  const [ip = '', zone] = host.split('%')
  const socket = batch.listen(ip, port, { scope: zone === undefined ? 0 : scopeOf(zone), shared })
  const { endpoint, receiveBufferSize } = socket
  return {
    port: endpoint.port,
    receiveBufferSize,
    listeners: () => [{ transport: 'udp', endpoint, receiver: 'recvmmsg' }],
    dropCount: () => socket.dropCount(),
    refresh: () => {},
    async [Symbol.asyncDispose]() {
      socket[Symbol.dispose]()
    },
  }
}

/** The number of the interface that a zone names, or is. RFC 4007 §11.2. */
export function scopeOf(
  zone: string,
  interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]> = networkInterfaces(),
): number {
  for (const address of interfaces[zone] ?? []) {
    if (address.family === 'IPv6' && address.scopeid > 0) return address.scopeid // that of a global address is 0
  }
  return Number(zone) || 0
}

function asBound(group: UdpWildcard): Bound {
  return {
    dropCount: () => null,
    port: group.port,
    receiveBufferSize: Math.min(...group.sockets.map((socket) => socket.receiveBufferSize)),
    listeners: () => group.sockets.map(({ endpoint }) => ({ transport: 'udp', endpoint, receiver: 'dgram' })),
    refresh: () => void group.refresh(),
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  }
}

/**
 * The addresses without what another one of the list covers: repetitions, and one address beside all of its family,
 * save over UDP where all means a socket for each.
 */
export function distinctAddresses(listen: readonly ListenAddress[], isBatch: boolean): ListenAddress[] {
  return listen.filter((address, index) =>
    listen.every((other, otherIndex) => {
      if (index === otherIndex || other.transport !== address.transport || other.port !== address.port) return true
      if (address.port === 0) return true
      const [host, otherHost] = [bareHost(address.host), bareHost(other.host)]
      if (host === otherHost) return index < otherIndex
      const isOneSocket = address.transport !== 'udp' || isBatch
      return !(isOneSocket && isWildcard(otherHost) && sameFamily(host, otherHost))
    }),
  )
}

function sameFamily(a: string, b: string): boolean {
  return a.includes(':') === b.includes(':')
}

function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function isWildcard(host: string): host is '0.0.0.0' | '::' {
  return host === '0.0.0.0' || host === '::'
}
