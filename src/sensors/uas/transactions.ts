// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import { RecentMap } from '../../core/recent-map.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import type { Circumstances } from './answer.ts'
import type { Reply } from './byte-rule.ts'
import type { Timer } from './timers.ts'
import type { Token } from './token.ts'

const COUNT_MAX = 20_000
const LIFE_MS = 32_000 // 64 × T1, as long as a transaction can live. RFC 3261 §17.2.1
/** Bytes; a larger reply is not kept: it is not sent later or again by itself, and made anew when its request comes again. */
export const REPLY_SIZE_MAX = 2_048

/**
 * A server transaction: a request, and what was answered to it. RFC 3261 §17.2, RFC 6026.
 * `trying`: it is not known whether anything can be sent. `proceeding`: the final response will come by itself.
 * `completed`: it was sent. `confirmed`: its ACK has come. What of this is kept has a small size, as it is kept for long.
 */
export class Transaction {
  readonly at: number
  readonly tag: Token
  phase: 'trying' | 'proceeding' | 'completed' | 'confirmed' = 'trying'
  /** What a retransmission gets: the response sent last. */
  #last: Reply | null = null
  /** Those of what is to follow; once it is completed, of its next repetition. */
  readonly #timers: Timer[] = []
  /** Ends it with 487, as long as it is proceeding. */
  onCancel: (() => Reply | null) | null = null

  constructor(at: number, tag: Token) {
    this.at = at
    this.tag = tag
  }

  get last(): Reply | null {
    return this.#last
  }

  sent(reply: Reply): void {
    if (reply.status >= 200 && this.phase !== 'confirmed') {
      this.phase = 'completed'
      this.onCancel = null
    }
    this.#last = reply.bytes.length <= REPLY_SIZE_MAX ? reply : null
  }

  /** The ACK of its refusal has come. */
  confirm(): void {
    if (this.phase !== 'completed') return
    this.phase = 'confirmed'
    this.stopTimers()
  }

  keep(timer: Timer | null): void {
    if (this.phase === 'completed') this.#timers.length = 0 // which are over
    if (timer !== null) this.#timers.push(timer)
  }

  stopTimers(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel()
  }
}

/** A reply in memory of its own: of one in Node's pool, all that shares its part of the pool would be kept as well. */
export function held({ status, bytes }: Reply): Reply {
  return { status, bytes: new Uint8Array(bytes) }
}

/** The transactions of the last 32 seconds whose requests must not be taken for new ones. */
export class Transactions {
  readonly #known = new RecentMap<string, Transaction>(COUNT_MAX)

  find(key: string, now: number): Transaction | null {
    const known = this.#known.get(key)
    return known !== undefined && Math.abs(now - known.at) <= LIFE_MS ? known : null
  }

  begin(key: string, now: number, tag: Token): Transaction {
    const transaction = new Transaction(now, tag)
    this.#known.set(key, transaction)
    return transaction
  }

  get count(): number {
    return this.#known.count
  }
}

/**
 * A retransmission repeats its request; a CANCEL, and the ACK of a refusal, the top Via, the Call-ID, the CSeq number, From
 * and the Request-URI of their INVITE (RFC 3261 §17.2.3, §9.1). All of these are compared, since scanners give many
 * requests one branch, and of other requests also whom they are about and the credentials that they offer.
 * Hashed, so that what is kept has one small size, whatever the size of those headers.
 */
export function transactionKey(request: SipMessage, circumstances: Circumstances, method: string): string {
  const { transport, source, destination } = circumstances
  const names = method === 'INVITE' ? INVITE_NAMES : OTHER_NAMES
  const fields = [
    method,
    transport,
    ...[source, destination].flatMap(({ ip, port }) => [ip, port]),
    request.cseq?.number,
    request.requestUri,
    ...names.map((name) => request.header(name)),
  ]
  return hash('sha256', fields.join('\n'), 'base64url')
}

const INVITE_NAMES = ['via', 'call-id', 'from']
const OTHER_NAMES = [...INVITE_NAMES, 'to', 'authorization', 'proxy-authorization']
