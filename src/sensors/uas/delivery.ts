// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Counters } from '../counters.ts'
import type { Reply } from './byte-rule.ts'
import type { Dialog } from './dialogs.ts'
import type { Timers } from './timers.ts'
import { REPLY_SIZE_MAX, type Transaction } from './transactions.ts'

const T1_MS = 500
const T2_MS = 4_000
const GIVE_UP_MS = 64 * T1_MS

/** A way back to where a message came from that stays open for a while. `send` is false once it is closed. */
export type ReplyPath = { send(bytes: Uint8Array): boolean }

/** The responses to one request whose source has proven its address, serialised. */
export type Responses = {
  readonly transaction: Transaction
  readonly replies: readonly Reply[] // the last one is final
  readonly afterMs: readonly number[] // of each, since the request; 0: at once
  /** What ends the request when it is cancelled before. */
  readonly terminated: Reply | null
  /** Whether the final one is to be acknowledged: of an INVITE. */
  readonly isInvite: boolean
  readonly isStream: boolean
  /** Whether its final response may be sent once more so long after the request, ms; null when it never may. */
  readonly mayRepeat: ((afterMs: number) => boolean) | null
  readonly dialog: Dialog | null
  readonly path: ReplyPath
}

/** What is needed of them to send the final one again. */
type Repeated = Pick<Responses, 'transaction' | 'dialog' | 'path'> & {
  readonly mayRepeat: (afterMs: number) => boolean
}

export type Sent = {
  /** To be sent at once. */
  readonly replies: readonly Reply[]
  /** They follow by themselves, unless the request is cancelled. */
  readonly later: readonly Reply[]
}
export const NOTHING: Sent = { replies: [], later: [] }

export type DeliveryDeps = {
  readonly timers: Timers
  readonly counters: Counters
  readonly refuse: (dialog: Dialog) => void
}

/**
 * Responses in their time: ringing, an answer after that, and each final response to an INVITE again and again until its
 * ACK comes or 32 seconds are over (RFC 3261 §13.3.1.4, §17.2.1). Only for sources whose address is proven. Large ones
 * are sent at once, and once, so that none has to be held.
 */
export class Delivery {
  readonly #deps: DeliveryDeps

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
  }

  start(responses: Responses): Sent {
    const { transaction, replies, afterMs } = responses
    const now: Reply[] = []
    const later: Reply[] = []
    transaction.phase = 'proceeding'
    const isHeld = replies.every(isSmall)
    for (const [index, reply] of replies.entries()) {
      const ms = isHeld ? (afterMs[index] ?? 0) : 0
      const timer = ms === 0 ? null : this.#deps.timers.after(ms, () => this.#follow(responses, reply))
      if (timer === null) {
        now.push(reply)
        this.#note(responses, reply)
      } else {
        transaction.keep(timer)
        later.push(reply)
      }
    }
    if (transaction.phase === 'proceeding') transaction.onCancel = () => this.#terminate(responses)
    return { replies: now, later }
  }

  #follow(responses: Responses, reply: Reply): void {
    const { transaction, dialog, terminated } = responses
    if (transaction.phase !== 'proceeding') return // no timer was left for the final one
    const isHungUp = dialog?.isOver === true && reply.status >= 200 // by a BYE, RFC 3261 §15.1.2
    const due = isHungUp ? terminated : reply
    if (due === null) return
    this.#push(responses.path, due)
    this.#note(isHungUp ? { ...responses, dialog: null } : responses, due)
  }

  #push(path: ReplyPath, reply: Reply): void {
    if (path.send(reply.bytes)) this.#deps.counters.repliedCount++
    else this.#deps.counters.sendErrorCount++
  }

  #note(responses: Responses, reply: Reply): void {
    responses.transaction.sent(reply)
    if (responses.dialog !== null && reply.status === 200) responses.dialog.isAccepted = true
    const isRepeated = reply.status < 300 || !responses.isStream // a stream loses nothing but acceptances at proxies
    const { transaction, dialog, path, mayRepeat } = responses
    if (reply.status < 200 || !responses.isInvite || !isRepeated || mayRepeat === null || !isSmall(reply)) return
    this.#repeat({ transaction, dialog, path, mayRepeat }, reply, T1_MS, T1_MS)
  }

  #repeat(responses: Repeated, reply: Reply, pauseMs: number, afterMs: number): void {
    const { transaction, dialog, path, mayRepeat } = responses
    if (afterMs >= GIVE_UP_MS) return
    const timer = this.#deps.timers.after(pauseMs, () => {
      if (dialog === null ? transaction.phase === 'confirmed' : dialog.isOver || dialog.isConfirmed) return
      if (mayRepeat(afterMs)) this.#push(path, reply)
      const nextMs = Math.min(T2_MS, 2 * pauseMs)
      this.#repeat(responses, reply, nextMs, afterMs + nextMs)
    })
    transaction.keep(timer)
  }

  /** The caller hung up before the final response. */
  #terminate(responses: Responses): Reply | null {
    const { transaction, dialog, terminated } = responses
    if (transaction.phase !== 'proceeding') return null
    transaction.stopTimers()
    if (dialog !== null) this.#deps.refuse(dialog)
    if (terminated !== null) this.#note({ ...responses, dialog: null }, terminated)
    return terminated
  }
}

const isSmall = ({ bytes }: Reply): boolean => bytes.length <= REPLY_SIZE_MAX
