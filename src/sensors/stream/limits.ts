// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Allowance } from './input.ts'

/** What connections may take, in number, time and memory. */
export type StreamLimits = {
  readonly connectionCountMax: number
  readonly perSourceMax: number // an IPv4 address, an IPv6 /64
  readonly firstByteMs: number
  readonly handshakeMs: number // for a ClientHello, for the handshake after it, for the head of an HTTP request
  readonly messageMs: number // from the first byte of a message to its last
  readonly idleMs: number
  readonly messageRateMin: number // bytes per second within a message
  readonly messageRateGraceMs: number
  readonly lingerMs: number // for the peer to take our last answer after we closed our side
  readonly unsentSizeMax: number // bytes that the peer did not take yet; reading waits above that
  readonly sweepMs: number
  readonly sourceTurn: Readonly<Allowance> // what all connections of a source may use of one turn of the event loop
  readonly totalTurn: Readonly<Allowance> // and those of all sources; the last of them may go above it
}

export const STREAM_LIMITS: StreamLimits = {
  connectionCountMax: 4_000,
  perSourceMax: 20,
  firstByteMs: 10_000,
  handshakeMs: 5_000,
  messageMs: 20_000,
  idleMs: 5 * 60_000,
  messageRateMin: 50,
  messageRateGraceMs: 5_000,
  lingerMs: 2_000,
  unsentSizeMax: 65_536,
  sweepMs: 500,
  sourceTurn: { messageCount: 16, size: 32_768 },
  totalTurn: { messageCount: 64, size: 131_072 },
}
