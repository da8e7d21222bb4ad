// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Observation } from '../../src/core/event.ts'
import { DatagramSource, type DatagramTarget, type ReceivedDatagram } from '../../src/sensors/udp/datagram.ts'
import type { DatagramHandler } from '../../src/sensors/udp/datagrams.ts'
import { ReplyDraft } from '../../src/sensors/udp/reply-draft.ts'

/** The observation that the store makes of a datagram; its bytes are a copy. */
export function observationOf(datagram: ReceivedDatagram): Observation {
  const { at, bytes, start, end, source, target, isPassive, validation, status, moreStatuses, sentSize } = datagram
  return {
    at,
    transport: 'udp',
    source: source.endpoint,
    destination: target.endpoint,
    validation: validation === 1 ? 'echo' : 'none',
    collectedMethod: isPassive ? 'passive' : 'responsive',
    responses: status === 0 ? [] : [status, ...moreStatuses],
    sentSize,
    bytes: Uint8Array.from(bytes.subarray(start, end)),
    size: end - start,
  }
}

/** Hands a datagram to a handler as a receiver does, and returns the replies; with `fails` none can be sent. */
export function deliver(
  handle: DatagramHandler,
  fixed: Buffer,
  datagram: { bytes: Buffer; start?: number; end?: number; ip: string; port: number; target: DatagramTarget },
  { fails = false, isForMany = false } = {},
): Buffer[] {
  const { bytes, start = 0, end = bytes.length, ip, port, target } = datagram
  const source = new DatagramSource()
  source.setText(ip, port)
  const draft = new ReplyDraft(fixed, 131_072)
  const replies: Buffer[] = []
  const send = (): boolean => !fails && replies.push(draft.toBuffer()) > 0
  handle(bytes, start, end, source, target, isForMany ? null : { draft, send, path: () => ({ send: () => false }) })
  return replies
}
