// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage, type SipMessage } from '../../wire/sip/message.ts'
import type { Counters } from '../counters.ts'
import type { ReplyGuard } from '../reply-guard.ts'
import type { ReplyLimiter } from '../reply-limit.ts'
import type { ReplyPath } from '../uas/delivery.ts'
import type { SourceMemory } from '../uas/source-memory.ts'
import type { UserAgentServer } from '../uas/user-agent-server.ts'
import type { DatagramSource, DatagramTarget, ReceivedDatagram } from './datagram.ts'
import type { Device } from './device.ts'
import type { ReplyDraft } from './reply-draft.ts'

/** The end through which a receiver replies to the datagram it hands over, and to nothing else. */
export type ReplyPort = {
  /** Where the reply is put together. */
  readonly draft: ReplyDraft
  /**
   * Sends what the draft holds to where the datagram came from. False when it cannot. To a source that is not proven it
   * sends no more bytes than the datagram has, all replies together.
   */
  send(isProven: boolean): boolean
  /** A way back to there that stays open after the call; only for a source that is proven. */
  path(): ReplyPath
}

/**
 * What a receiver of datagrams calls for each: it lies in `bytes` from `start` to `end` and may be written over after
 * the call, or after the replies of a batch were sent when there is a batch.
 */
export type DatagramHandler = (
  bytes: Buffer,
  start: number,
  end: number,
  source: DatagramSource,
  target: DatagramTarget,
  port: ReplyPort | null, // null: it was sent to many, and is not answered
) => void

export type DatagramDeps = {
  readonly now: () => number // ms since epoch
  readonly observe: (datagram: ReceivedDatagram) => void
  readonly bug: (bytes: Uint8Array, error: unknown) => void
  readonly counters: Counters
  readonly guard: Pick<ReplyGuard, 'mayReply'>
  readonly limiter: Pick<ReplyLimiter, 'take' | 'giveBack'>
  readonly memory: Pick<SourceMemory, 'isEmpty' | 'isProven'>
  readonly server: Pick<UserAgentServer, 'receive'>
  /** What answers at that own address. */
  readonly deviceAt: (ip: string) => Device
}

/** What was done about a datagram, as ReceivedDatagram has it. */
type Done = { validation: 0 | 1; status: number; moreStatuses: readonly number[]; sentSize: number }
const NONE: readonly number[] = []

/** The datagrams' way through the sensor: read, answered within the rules, and handed over with what was done. */
export class Datagrams {
  readonly #deps: DatagramDeps
  readonly #isPassive: boolean
  readonly #done: Done = { validation: 0, status: 0, moreStatuses: NONE, sentSize: 0 } // of this datagram

  constructor(config: { isPassive: boolean }, deps: DatagramDeps) {
    this.#isPassive = config.isPassive
    this.#deps = deps
  }

  readonly handle: DatagramHandler = (bytes, start, end, source, target, port) => {
    const { counters, now, observe, bug } = this.#deps
    const at = now()
    const done = this.#done
    done.validation = 0
    done.status = 0
    done.moreStatuses = NONE
    done.sentSize = 0
    counters.receivedCount++
    if (!this.#isPassive && port !== null) {
      try {
        this.#answer(bytes, start, end, { source, target, at }, port)
      } catch (error) {
        bug(bytes.subarray(start, end), error)
      }
    }
    const { validation, status, moreStatuses, sentSize } = done
    try {
      const isPassive = this.#isPassive
      observe({ at, bytes, start, end, source, target, isPassive, validation, status, moreStatuses, sentSize })
    } catch (error) {
      bug(bytes.subarray(start, end), error)
    }
  }

  #answer(bytes: Buffer, start: number, end: number, to: Recipient, port: ReplyPort): void {
    const { guard, limiter, counters, memory } = this.#deps
    const { source, target, at } = to
    if (!guard.mayReply(source.ip, source.port, target.endpoint)) return
    const { quick } = this.#deviceOf(target)
    const isProven = !memory.isEmpty && memory.isProven(source.endpoint, at)
    const isQuick = !isProven && quick.read(bytes, start, end)
    const request = isQuick ? null : parseMessage(bytes, start, end)
    if (request !== null && !isAnswered(request)) {
      this.#receive(request, to, end - start, port)
      return
    }
    // Asked before the answer is worked out, so that a flood costs us little.
    if (!isProven && !limiter.take(source.ip, 1, at, false)) {
      counters.silencedByRateCount++
      return
    }
    const quickStatus = isQuick ? quick.draft(bytes, to, end - start, port.draft) : 0
    if (quickStatus !== 0) this.#push(quickStatus, port)
    else this.#receive(request ?? parseMessage(bytes, start, end), to, end - start, port)
    if (this.#done.status === 0 && !isProven) limiter.giveBack(source.ip, 1, at, false)
  }

  #receive(request: SipMessage, { source, target, at }: Recipient, size: number, port: ReplyPort): void {
    const handled = this.#deps.server.receive(request, {
      transport: 'udp',
      oversize: false,
      source: source.endpoint,
      destination: target.endpoint,
      now: at,
      size,
      responder: this.#deviceOf(target).responder,
      path: () => port.path(),
    })
    this.#done.validation = handled.validation === 'none' ? 0 : 1
    for (const reply of handled.replies) {
      port.draft.begin(NO_PACKET)
      port.draft.copy(reply.bytes)
      this.#push(reply.status, port)
    }
    for (const reply of handled.later) this.#note(reply.status, reply.bytes.length)
  }

  /** Looked up once for each address, and not for each datagram. */
  #deviceOf(target: DatagramTarget): Device {
    target.device ??= this.#deps.deviceAt(target.endpoint.ip)
    return target.device
  }

  #push(status: number, port: ReplyPort): void {
    const { counters } = this.#deps
    if (port.send(this.#done.validation === 1)) {
      counters.repliedCount++
      this.#note(status, port.draft.size)
    } else counters.sendErrorCount++
  }

  #note(status: number, size: number): void {
    const done = this.#done
    if (done.status === 0) done.status = status
    else done.moreStatuses = [...done.moreStatuses, status]
    done.sentSize += size
  }
}

type Recipient = { readonly source: DatagramSource; readonly target: DatagramTarget; readonly at: number }

const NO_PACKET = Buffer.alloc(0) // of which a reply made by the server takes nothing

/** Neither responses nor ACK ever are (RFC 3261 §17), though an ACK may prove where it comes from. */
const isAnswered = (message: SipMessage): boolean => message.kind === 'request' && message.method !== 'ACK'
