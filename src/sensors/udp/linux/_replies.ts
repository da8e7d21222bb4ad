// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

import type { ReplyPath } from '../../uas/delivery.ts'
import type { ReplyPort } from '../datagrams.ts'
import { PIECE_COUNT_MAX, ReplyDraft } from '../reply-draft.ts'
import { LateReplies } from './_late-replies.ts'
import type { Libc } from './_libc.ts'
import { CONTROL_SIZE, MessageVector, NAME_SIZE, Pinned } from './_message-vector.ts'
import { asReplyControl } from './_targets.ts'
import type { RawUdpSocket } from './_udp-socket.ts'

export const BATCH_COUNT = 64 // datagrams a call
export const SLOT_SIZE = 65_536 // bytes, more than any datagram has
const MSG_DONTWAIT = 0x40
const SCRATCH_SIZE = 1_048_576 // bytes of what is made new for the replies of one batch
const REPLIES_SIZE_MAX = 4 * SLOT_SIZE // more than the replies to one datagram have, each of which repeats its headers

export type ReplyDeps = {
  /** The texts that the drafts of replies refer to. */
  readonly fixed: Buffer
  /** A reply that `send` took could not be sent after all. */
  readonly onReplyLost: () => void
}

/** What a reply leaves through. `hasTargets`: it takes all addresses, so the reply has to say from which it leaves. */
export type ReplySocket = { readonly raw: RawUdpSocket; readonly hasTargets: boolean }

/** The replies to one batch, which leave together. */
export class Replies implements ReplyPort {
  readonly draft: ReplyDraft
  readonly #libc: Libc
  readonly #deps: ReplyDeps
  readonly #incoming: MessageVector
  readonly #outgoing: MessageVector
  readonly #places: readonly Pinned[] // by PIECE
  #count = 0
  #iovecCount = 0
  #slot = 0
  #leftSize = 0 // bytes that may still be sent to a source that is not proven
  #socket: ReplySocket | null = null
  #late: LateReplies | null = null

  constructor(libc: Libc, arena: Pinned, incoming: MessageVector, deps: ReplyDeps) {
    this.#libc = libc
    this.#deps = deps
    this.#incoming = incoming
    this.#outgoing = new MessageVector(libc, BATCH_COUNT, BATCH_COUNT * PIECE_COUNT_MAX)
    this.draft = new ReplyDraft(deps.fixed, SCRATCH_SIZE)
    this.#places = [arena, new Pinned(libc, deps.fixed), new Pinned(libc, this.draft.scratch)]
  }

  /** The port for the datagram in that slot, until the next one. */
  to(slot: number, socket: ReplySocket): ReplyPort {
    this.#slot = slot
    this.#socket = socket
    this.#leftSize = this.#incoming.sizeOf(slot)
    if (!this.draft.hasRoom(REPLIES_SIZE_MAX)) this.flush(socket.raw)
    return this
  }

  send(isProven: boolean): boolean {
    const { draft } = this
    const socket = this.#socket
    if (socket === null || draft.size === 0) return false
    if (!isProven && draft.size > this.#leftSize) return false // the byte rule, once more where bytes leave
    this.#leftSize -= draft.size
    const index = this.#count
    for (let piece = 0; piece < draft.pieceCount; piece++) {
      const place = this.#places[draft.pieces[3 * piece]!]!
      const start = draft.pieces[3 * piece + 1]!
      this.#outgoing.setIovec(this.#iovecCount + piece, place.address + start, draft.pieces[3 * piece + 2]! - start)
    }
    this.#outgoing.setIovecs(index, this.#iovecCount, draft.pieceCount)
    this.#iovecCount += draft.pieceCount
    const { names, controls } = this.#incoming
    this.#outgoing.setName(index, names.address + this.#slot * NAME_SIZE, socket.raw.nameSize)
    if (!socket.hasTargets) this.#outgoing.setControl(index, controls.address, 0)
    else {
      const at = this.#slot * CONTROL_SIZE
      this.#outgoing.setControl(index, controls.address + at, asReplyControl(controls.bytes, at, socket.raw.isIpv6))
    }
    if (++this.#count === BATCH_COUNT) this.flush(socket.raw)
    return true
  }

  path(): ReplyPath {
    const socket = this.#socket
    if (socket === null) throw new Error('there is no datagram to reply to')
    this.#late ??= new LateReplies(this.#libc)
    return this.#late.path(socket, this.#incoming, this.#slot)
  }

  /** Sends them. One that the system refuses is counted and passed over: its sender may have asked for just that. */
  flush({ fd }: RawUdpSocket): void {
    for (let sent = 0; sent < this.#count; ) {
      const count = this.#libc.sendmmsg(fd, this.#outgoing.pointerAt(sent), this.#count - sent, MSG_DONTWAIT)
      if (count <= 0) this.#deps.onReplyLost()
      sent += Math.max(1, count)
    }
    this.#count = 0
    this.#iovecCount = 0
    this.draft.scratchEnd = 0
  }
}
