// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Socket } from 'node:net'
import { asksForWebSocket, REQUEST_HEAD_SIZE_MAX } from '../../wire/http/request-head.ts'
import { parseMessage } from '../../wire/sip/message.ts'
import type { StreamPeer } from '../boundary.ts'
import { type LimitKey, sourceKey } from '../reply-limit.ts'
import type { Reply } from '../uas/byte-rule.ts'
import { type HeldConnection, NO_REPLY, NON_SIP_SIZE_MAX, type Preamble, type StreamDeps, unanswered } from './held.ts'
import type { Allowance } from './input.ts'

/** What the first bytes of a connection tell. */
export type Recognized =
  | { readonly kind: 'need-more' }
  /** Another takes the socket over; what was read of it is given back first, unless `rest` is all that it wants. */
  | { readonly kind: 'known'; readonly goOn: () => void; readonly rest?: Uint8Array }
  /** Recorded, answered where there is an answer, and closed. */
  | { readonly kind: 'refused'; readonly peer: StreamPeer; readonly answer: Reply | null }

export type OpeningInit = {
  readonly recognize: (head: Buffer) => Recognized
  readonly preamble?: Preamble | null
  /** Beside the bytes, what recognizing costs of a turn; a TLS handshake takes 1 ms of computing. */
  readonly cost?: number
}

const NOTHING = Buffer.alloc(0)

/**
 * The beginning of a connection, until it is known what it is. It counts as a connection, has its turn and its times
 * like any, and what arrived is recorded when it ends before that.
 */
export class Opening implements HeldConnection {
  readonly sourceKey: LimitKey
  readonly #socket: Socket
  readonly #peer: StreamPeer
  readonly #deps: StreamDeps
  readonly #init: OpeningInit
  readonly #openedAt: number
  #startedAt: number | null = null // when its first bytes came
  #closingAt: number | null = null
  #waitsForTurn = false
  #isOver = false
  #head: Buffer = NOTHING
  readonly #handlers: Readonly<Record<'data' | 'end' | 'close', (bytes: Buffer) => void>>

  constructor(socket: Socket, peer: StreamPeer, deps: StreamDeps, init: OpeningInit) {
    this.#socket = socket
    this.#peer = peer
    this.sourceKey = sourceKey(peer.source.ip)
    this.#deps = deps
    this.#init = init
    this.#openedAt = deps.monotonicNow()
    this.#handlers = {
      data: (bytes) => this.#contain(() => this.#receive(bytes)),
      end: () => this.#contain(() => this.#onEnd()),
      close: () => this.#contain(() => this.#conclude()),
    }
    for (const [event, handler] of Object.entries(this.#handlers)) socket.on(event, handler)
    socket.resume()
  }

  sweep(now: number): void {
    const { limits } = this.#deps
    const isOverdue =
      this.#closingAt !== null
        ? now - this.#closingAt >= limits.lingerMs
        : this.#startedAt === null
          ? now - this.#openedAt >= limits.firstByteMs
          : !this.#waitsForTurn && now - this.#startedAt >= limits.handshakeMs
    if (isOverdue) this.destroy()
  }

  destroy(): void {
    this.#contain(() => {
      this.#socket.destroy()
      this.#conclude()
    })
  }

  work(allowance: Allowance): boolean {
    this.#waitsForTurn = false
    allowance.messageCount--
    allowance.size -= this.#init.cost ?? 0
    this.#contain(() => this.#recognize())
    return true
  }

  #receive(bytes: Buffer): void {
    if (this.#closingAt !== null || this.#isOver) return
    this.#startedAt ??= this.#deps.monotonicNow()
    this.#head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
    this.#deps.connections.touch(this)
    this.#socket.pause()
    this.#waitsForTurn = true
    this.#deps.turns.add(this)
  }

  /** Without its end there is nothing to wait for; an answer that is under way is still sent. */
  #onEnd(): void {
    if (this.#closingAt === null) this.destroy()
  }

  #recognize(): void {
    if (this.#isOver) return
    const found = this.#init.recognize(this.#head)
    if (found.kind === 'need-more') this.#socket.resume()
    else if (found.kind === 'known') this.#handOver(found.goOn, found.rest ?? this.#head)
    else this.#refuse(found.peer, found.answer)
  }

  #handOver(goOn: () => void, unread: Uint8Array): void {
    this.#isOver = true
    for (const [event, handler] of Object.entries(this.#handlers)) this.#socket.off(event, handler)
    this.#deps.connections.remove(this)
    if (unread.length > 0) this.#socket.unshift(unread)
    goOn()
    this.#head = NOTHING
  }

  /** The peer gets a moment to take the answer; what it still sends is thrown away. */
  #refuse(peer: StreamPeer, answer: Reply | null): void {
    this.#record(peer, answer === null ? [] : [answer])
    this.#closingAt = this.#deps.monotonicNow()
    if (answer === null) this.#socket.destroySoon()
    else {
      this.#socket.end(answer.bytes)
      this.#socket.resume()
    }
  }

  #conclude(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deps.connections.remove(this)
    if (this.#closingAt === null) this.#record(this.#peer, [])
  }

  #record(peer: StreamPeer, answered: readonly Reply[]): void {
    const head = this.#head
    const { preamble = null } = this.#init
    const isSip = head.length > 0 && parseMessage(head).kind !== 'non-sip'
    const keptSize = asksForWebSocket(head) ? REQUEST_HEAD_SIZE_MAX : NON_SIP_SIZE_MAX
    const { bytes, size } =
      head.length === 0 && preamble !== null
        ? preamble
        : { bytes: isSip ? head : head.subarray(0, keptSize), size: head.length }
    this.#head = NOTHING
    this.#deps.boundary.stream(peer, { ...unanswered(bytes, size), answered }, NO_REPLY)
  }

  /** As with every connection, a bug that its bytes meet ends this one and nothing else. */
  #contain(task: () => void): void {
    try {
      task()
    } catch (error) {
      const isRecorded = this.#isOver && this.#head.length === 0
      this.#isOver = true
      this.#socket.destroy()
      this.#deps.connections.remove(this)
      this.#deps.boundary.bug(this.#head, error)
      if (!isRecorded) this.#record(this.#peer, [])
    }
  }
}
