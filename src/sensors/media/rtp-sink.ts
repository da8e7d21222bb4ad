// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { RemoteInfo, Socket } from 'node:dgram'
import { canonicalIp } from '../../core/address.ts'
import { MediaTally, type TalliedMedia } from './media-tally.ts'

export const SINK_LIMITS = {
  lifeMs: 30_000, // from being taken on
  readRate: 200, // packets a second that are read; a call has 50 to 100
  rate: 2000, // packets a second, foreign ones included: more are no call, and the socket is closed
  totalRate: 20_000, // packets a second of all sinks of a thread: more would keep it from its datagrams
} as const

/** What is known of a call when its media is to come. */
export type SinkCall = {
  /** The address that the call was signalled from, in canonical text: only its packets are the call's. */
  readonly sourceIp: string
  /** Of the payload types that were answered, as in `Persona.codecs`: `101` → `telephone-event/8000`. */
  readonly rtpmaps: ReadonlyMap<string, string>
}

export type SinkDeps = {
  /** Milliseconds from anywhere that no one sets back. */
  monotonicNow(): number
  /**
   * Calls once, so many milliseconds later and never before it returned how to stop that. It must not keep the process
   * alive.
   */
  after(ms: number, call: () => void): () => void
}

/** Where the media of one call ends: it is counted and thrown away. Nothing is ever sent. */
export type RtpSink = {
  readonly port: number
  /** Counts from now on; everything before was nobody's. */
  start(call: SinkCall): void
  /** What came so far. */
  summary(): TalliedMedia
  /** Frees the port, which happens by itself 30 s after the sink was taken. Once more does no harm. */
  close(): TalliedMedia
}

/** A sink on a bound socket, which it owns. `onClose` hears once that the port is free. */
export function openSink(socket: Socket, deps: SinkDeps, total: PacketPace, onClose: () => void): RtpSink {
  const { port } = socket.address()
  const pace = new PacketPace(deps)
  let tally = new MediaTally(new Map())
  let isPeer: (address: string) => boolean = () => false
  let isOpen = true
  const close = () => {
    if (isOpen) {
      isOpen = false
      stopTimer()
      socket.close()
      onClose()
    }
    return tally.summary()
  }
  const stopTimer = deps.after(SINK_LIMITS.lifeMs, close)
  const receive = (bytes: Uint8Array, from: RemoteInfo) => {
    const at = deps.monotonicNow()
    const count = pace.count(at)
    if (isPeer(from.address)) tally.packet(bytes, from.port, at, count <= SINK_LIMITS.readRate)
    else tally.foreign()
    if (count > SINK_LIMITS.rate || total.count(at) > SINK_LIMITS.totalRate) close()
  }
  socket.on('message', receive)
  socket.removeAllListeners('error').on('error', close)
  return {
    port,
    start: (call) => {
      tally = new MediaTally(call.rtpmaps)
      isPeer = peerCheck(call.sourceIp)
    },
    summary: () => tally.summary(),
    close,
  }
}

/** How many packets came within the second that began with the first of them. */
export class PacketPace {
  #startedAt: number
  #count = 0

  constructor({ monotonicNow }: Pick<SinkDeps, 'monotonicNow'>) {
    this.#startedAt = monotonicNow()
  }

  /** Counts one more. */
  count(at: number): number {
    if (at - this.#startedAt >= 1000) {
      this.#startedAt = at
      this.#count = 0
    }
    return ++this.#count
  }
}

/** Whether an address, as the system writes it, is that one; nearly always the same asks again. */
function peerCheck(sourceIp: string): (address: string) => boolean {
  let lastPeer = sourceIp
  return (address) => {
    if (address === lastPeer) return true
    if (canonicalIp(address) !== sourceIp) return false
    lastPeer = address
    return true
  }
}
