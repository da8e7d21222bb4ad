// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Transport } from '../../core/event.ts'
import type { Token } from './token.ts'

/** What a header line is given up after, when a datagram leaves no room: the lowest rank goes first, 0 stays. */
export const SHED = { never: 0, supported: 1, accept: 2, allow: 3, server: 4 } as const
export type ShedRank = (typeof SHED)[keyof typeof SHED]

export type HeaderLine = {
  readonly name: string
  readonly value: string
  /** The same in fewer bytes, and in the fewest that still mean it. */
  readonly short?: string
  readonly shortest?: string
  readonly shed: ShedRank
}

/** A response as decided, before it is fitted into what may be sent. Headers stand in the device's order. */
export type Answer = {
  readonly status: number
  readonly reason: string | undefined // undefined: the phrase of the RFC
  readonly tag: Token | null // null on 100, which has no To-tag (RFC 3261 §8.2.6.2)
  readonly headers: readonly HeaderLine[]
  /** Whether Record-Route is repeated, as in what sets up a dialog (RFC 3261 §12.1.1). */
  readonly recordRoute: boolean
  readonly body: Uint8Array | null
  readonly shortBody: Uint8Array | null
  /** A final answer that takes less room, sent when this one cannot be made small enough. */
  readonly instead: Answer | null
}

/** Where and when a message arrived. */
export type Circumstances = {
  readonly stream: boolean // over a connection, whose source address its handshake proved
  readonly transport?: Transport // of a connection; tcp when left out
  readonly oversize: boolean // only the beginning is here, since the rest is larger than we take
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly now: number // ms since epoch
}

/** Whether a connection shows by itself where a message ends, so that Content-Length may be missing. RFC 7118 §5.3. */
export function framesMessages({ transport }: Circumstances): boolean {
  return transport === 'ws' || transport === 'wss'
}

/** The transport parameter of our own URI; none over UDP. RFC 3261 §19.1.1, RFC 7118 §5.2.3. */
export function transportParameter({ stream, transport }: Circumstances): string {
  if (!stream) return ''
  if (transport === 'ws' || transport === 'wss') return ';transport=ws'
  return transport === 'tls' ? ';transport=TLS' : ';transport=TCP'
}

/** A host as it stands in a URI. */
export function uriHost(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip
}
