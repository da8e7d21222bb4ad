// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import type { Endpoint } from '../../core/event.ts'
import { RecentMap } from '../../core/recent-map.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import type { Token } from './token.ts'

const COUNT_MAX = 20_000
const LIFE_MS = 32_000 // 64 × T1, as long as a transaction can live. RFC 3261 §17.2.1

type Known = { readonly seenAt: number; readonly tag: Token }

/**
 * INVITEs answered a short while ago, so that a CANCEL can be told from one that belongs to nothing, and one that is
 * sent again gets the same To-tag although the tags were renewed meanwhile (RFC 3261 §17.2.1).
 */
export class RecentInvites {
  readonly #known = new RecentMap<string, Known>(COUNT_MAX)

  /** Remembers it, and returns the tag that it was given first. */
  add(invite: SipMessage, source: Endpoint, tag: Token, now: number): Token {
    const key = transactionKey(invite, source)
    const known = this.#known.get(key)
    if (known !== undefined && isFresh(known, now)) return known.tag
    this.#known.set(key, { seenAt: now, tag })
    return tag
  }

  has(cancel: SipMessage, source: Endpoint, now: number): boolean {
    const known = this.#known.get(transactionKey(cancel, source))
    return known !== undefined && isFresh(known, now)
  }

  get count(): number {
    return this.#known.count
  }
}

function isFresh({ seenAt }: Known, now: number): boolean {
  return Math.abs(now - seenAt) <= LIFE_MS
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
