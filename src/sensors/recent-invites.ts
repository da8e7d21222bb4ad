// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import type { Endpoint } from '../core/event.ts'
import { RecentMap } from '../core/recent-map.ts'
import type { SipMessage } from '../wire/sip/message.ts'

const COUNT_MAX = 20_000
const LIFE_MS = 32_000 // 64 × T1, as long as a transaction can live. RFC 3261 §17.2.1

/** INVITEs answered a short while ago, so that a CANCEL can be told from one that belongs to nothing. */
export class RecentInvites {
  readonly #seenAt = new RecentMap<string, number>(COUNT_MAX)

  add(invite: SipMessage, source: Endpoint, now: number): void {
    this.#seenAt.set(transactionKey(invite, source), now)
  }

  has(cancel: SipMessage, source: Endpoint, now: number): boolean {
    const seenAt = this.#seenAt.get(transactionKey(cancel, source))
    return seenAt !== undefined && Math.abs(now - seenAt) <= LIFE_MS
  }

  get count(): number {
    return this.#seenAt.count
  }
}

/**
 * A CANCEL repeats the top Via, the Call-ID and the CSeq number of its INVITE. RFC 3261 §9.1.
 * Hashed, so that what is kept has one small size, whatever the size of those headers.
 */
function transactionKey(request: SipMessage, source: Endpoint): string {
  const { ip, port } = source
  const fields = [ip, port, request.cseq?.number, request.header('via'), request.header('call-id')]
  return hash('sha256', fields.join('\n'), 'base64url')
}
