// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { timingSafeEqual } from 'node:crypto'
import type { Endpoint } from '../../core/event.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import { TextHmac } from './_text-hmac.ts'
import type { TokenShapes } from './persona.ts'
import { digitCount, dress, parseShape, type Shape } from './token-shape.ts'

export const TAG_PERIOD_MS = 10 * 60_000
export const NONCE_PERIOD_MS = 60_000
const STALE_PERIODS = 3 // how long a nonce is still known as one that was ours
const SHORT_SIZE = 11 // characters of a short token
const SOME_SECONDS = 1_700_000_000
const SHORT_DIGITS = 16 // of the HMAC in a short token: 64 bits, more than can be guessed

/** One token in two spellings: as the persona would write it, and as short as it can be written. */
export class Token {
  readonly long: string
  readonly #digest: string

  constructor(long: string, digest: string) {
    this.long = long
    this.#digest = digest
  }

  /** 11 characters, none of which needs quoting. */
  get short(): string {
    return Buffer.from(this.#digest.slice(0, SHORT_DIGITS), 'hex').toString('base64url')
  }

  /** A number that is the same for the same token, positive and of 31 bits. */
  get number(): number {
    return Number.parseInt(this.#digest.slice(0, 8), 16) >>> 1
  }
}

/** A nonce, and the value that is to come back beside it. */
export class Nonce extends Token {
  readonly opaque: string

  constructor(long: string, digest: string, opaque: string) {
    super(long, digest)
    this.opaque = opaque
  }
}

/**
 * To-tags and nonces without a table of them: HMAC-SHA-256 of the source address, its port, the Call-ID and the time.
 * A retransmitted request so gets the same bytes again, and what comes back can be recognised without having been stored.
 * A token is renewed every period and stays valid for the one after.
 */
export class Tokens {
  readonly #hmac: TextHmac
  readonly #tag: Shape
  readonly #nonce: Shape
  readonly #opaque: Shape
  readonly #opaqueStart: number
  readonly #tagSize: number
  readonly #nonceSize: number

  constructor(random: (size: number) => Uint8Array, shapes: TokenShapes) {
    this.#hmac = new TextHmac(random)
    this.#tag = parseShape(shapes.tag)
    this.#nonce = parseShape(shapes.nonce)
    this.#opaque = parseShape(shapes.opaque)
    this.#opaqueStart = digitCount(this.#nonce)
    this.#tagSize = sizeOf(this.#tag)
    this.#nonceSize = sizeOf(this.#nonce)
  }

  /** A To-tag. Both spellings are tokens of RFC 3261 §25.1. */
  tag(source: Endpoint, callId: string, now: number): Token {
    return this.#tagOf(source, callId, Math.floor(now / TAG_PERIOD_MS))
  }

  isOwnTag(text: string, source: Endpoint, callId: string, now: number): boolean {
    if (!hasSizeOf(text, this.#tagSize)) return false
    const period = Math.floor(now / TAG_PERIOD_MS)
    return (
      isSpelling(text, this.#tagOf(source, callId, period)) || isSpelling(text, this.#tagOf(source, callId, period - 1))
    )
  }

  nonce(source: Endpoint, callId: string, now: number): Nonce {
    return this.#nonceOf(source, callId, Math.floor(now / NONCE_PERIOD_MS))
  }

  isOwnNonce(text: string, source: Endpoint, callId: string, now: number): boolean {
    if (!hasSizeOf(text, this.#nonceSize)) return false
    const period = Math.floor(now / NONCE_PERIOD_MS)
    return (
      isSpelling(text, this.#nonceOf(source, callId, period)) ||
      isSpelling(text, this.#nonceOf(source, callId, period - 1))
    )
  }

  /** Whether it was a nonce of ours within the last minutes and is none now. */
  isStaleNonce(text: string, source: Endpoint, callId: string, now: number): boolean {
    if (!hasSizeOf(text, this.#nonceSize)) return false
    const newest = Math.floor(now / NONCE_PERIOD_MS) - 2
    for (let period = newest; period > newest - STALE_PERIODS; period--)
      if (isSpelling(text, this.#nonceOf(source, callId, period))) return true
    return false
  }

  #tagOf(source: Endpoint, callId: string, period: number): Token {
    const digest = this.#digest('tag', source, callId, period)
    return new Token(dress(this.#tag, digest, 0, (period * TAG_PERIOD_MS) / 1000), digest)
  }

  #nonceOf(source: Endpoint, callId: string, period: number): Nonce {
    const digest = this.#digest('nonce', source, callId, period)
    const seconds = (period * NONCE_PERIOD_MS) / 1000
    const opaque = dress(this.#opaque, digest, this.#opaqueStart, seconds)
    return new Nonce(dress(this.#nonce, digest, 0, seconds), digest, opaque)
  }

  /** The Call-ID stands last and the other fields hold no line end, so no two inputs read alike. */
  #digest(use: string, source: Endpoint, callId: string, period: number): string {
    return this.#hmac.digest(`${use}\n${source.ip}\n${source.port}\n${period}\n${callId}`)
  }
}

/**
 * Whether the request names further hops (RFC 3261 §16.6). A proxy at the address that it seems to come from would pass
 * our reply on to one of them, with the tokens in it, although that address never sent the request.
 */
export function isRelayed(request: SipMessage): boolean {
  const first = request.find('via')
  return first >= 0 && (request.find('via', first + 1) >= 0 || request.value(first).includes(','))
}

/** The Call-ID as tokens are made for it; another one when it is relayed, so that those of it prove nothing elsewhere. */
export function tokenCallId(callId: string, request: SipMessage): string {
  return isRelayed(request) ? `relayed\n${callId}` : callId
}

/** Characters that tokens of a shape have: in our days a time has ten digits. */
const sizeOf = (shape: Shape): number => dress(shape, '0'.repeat(64), 0, SOME_SECONDS).length

/** Whether it is as long as a token, in either spelling: what is not, costs no hash. */
const hasSizeOf = (text: string, size: number): boolean => text.length === size || text.length === SHORT_SIZE

function isSpelling(text: string, token: Token): boolean {
  return sameText(text, token.long) || sameText(text, token.short)
}

function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
