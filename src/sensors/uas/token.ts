// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { timingSafeEqual } from 'node:crypto'
import type { Endpoint } from '../../core/event.ts'
import { TextHmac } from './_text-hmac.ts'

export const TAG_PERIOD_MS = 10 * 60_000
export const NONCE_PERIOD_MS = 60_000
const STALE_PERIODS = 10 // how long a nonce is still known as one that was ours
const MAC_SIZE = 8 // bytes of the HMAC that a token carries: 64 bits, more than can be guessed

/** One token in two spellings of the same bits: as the persona would write it, and as short as it can be written. */
export class Token {
  readonly long: string

  constructor(long: string) {
    this.long = long
  }

  get short(): string {
    return Buffer.from(this.long.slice(-2 * MAC_SIZE), 'hex').toString('base64url')
  }
}

/**
 * To-tags and nonces without a table of them: HMAC-SHA-256 of the source address, its port, the Call-ID and the time.
 * A retransmitted request so gets the same bytes again, and what comes back can be recognised without having been stored.
 * A token is renewed every period and stays valid for the one after.
 */
export class Tokens {
  readonly #hmac: TextHmac

  constructor(random: (size: number) => Uint8Array) {
    this.#hmac = new TextHmac(random)
  }

  /** A To-tag. Both spellings are tokens of RFC 3261 §25.1; the long one looks like that of chan_sip. */
  tag(source: Endpoint, callId: string, now: number): Token {
    return new Token(`as${this.#mac('tag', source, callId, Math.floor(now / TAG_PERIOD_MS))}`)
  }

  isOwnTag(text: string, source: Endpoint, callId: string, now: number): boolean {
    return this.#isOwn(text, 'as', 'tag', source, callId, Math.floor(now / TAG_PERIOD_MS))
  }

  /** A nonce of at most 22 characters, none of which needs quoting. */
  nonce(source: Endpoint, callId: string, now: number): Token {
    return new Token(this.#mac('nonce', source, callId, Math.floor(now / NONCE_PERIOD_MS)))
  }

  isOwnNonce(text: string, source: Endpoint, callId: string, now: number): boolean {
    return this.#isOwn(text, '', 'nonce', source, callId, Math.floor(now / NONCE_PERIOD_MS))
  }

  /** Whether it was a nonce of ours within the last ten minutes and is none now. */
  isStaleNonce(text: string, source: Endpoint, callId: string, now: number): boolean {
    const newest = Math.floor(now / NONCE_PERIOD_MS) - 2
    return this.#isOwn(text, '', 'nonce', source, callId, newest, STALE_PERIODS)
  }

  /** Whether it was made in the period, or in one of those before it: so many together. */
  #isOwn(text: string, prefix: string, use: string, source: Endpoint, callId: string, period: number, count = 2) {
    if (text.length > prefix.length + 2 * MAC_SIZE) return false
    for (let candidate = period; candidate > period - count; candidate--) {
      const token = new Token(prefix + this.#mac(use, source, callId, candidate))
      if (sameText(text, token.long) || sameText(text, token.short)) return true
    }
    return false
  }

  /** The Call-ID stands last and the other fields hold no line end, so no two inputs read alike. */
  #mac(use: string, source: Endpoint, callId: string, period: number): string {
    const mac = this.#hmac.digest(`${use}\n${source.ip}\n${source.port}\n${period}\n${callId}`)
    return mac.slice(0, 2 * MAC_SIZE)
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
