// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Transport } from '../../core/event.ts'
import type { SourceValidation } from '../../core/validation.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import type { Echoed, ResponseLayout } from '../../wire/sip/response.ts'
import type { OfferedCredentials } from './digest-auth.ts'
import type { Token } from './token.ts'

/** What a header line is given up after, when a datagram leaves no room: the lowest rank goes first, 0 stays. */
export const SHED = { never: 0, supported: 1, accept: 2, allow: 3, server: 4 } as const
export type ShedRank = (typeof SHED)[keyof typeof SHED]

export type HeaderLine = {
  readonly name: string
  readonly value: string
  /** The same in fewer bytes, and in the fewest that still mean it. */
  readonly short?: string
  readonly shortest?: string
  readonly shed: ShedRank
  /** Which of the repeated lines it stands before; behind all of them if left out. */
  readonly before?: Echoed | undefined
}

/** A response as decided, before it is fitted into what may be sent. Headers stand in the device's order. */
export type Answer = {
  readonly status: number
  readonly reason: string | undefined // undefined: the phrase of the RFC
  readonly tag: Token | null // null on 100, which has no To-tag (RFC 3261 §8.2.6.2)
  readonly headers: readonly HeaderLine[]
  readonly layout: ResponseLayout
  /** Whether Record-Route is repeated, as in what sets up a dialog (RFC 3261 §12.1.1). */
  readonly recordRoute: boolean
  readonly body: Uint8Array | null
  readonly shortBody: Uint8Array | null
  /** A final answer that takes less room, sent when this one cannot be made small enough. */
  readonly instead: Answer | null
}

/** Where, when and how a message arrived. */
export type Circumstances = {
  readonly transport: Transport
  readonly oversize: boolean // only the beginning is here, since the rest is larger than we take
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly now: number // ms since epoch
  /** How sure the address of the source is, this message included. */
  readonly validation: SourceValidation
}

/** A request being answered, with what all parts of the user agent server want to know of it. */
export type Exchange = {
  readonly request: SipMessage
  readonly circumstances: Circumstances
  readonly method: string
  readonly callId: string
  /** The To-tag of responses that begin something. */
  readonly tag: Token
  /** The tag that the request has in To, and whether it is one of ours. */
  readonly toTag: string | null
  readonly isOwnTag: boolean
  /** The credentials that it offers. */
  readonly offered: OfferedCredentials | null
}

export const isStream = ({ transport }: Circumstances): boolean => transport !== 'udp'

/** A header line that is never given up, unless a rank is named. */
export function line(name: string, value: string, short?: string, shed: ShedRank = SHED.never): HeaderLine {
  return short === undefined ? { name, value, shed } : { name, value, short, shed }
}

/** A host as it stands in a URI. */
export function uriHost(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip
}

/** A request that begins something, with nothing that came before it. */
export function firstExchange(request: SipMessage, circumstances: Circumstances, tag: Token, callId: string): Exchange {
  return {
    request,
    circumstances,
    method: request.method ?? '',
    callId,
    tag,
    toTag: null,
    isOwnTag: false,
    offered: null,
  }
}
