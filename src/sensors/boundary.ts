// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Observation, Transport } from '../core/event.ts'
import { parseMessage } from '../wire/sip/message.ts'
import type { Counters } from './counters.ts'
import type { ReplyGuard } from './reply-guard.ts'
import type { ReplyLimiter } from './reply-limit.ts'
import { seldom } from './seldom.ts'
import type { Reply } from './uas/byte-rule.ts'
import type { ReplyPath } from './uas/delivery.ts'
import type { Responder } from './uas/responder.ts'
import type { UserAgentServer } from './uas/user-agent-server.ts'

const KEPT_SIZE_MAX = 65_536 // bytes of one observation

export type SensorLog = {
  info(obj: object, msg: string): void
  warn(obj: object, msg: string): void
  error(obj: object, msg: string): void
}

/** The ways back of a connection. */
export type StreamReplies = {
  /** Takes what is to be sent at the end of this turn. False when it cannot be sent. */
  push(bytes: Uint8Array): boolean
  /** For what is sent at another time. */
  readonly path: ReplyPath
}

/** A connection, as far as answering goes. */
export type StreamPeer = {
  readonly transport: Transport
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly ja4?: string // of its ClientHello, where it is one of TLS
}

/** What a stream handed over: a message, or what came in place of one. */
export type StreamPacket = {
  readonly message: Uint8Array // what may be answered; empty for what must not be
  readonly evidence: Uint8Array // what is kept of it
  readonly size: number // bytes received
  readonly oversize: boolean
  readonly answered?: readonly Reply[] // what another protocol than SIP has answered
}

export type BoundaryDeps = {
  readonly now: () => number
  readonly observe: (observation: Observation) => void
  readonly log: SensorLog
  readonly keepVector?: ((bytes: Uint8Array, error: unknown) => void) | undefined
  readonly counters: Counters
  readonly guard: Pick<ReplyGuard, 'mayReply'>
  readonly limiter: Pick<ReplyLimiter, 'take'>
  readonly server: Pick<UserAgentServer, 'receive'>
  /** What answers at that own address. */
  readonly responderAt: (ip: string) => Responder
}

const NO_REPLIES: readonly Reply[] = []
const BUG_LOG_MS = 1_000 // at most one log line of a bug in so long

/**
 * The one place where the world's bytes meet our code. Whatever they do to it, they are recorded; an exception is
 * counted, logged and its packet kept, and the sensor goes on (or one packet could switch us off).
 */
export class Boundary {
  readonly #deps: BoundaryDeps
  readonly #passive: boolean
  readonly #logSeldom: (call: () => void) => void

  constructor(config: { isPassive: boolean }, deps: BoundaryDeps) {
    this.#passive = config.isPassive
    this.#deps = deps
    this.#logSeldom = seldom(BUG_LOG_MS, deps.now)
  }

  /** Answers and records one message of a stream, in the order of the calls. */
  stream(peer: StreamPeer, packet: StreamPacket, replies: StreamReplies): void {
    const at = this.#deps.now()
    if (packet.size > 0) this.#deps.counters.receivedCount++
    const { answered = NO_REPLIES } = packet
    const sent = packet.message.length === 0 ? answered : this.#answer(peer, packet, at, replies)
    this.#record(peer, packet, at, sent)
  }

  /** Whether what is no SIP may be answered: a keep-alive (RFC 5626 §3.5.1), a handshake of TLS, a request of HTTP. */
  mayAnswer(peer: StreamPeer): boolean {
    const { guard, limiter, now } = this.#deps
    if (this.#passive || !guard.mayReply(peer.source.ip, peer.source.port, peer.destination)) return false
    return limiter.take(peer.source.ip, 1, now(), true)
  }

  /** The replies that were sent, or will be. */
  #answer(peer: StreamPeer, { message, oversize }: StreamPacket, now: number, to: StreamReplies): readonly Reply[] {
    if (this.#passive) return NO_REPLIES
    const sent: Reply[] = []
    try {
      const { guard, counters, server, responderAt } = this.#deps
      if (!guard.mayReply(peer.source.ip, peer.source.port, peer.destination)) return NO_REPLIES
      const responder = responderAt(peer.destination.ip)
      const arrival = { ...peer, oversize, now, size: message.length, responder, path: () => to.path }
      const { replies, later } = server.receive(parseMessage(message), arrival)
      for (const reply of replies) {
        if (to.push(reply.bytes)) sent.push(reply)
        else counters.sendErrorCount++
      }
      counters.repliedCount += sent.length
      sent.push(...later)
    } catch (error) {
      this.bug(message, error)
    }
    return sent
  }

  #record(
    { transport, source, destination, ja4 }: StreamPeer,
    { evidence, size }: Pick<StreamPacket, 'evidence' | 'size'>,
    at: number,
    sent: readonly Reply[],
  ): void {
    const bytes = evidence.length > KEPT_SIZE_MAX ? evidence.subarray(0, KEPT_SIZE_MAX) : evidence
    try {
      this.#deps.observe({
        at,
        transport,
        source,
        destination,
        validation: 'transport',
        collectedMethod: this.#passive ? 'passive' : 'responsive',
        responses: sent.map(({ status }) => status),
        sentSize: sent.reduce((size, one) => size + one.bytes.length, 0),
        bytes,
        size,
        ...(ja4 === undefined ? {} : { ja4 }),
      })
    } catch (error) {
      this.bug(bytes, error)
    }
  }

  /** Counts and logs it, and keeps the bytes that it was met with. Does not throw. */
  bug(bytes: Uint8Array, error: unknown): void {
    const { counters, log, keepVector } = this.#deps
    const bugCount = ++counters.bugCount
    this.#logSeldom(() => {
      log.error({ err: error, bugCount, size: bytes.length }, 'A packet met a bug; it was kept, and the sensor goes on')
    })
    try {
      keepVector?.(Uint8Array.from(bytes), error)
    } catch (cause) {
      this.#logSeldom(() => log.error({ err: cause }, 'Cannot keep the packet that met a bug'))
    }
  }
}
