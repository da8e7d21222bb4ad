// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ReplyPath } from '../../uas/delivery.ts'
import type { Libc } from './_libc.ts'
import { CONTROL_SIZE, MessageVector, NAME_SIZE, Pinned } from './_message-vector.ts'
import type { ReplySocket } from './_replies.ts'
import { asReplyControl } from './_targets.ts'

const REPLY_SIZE_MAX = 65_507 // bytes of a datagram over IPv4
const MSG_DONTWAIT = 0x40

/** Replies that leave by themselves some time after their request, one a call: ringing, and what is sent again. */
export class LateReplies {
  readonly #libc: Libc
  readonly #outgoing: MessageVector
  readonly #bytes: Pinned

  constructor(libc: Libc) {
    this.#libc = libc
    this.#outgoing = new MessageVector(libc, 1, 1)
    this.#bytes = new Pinned(libc, Buffer.alloc(REPLY_SIZE_MAX))
  }

  /** The way back to where the datagram in that slot came from, leaving from where it arrived. */
  path({ raw, hasTargets }: ReplySocket, incoming: MessageVector, slot: number): ReplyPath {
    const name = Buffer.alloc(NAME_SIZE) // not of Node's pool, which would be kept with it
    const control = Buffer.alloc(CONTROL_SIZE)
    incoming.names.bytes.copy(name, 0, slot * NAME_SIZE)
    incoming.controls.bytes.copy(control, 0, slot * CONTROL_SIZE)
    const controlSize = hasTargets ? asReplyControl(control, 0, raw.isIpv6) : 0
    return {
      send: (bytes) => {
        if (raw.isClosed || bytes.length > REPLY_SIZE_MAX) return false
        const { names, controls, headers } = this.#outgoing
        names.bytes.set(name)
        controls.bytes.set(control)
        this.#bytes.bytes.set(bytes)
        this.#outgoing.setIovec(0, this.#bytes.address, bytes.length)
        this.#outgoing.setIovecs(0, 0, 1)
        this.#outgoing.setName(0, names.address, raw.nameSize)
        this.#outgoing.setControl(0, controls.address, controlSize)
        return this.#libc.sendmmsg(raw.fd, headers.pointer, 1, MSG_DONTWAIT) === 1
      },
    }
  }
}
