// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BlockList, isIP } from 'node:net'
import { DaemonError } from '../core/errors.ts'
import type { Endpoint } from '../core/event.ts'

const OWN_ADDRESSES_MS = 10_000 // how long a list of the own addresses is believed

export type ReplyGuardDeps = {
  readonly now: () => number
  /** Addresses of this machine, canonical; none when they are not known just now. */
  readonly ownAddresses: () => string[]
  /** Ports on which our own sensors listen. */
  readonly isOwnPort: (port: number) => boolean
}

/**
 * Which sources are never answered, whatever they sent: those that no host can have, our own listeners (a loop),
 * and the networks that the operator named. A directed broadcast address needs no rule: the system refuses to send
 * there, since no socket here asks for SO_BROADCAST.
 */
export class ReplyGuard {
  readonly #never: BlockList | null
  readonly #deps: ReplyGuardDeps
  #own: ReadonlySet<string> = new Set()
  #ownAt = Number.NEGATIVE_INFINITY

  constructor(neverReply: readonly string[], deps: ReplyGuardDeps) {
    this.#never = neverReply.length === 0 ? null : blockList(neverReply)
    this.#deps = deps
  }

  /** `address` in canonical text; `local` is where its packet arrived. */
  mayReply(address: string, port: number, local: Endpoint): boolean {
    if (port === 0 || !isUnicast(address)) return false
    if (port === local.port && address === local.ip) return false
    if (this.#deps.isOwnPort(port) && this.#ownAddresses().has(address)) return false
    return this.#never === null || !this.#never.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
  }

  #ownAddresses(): ReadonlySet<string> {
    const now = this.#deps.now()
    if (Math.abs(now - this.#ownAt) > OWN_ADDRESSES_MS) {
      const own = this.#deps.ownAddresses()
      if (own.length > 0) this.#own = new Set(own)
      this.#ownAt = now
    }
    return this.#own
  }
}

/** False for 0.0.0.0/8, 224.0.0.0/4, 240.0.0.0/4 with 255.255.255.255, :: and ff00::/8. */
export function isUnicast(address: string): boolean {
  if (!address.includes(':')) {
    const first = Number.parseInt(address, 10)
    return first > 0 && first < 224
  }
  const firstGroup = address.slice(0, address.indexOf(':')).toLowerCase()
  return address !== '::' && !(firstGroup.length === 4 && firstGroup.startsWith('ff'))
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIP(address)
    const bits =
      length === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
    if (family === 0 || !(bits <= (family === 6 ? 128 : 32))) {
      throw new DaemonError(
        'CONFIG_INVALID',
        `sip.never_reply has "${network}", which is no network such as 192.0.2.0/24`,
      )
    }
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
