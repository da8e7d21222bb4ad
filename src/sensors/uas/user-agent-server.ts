// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Transport } from '../../core/event.ts'
import type { SourceValidation } from '../../core/validation.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import { parseNameAddr } from '../../wire/sip/uri.ts'
import type { Counters } from '../counters.ts'
import type { ReplyLimiter } from '../reply-limit.ts'
import { type Answer, type Circumstances, type Exchange, isStream } from './answer.ts'
import { fitAnswer, type Reply, serializeAnswers } from './byte-rule.ts'
import type { Delivery, ReplyPath, Sent } from './delivery.ts'
import { NOTHING } from './delivery.ts'
import type { Dialogs } from './dialogs.ts'
import type { Pace } from './pacing.ts'
import type { Plan, Responder } from './responder.ts'
import type { SourceMemory } from './source-memory.ts'
import { isRelayed, tokenCallId } from './token.ts'
import { held, type Transaction, type Transactions, transactionKey } from './transactions.ts'

/** How a message arrived. */
export type Arrival = {
  readonly transport: Transport
  readonly oversize: boolean // only the beginning is here, since the rest is larger than we take
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly now: number // ms since epoch
  readonly size: number // bytes of it
  /** Who answers where it arrived. */
  readonly responder: Responder
  /** Asked for when something may be sent later: never for a datagram whose source is not proven. */
  path(): ReplyPath
}

/** What was done about a message. */
export type Handled = Sent & { readonly validation: SourceValidation }

export type UserAgentServerDeps = {
  readonly memory: SourceMemory
  readonly transactions: Transactions
  readonly dialogs: Pick<Dialogs<unknown>, 'find' | 'confirm' | 'refuse'>
  readonly delivery: Delivery
  readonly pace: Pick<Pace, 'call' | 'refusal'>
  readonly limiter: Pick<ReplyLimiter, 'take'>
  readonly counters: Counters
}

/** Whether it changes something, so that a retransmission must not be taken for a new one. */
const isStateful = ({ method, offered }: Exchange): boolean =>
  method === 'INVITE' || method === 'BYE' || (method === 'REGISTER' && offered !== null)

/**
 * The device as its peers meet it: transactions and dialogs around what a responder decides (RFC 3261 §17.2, §12). A
 * source that has proven its address is answered as the device would, in the device's time; any other at once, with one
 * response no larger than the request, and never again unless it asks again.
 */
export class UserAgentServer {
  readonly #deps: UserAgentServerDeps

  constructor(deps: UserAgentServerDeps) {
    this.#deps = deps
  }

  receive(request: SipMessage, arrival: Arrival): Handled {
    const { transport, source, now } = arrival
    // Responses are never answered, or two sensors could talk to each other for ever.
    const callId = request.kind === 'request' ? request.header('call-id') : undefined
    if (!callId) return { ...NOTHING, validation: transport === 'udp' ? this.#remembered(arrival) : 'transport' }
    const { tokens, auth } = arrival.responder
    const toTag = parseNameAddr(request.header('to') ?? '')?.parameters.get('tag') ?? null
    const tokenId = tokenCallId(callId, request)
    const isOwnTag = toTag !== null && tokens.isOwnTag(toTag, source, tokenId, now)
    const offered = request.method === 'ACK' ? null : auth.read(request, arrival) // it repeats those of its INVITE
    const tokensBack = { toTag, isOwnTag, offered }
    const validation = transport === 'udp' ? this.#validate(request, arrival, tokensBack) : 'transport'
    const { oversize, destination } = arrival
    const circumstances: Circumstances = { transport, oversize, source, destination, now, validation }
    const method = request.method ?? ''
    const exchange: Exchange = {
      request,
      circumstances,
      method,
      callId,
      tag: tokens.tag(source, tokenId, now),
      ...tokensBack,
    }
    const sent = method === 'ACK' ? this.#acknowledge(exchange) : this.#answer(exchange, arrival)
    return { ...sent, validation }
  }

  #remembered({ source, now }: Arrival): SourceValidation {
    return this.#deps.memory.isProven(source, now) ? 'echo' : 'none'
  }

  /** A datagram returns a token of ours, or one that we never gave, or none. */
  #validate(
    request: SipMessage,
    arrival: Arrival,
    back: Pick<Exchange, 'toTag' | 'isOwnTag' | 'offered'>,
  ): SourceValidation {
    const { memory } = this.#deps
    const { source, now } = arrival
    if (isRelayed(request)) return this.#remembered(arrival)
    if (back.isOwnTag || back.offered?.nonce === 'own') memory.prove(source, now)
    else if (back.toTag !== null || back.offered?.nonce === 'foreign') memory.doubt(source, now)
    return this.#remembered(arrival)
  }

  /** ACK is never answered (RFC 3261 §17): it ends what is sent again for want of it. */
  #acknowledge(exchange: Exchange): Sent {
    const { dialogs, transactions } = this.#deps
    const { request, circumstances } = exchange
    transactions.find(transactionKey(request, circumstances, 'INVITE'), circumstances.now)?.confirm()
    const dialog = dialogs.find(exchange)
    if (dialog !== null) dialogs.confirm(dialog)
    return NOTHING
  }

  #answer(exchange: Exchange, arrival: Arrival): Sent {
    const { transactions } = this.#deps
    const { request, method, circumstances } = exchange
    const { now } = circumstances
    // Asked before anything is worked out or begun, so that a flood costs us little; the sensor has asked for the others.
    if (circumstances.validation !== 'none' && !this.#hasLeave(circumstances, 1)) return NOTHING
    if (method === 'CANCEL') {
      const invite = transactions.find(transactionKey(request, circumstances, 'INVITE'), now)
      if (invite !== null) return this.#cancel(exchange, arrival, invite)
    }
    const { responder } = arrival
    if (!isStateful(exchange)) return this.#send(exchange, arrival, responder.decide(exchange), null)
    const key = transactionKey(request, circumstances, method)
    const known = transactions.find(key, now)
    if (known?.last) return this.#sendAgain(exchange, arrival, known.last)
    if (known?.phase === 'proceeding') return NOTHING // its answer is on its way
    // The tag stays the one that was given first, although tags were renewed meanwhile.
    const transaction = transactions.begin(key, now, known?.tag ?? exchange.tag)
    const tagged = { ...exchange, tag: transaction.tag }
    return this.#send(tagged, arrival, responder.decide(tagged), transaction)
  }

  #sendAgain({ circumstances }: Exchange, { size }: Arrival, last: Reply): Sent {
    if (circumstances.validation !== 'none' || last.bytes.length <= size) return { replies: [last], later: [] }
    this.#deps.counters.silencedByBytesCount++
    return NOTHING
  }

  /** 200 to the CANCEL, and 487 to its INVITE when that has no final response yet. RFC 3261 §9.2. */
  #cancel(exchange: Exchange, arrival: Arrival, invite: Transaction): Sent {
    const answer = arrival.responder.answer(exchange, 200)
    const { replies } = this.#send(exchange, arrival, { answers: [answer], dialog: null }, null)
    const terminated = invite.onCancel?.() ?? null
    return { replies: terminated === null ? replies : [...replies, terminated], later: [] }
  }

  #send(exchange: Exchange, arrival: Arrival, plan: Plan, transaction: Transaction | null): Sent {
    const { request, circumstances } = exchange
    const { answers, dialog } = plan
    if (answers.length === 0) return NOTHING
    if (circumstances.validation === 'none') return this.#sendWithinSize(exchange, arrival, plan, transaction)
    const moreCount = answers.length - 1
    const replies =
      moreCount === 0 || this.#hasLeave(circumstances, moreCount)
        ? serializeAnswers(request, answers, circumstances)
        : []
    if (replies.length === 0) {
      if (dialog !== null) this.#deps.dialogs.refuse(dialog)
      return NOTHING
    }
    if (transaction === null) return { replies, later: [] }
    const isInvite = exchange.method === 'INVITE'
    const terminated = isInvite ? serializeOne(exchange, arrival.responder.answer(exchange, 487)) : null
    return this.#deps.delivery.start({
      transaction,
      replies: replies.map(held),
      afterMs: this.#times(exchange, replies),
      terminated,
      isInvite,
      isStream: isStream(circumstances),
      mayRepeat: this.#mayRepeat(exchange),
      dialog,
      path: arrival.path(),
    })
  }

  #times({ circumstances, callId }: Exchange, replies: readonly Reply[]): number[] {
    const { pace } = this.#deps
    if (replies.length === 1) return [(replies[0]?.status ?? 0) < 300 ? 0 : pace.refusal(circumstances.source, callId)]
    const { ringing, final } = pace.call(circumstances.source, callId)
    return replies.map((_, index) => (index === 0 ? 0 : index === replies.length - 1 ? final : ringing))
  }

  /** To a source that may be forged: a final response in no more bytes than it sent, or nothing. */
  #sendWithinSize(exchange: Exchange, { size }: Arrival, plan: Plan, transaction: Transaction | null): Sent {
    const { dialogs, counters } = this.#deps
    const fitted = fitAnswer(exchange.request, plan.answers, exchange.circumstances, size)
    if (fitted === 'too-large') counters.silencedByBytesCount++
    const reply = typeof fitted === 'string' ? null : fitted
    if (plan.dialog !== null && reply?.status === 200) plan.dialog.isAccepted = true
    else if (plan.dialog !== null) dialogs.refuse(plan.dialog)
    if (reply === null) return NOTHING
    transaction?.sent(held(reply))
    return { replies: [reply], later: [] }
  }

  /**
   * A datagram in the name of a source that was proven before may be forged all the same: what it starts is repeated only
   * when it carries a token itself.
   */
  #mayRepeat({ circumstances, isOwnTag, offered }: Exchange): ((afterMs: number) => boolean) | null {
    const { source, now } = circumstances
    const isSure = isStream(circumstances) || isOwnTag || offered?.nonce === 'own'
    return isSure ? (afterMs) => this.#deps.limiter.take(source.ip, 1, now + afterMs, true) : null
  }

  /** Whether so many replies may be sent to a source that is proven. */
  #hasLeave({ source, now }: Circumstances, count: number): boolean {
    const { limiter, counters } = this.#deps
    if (limiter.take(source.ip, count, now, true)) return true
    counters.silencedByRateCount++
    return false
  }
}

function serializeOne({ request, circumstances }: Exchange, answer: Answer): Reply | null {
  const [reply] = serializeAnswers(request, [answer], circumstances)
  return reply === undefined ? null : held(reply)
}
