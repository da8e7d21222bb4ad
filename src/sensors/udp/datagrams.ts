// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage, type SipMessage } from '../../wire/sip/message.ts'
import type { Counters } from '../counters.ts'
import type { ReplyGuard } from '../reply-guard.ts'
import type { ReplyLimiter } from '../reply-limit.ts'
import { fitAnswer } from '../uas/byte-rule.ts'
import type { DatagramSource, DatagramTarget, ReceivedDatagram } from './datagram.ts'
import type { Device } from './device.ts'
import type { ReplyDraft } from './reply-draft.ts'

/** The end through which a receiver replies to the datagram it hands over, and to nothing else. */
export type ReplyPort = {
  /** Where the reply is put together. */
  readonly draft: ReplyDraft
  /** Sends what the draft holds to where the datagram came from. False when it cannot. */
  send(): boolean
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
  /** What answers at that own address. */
  readonly deviceAt: (ip: string) => Device
}

/** The datagrams' way through the sensor: read, answered within the rules, and handed over with what was done. */
export class Datagrams {
  readonly #deps: DatagramDeps
  readonly #isPassive: boolean

  constructor(config: { passive: boolean }, deps: DatagramDeps) {
    this.#isPassive = config.passive
    this.#deps = deps
  }

  readonly handle: DatagramHandler = (bytes, start, end, source, target, port) => {
    const { counters, now, observe, bug } = this.#deps
    const at = now()
    counters.receivedCount++
    let status = 0
    if (!this.#isPassive && port !== null) {
      try {
        status = this.#answer(bytes, start, end, { source, target, at }, port)
      } catch (error) {
        bug(bytes.subarray(start, end), error)
      }
    }
    const sentSize = status === 0 ? 0 : (port?.draft.size ?? 0)
    try {
      observe({ at, bytes, start, end, source, target, isPassive: this.#isPassive, status, sentSize })
    } catch (error) {
      bug(bytes.subarray(start, end), error)
    }
  }

  /** The status of the reply that was sent; 0 when there was none. */
  #answer(bytes: Buffer, start: number, end: number, to: Recipient, port: ReplyPort): number {
    const { guard, limiter, counters } = this.#deps
    if (!guard.mayReply(to.source.ip, to.source.port, to.target.endpoint)) return 0
    const { responder, quick } = this.#deviceOf(to.target)
    const isQuick = quick.read(bytes, start, end)
    const request = isQuick ? null : parseMessage(bytes, start, end)
    if (request !== null && !mayBeAnswered(request)) return 0
    // Asked before the answer is worked out, so that a flood costs us little.
    if (!limiter.take(to.source.ip, 1, to.at, false)) {
      counters.silencedByRateCount++
      return 0
    }
    const quickStatus = isQuick ? quick.draft(bytes, to, end - start, port.draft) : 0
    const status =
      quickStatus || this.#draft(responder, request ?? parseMessage(bytes, start, end), to, end - start, port.draft)
    if (status === 0) {
      limiter.giveBack(to.source.ip, 1, to.at, false)
      return 0
    }
    if (port.send()) {
      counters.repliedCount++
      return status
    }
    counters.sendErrorCount++
    return 0
  }

  /** Looked up once for each address, and not for each datagram. */
  #deviceOf(target: DatagramTarget): Device {
    target.device ??= this.#deps.deviceAt(target.endpoint.ip)
    return target.device
  }

  #draft(
    responder: Device['responder'],
    request: SipMessage,
    { source, target, at }: Recipient,
    sizeMax: number,
    draft: ReplyDraft,
  ): number {
    const { counters } = this.#deps
    const circumstances = {
      stream: false,
      oversize: false,
      source: source.endpoint,
      destination: target.endpoint,
      now: at,
    }
    const answers = responder.decide(request, circumstances)
    if (answers.length === 0) return 0
    const fitted = fitAnswer(request, answers, circumstances, sizeMax)
    if (fitted === 'too-large') counters.silencedByBytesCount++
    if (typeof fitted === 'string') return 0
    draft.begin(NO_PACKET)
    draft.copy(fitted.bytes)
    return fitted.status
  }
}

type Recipient = { readonly source: DatagramSource; readonly target: DatagramTarget; readonly at: number }

const NO_PACKET = Buffer.alloc(0) // of which a reply made by the responder takes nothing

/** Neither responses nor ACK ever are (RFC 3261 §17). */
const mayBeAnswered = (message: SipMessage): boolean => message.kind === 'request' && message.method !== 'ACK'
