// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Boundary, StreamReplies } from '../boundary.ts'
import type { LimitKey } from '../reply-limit.ts'
import type { ReplyPath } from '../uas/delivery.ts'
import type { ConnectionTable } from './connection-table.ts'
import type { StreamLimits } from './limits.ts'
import type { StreamTurns } from './turns.ts'

/** What is known of an open connection, whichever stage it is in. */
export type HeldConnection = {
  readonly sourceKey: LimitKey
  /** Ends it when one of its times is up. `now` is monotonic. */
  sweep(now: number): void
  /** Closes at once. What had arrived is recorded. */
  destroy(): void
}

export type StreamDeps = {
  readonly monotonicNow: () => number // ms, from anywhere; never set back or forward
  readonly boundary: Pick<Boundary, 'stream' | 'mayAnswer' | 'bug'>
  readonly limits: StreamLimits
  readonly turns: Pick<StreamTurns, 'add'>
  readonly connections: Pick<ConnectionTable, 'enter' | 'touch' | 'remove'>
}

/** What a connection began with before its SIP could: the evidence, should none follow. */
export type Preamble = { readonly bytes: Uint8Array; readonly size: number }

export const EMPTY = new Uint8Array()
export const NON_SIP_SIZE_MAX = 512 // bytes kept of what is not SIP

/** What is recorded and not answered as SIP. */
export function unanswered(evidence: Uint8Array, size: number): Parameters<Boundary['stream']>[1] {
  return { message: EMPTY, evidence, size, oversize: false }
}

/** A way back that others may keep: once closed it holds nothing of its connection. */
export class ClosablePath implements ReplyPath {
  #send: ((bytes: Uint8Array) => boolean) | null

  constructor(send: (bytes: Uint8Array) => boolean) {
    this.#send = send
  }

  send(bytes: Uint8Array): boolean {
    return this.#send?.(bytes) ?? false
  }

  close(): void {
    this.#send = null
  }
}

/** For what is recorded without an answer. */
export const NO_REPLY: StreamReplies = { push: () => false, path: { send: () => false } }
