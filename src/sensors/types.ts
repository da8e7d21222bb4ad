// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Transport } from '../core/event.ts'
import type { TlsCredentials } from './stream/tls-acceptor.ts'

/** A listening address, after binding (the port is the real one when 0 was asked for). */
export type Listener = {
  readonly transport: Transport
  readonly endpoint: Endpoint
  readonly receiver: 'recvmmsg' | 'dgram' | 'net'
}

export type SensorCounters = {
  readonly receivedCount: number // datagrams, or stream messages
  readonly kernelDropCount: number // datagrams that the system dropped, as a receive buffer was full; Linux only
  readonly repliedCount: number
  readonly silencedByBytesCount: number // replies not sent since they would have been larger than the request
  readonly silencedByRateCount: number // replies not sent since a rate limit was reached
  readonly sendErrorCount: number
  readonly bugCount: number // exceptions caught at the packet boundary
  readonly connectionCount: number // open now
  readonly shedConnectionCount: number // closed to stay within the limits
}

export type Sensors = AsyncDisposable & {
  readonly listeners: readonly Listener[]
  counters(): SensorCounters
}

export type OpenSensors = Sensors & {
  /** Which part of the time since the last call their thread had work, 0 to 1. */
  busyShare(): number
  /** Lets other threads bind the same UDP addresses too; where datagrams are received in batches. */
  share(): void
  /** Deals out datagrams among so many threads that bind the same addresses, all of a network to one. */
  deal(count: number): void
  /** What new TLS handshakes show from now on. Throws when it is no certificate with its key, and then nothing changes. */
  renewCredentials(credentials: TlsCredentials): void
}
