// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { systemCode } from '../listen-error.ts'
import { listenUdp, type UdpDeps, type UdpSocket } from './udp.ts'

const ADDRESS_COUNT_MAX = 256 // own addresses that get a socket each; with more of them one wildcard socket serves all
const FREE_PORT_TRIES = 20

export type UdpWildcardDeps = UdpDeps & {
  /** Addresses of this machine now, canonical; those of the other family are passed over. */
  readonly ownAddresses: () => string[]
  /** Addresses that have a listener of their own on this port. */
  readonly taken: ReadonlySet<string>
}

export type UdpWildcard = AsyncDisposable & {
  readonly port: number
  readonly sockets: readonly UdpSocket[]
  /** Opens sockets for addresses that have come and closes those of addresses that have gone. Does not reject. */
  refresh(): Promise<void>
}

/**
 * All addresses of one family, by a socket for each: a datagram does not say where it was sent to, its socket does,
 * and the reply leaves from there. Addresses that come later are found by `refresh`. When the machine shows no
 * address of the family, or more than 256, one wildcard socket takes their place, and events then name 0.0.0.0 or ::.
 * Throws the system's own error when an address cannot be bound; nothing stays open then.
 */
export async function listenUdpWildcard(
  host: '0.0.0.0' | '::',
  port: number,
  deps: UdpWildcardDeps,
): Promise<UdpWildcard> {
  const addresses = wanted(host, deps)
  const areAllTaken = addresses.length === 0 && deps.taken.size > 0
  if ((addresses.length === 0 && !areAllTaken) || addresses.length > ADDRESS_COUNT_MAX) {
    return listenOnce(host, port, deps)
  }
  const sockets = port === 0 ? await bindFreePort(addresses, deps) : await bindAll(addresses, port, deps)
  return new PerAddress(host, port || sockets.values().next().value!.endpoint.port, sockets, deps)
}

class PerAddress implements UdpWildcard {
  readonly #host: string
  readonly #sockets: Map<string, UdpSocket>
  readonly #deps: UdpWildcardDeps
  readonly port: number
  #refreshing: Promise<void> | null = null
  #closed = false

  constructor(host: string, port: number, sockets: Map<string, UdpSocket>, deps: UdpWildcardDeps) {
    this.#host = host
    this.#sockets = sockets
    this.#deps = deps
    this.port = port
  }

  get sockets(): readonly UdpSocket[] {
    return [...this.#sockets.values()]
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  async #refresh(): Promise<void> {
    const addresses = new Set(wanted(this.#host, this.#deps))
    if (this.#closed || addresses.size === 0) return // a list that failed must not make us deaf
    for (const [address, socket] of this.#sockets) {
      if (addresses.has(address)) continue
      this.#sockets.delete(address)
      await socket[Symbol.asyncDispose]()
      this.#deps.log.info({ ip: address }, 'An address has gone; its UDP socket is closed')
    }
    for (const address of addresses) {
      if (this.#closed || this.#sockets.has(address) || this.#sockets.size >= ADDRESS_COUNT_MAX) continue
      try {
        this.#sockets.set(address, await listenUdp(address, this.port, this.#deps))
        this.#deps.log.info({ ip: address, port: this.port }, 'An address has come; listening there on UDP too')
      } catch (error) {
        this.#deps.log.warn({ err: error, ip: address, port: this.port }, 'Cannot listen on an address that has come')
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#refreshing
    await closeAll(this.#sockets.values())
  }
}

async function listenOnce(host: string, port: number, deps: UdpWildcardDeps): Promise<UdpWildcard> {
  const socket = await listenUdp(host, port, deps)
  deps.log.warn(
    { ...socket.endpoint },
    'One UDP socket serves all addresses; events do not show which of them was reached',
  )
  return {
    port: socket.endpoint.port,
    sockets: [socket],
    refresh: async () => {},
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  }
}

/** Link-local addresses are left out: they need a zone, and only this link could reach them. */
function wanted(host: string, { ownAddresses, taken }: UdpWildcardDeps): string[] {
  const isIpv6 = host.includes(':')
  return [...new Set(ownAddresses())].filter(
    (address) => address.includes(':') === isIpv6 && !/^fe[89ab]/i.test(address) && !taken.has(address),
  )
}

async function bindAll(
  addresses: readonly string[],
  port: number,
  deps: UdpWildcardDeps,
): Promise<Map<string, UdpSocket>> {
  const sockets = new Map<string, UdpSocket>()
  for (const address of addresses) {
    try {
      sockets.set(address, await listenUdp(address, port, deps))
    } catch (error) {
      // It went between listing and binding, or is not usable yet; `refresh` comes back to it.
      if (systemCode(error) === 'EADDRNOTAVAIL') continue
      await closeAll(sockets.values())
      throw error
    }
  }
  return sockets
}

/** One port that is free on all of the addresses. */
async function bindFreePort(addresses: readonly string[], deps: UdpWildcardDeps): Promise<Map<string, UdpSocket>> {
  for (let attempt = 1; ; attempt++) {
    const first = await listenUdp(addresses[0]!, 0, deps)
    try {
      const others = await bindAll(addresses.slice(1), first.endpoint.port, deps)
      return new Map([[addresses[0]!, first], ...others])
    } catch (error) {
      await first[Symbol.asyncDispose]()
      if (systemCode(error) !== 'EADDRINUSE' || attempt === FREE_PORT_TRIES) throw error
    }
  }
}

async function closeAll(sockets: Iterable<UdpSocket>): Promise<void> {
  await Promise.all(Array.from(sockets, (socket) => socket[Symbol.asyncDispose]()))
}
