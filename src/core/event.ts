// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { MediaSummary } from './media.ts'
import type { IdentifiedTool } from './scanner-tools.ts'
import type { Tag } from './tags.ts'
import type { SourceValidation } from './validation.ts'

/** Journal and index keep places in this list, so a new one goes to its end. `rtp` is the media of a call. */
export const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss', 'rtp'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Those that SIP is listened for on. */
export const SIP_TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
export type SipTransport = (typeof SIP_TRANSPORTS)[number]

/** An address without brackets or zone (IPv4-mapped IPv6 is written as IPv4), and a port 0–65535. */
export type Endpoint = { readonly ip: string; readonly port: number }

/** Whether the sensor may answer at all. The words are those of the original's log. */
export const COLLECTED_METHODS = ['passive', 'responsive'] as const
export type CollectedMethod = (typeof COLLECTED_METHODS)[number]

/**
 * An event as a sensor hands it over: bytes and circumstances, before anything is read out of them.
 * The journal keeps exactly this, so everything else can be derived again.
 */
export type Observation = {
  readonly at: number // ms since epoch
  readonly transport: Transport
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly validation: SourceValidation
  readonly collectedMethod: CollectedMethod
  /**
   * Status codes of the responses sent, in order; empty when nothing was answered. Those that follow in their time, as
   * ringing and the answer to a call, are among them, though a caller may hang up before.
   */
  readonly responses: readonly number[]
  readonly sentSize: number // bytes of all responses together
  /** What was received, at most 64 KiB of it. Only valid during the call it is passed to. Empty: a connection that said nothing, or an empty datagram. */
  readonly bytes: Uint8Array // of `rtp` a summary, as media.ts reads it
  readonly size: number // bytes received; more than bytes.length when the rest was not kept
  /** The JA4 fingerprint of the TLS connection that it came through: at most 255 characters, latin1. */
  readonly ja4?: string | null
}

/**
 * What the bytes turned out to be. `connection`: a stream that was opened and closed without a byte. `media`: a summary
 * of what came to a media port during one call (media.ts). The index keeps places in this list, so a new one goes to
 * its end.
 */
export const EVENT_KINDS = ['sip-request', 'sip-response', 'non-sip', 'empty', 'connection', 'media'] as const
export type EventKind = (typeof EVENT_KINDS)[number]

/** Where a number was found: the first three dial it, the others only name it (wire/sip/called-number.ts). */
export const NUMBER_SOURCES = ['request-uri', 'to', 'refer-to', 'diversion', 'p-called-party-id'] as const
export type NumberSource = (typeof NUMBER_SOURCES)[number]
export type CalledNumber = { readonly from: NumberSource; readonly raw: string }

/** Digest credentials that came with a request; the first ones. `response` and `matchedPassword` are secrets. */
export type EventAuth = {
  readonly user: string
  readonly realm: string
  readonly algorithm: string // as received; MD5 when it names none
  readonly response: string
  /** The password that `response` proves, when it is a weak one or one that the request gave away; else null. */
  readonly matchedPassword: string | null
}

/** The program that sent a request. */
export type EventTool = IdentifiedTool & {
  /** What it wrote into its From-tag: a target, an extension, or for svcrack `user:password`, a secret; else null. */
  readonly decodedTag: string | null
}

/** Who seems to have sent a request. All null for what is none. */
export type ClientTraits = {
  readonly auth: EventAuth | null
  readonly tool: EventTool | null
  /** A short hash of the names of its headers in their order; null when they are not all there. */
  readonly headerOrder: string | null
}

/** What one sensor saw once, with what could be read out of it. Evidence: never edited. */
export type Event = CountedEvent &
  ClientTraits & {
    /** Further numbers in it, beside those that it dialled; they count for nothing. */
    readonly otherNumbers: readonly CalledNumber[]
  }

/** As much of an event as indicators and the index count. */
export type CountedEvent = {
  readonly id: number // position in the journal: larger is later; ids are not dense
  readonly kind: EventKind
  readonly at: number // ms since epoch
  readonly transport: Transport
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly validation: SourceValidation
  readonly collectedMethod: CollectedMethod
  readonly responses: readonly number[]
  readonly sentSize: number
  readonly size: number
  readonly method: string | null
  readonly requestUri: string | null
  readonly from: string | null // the From header's value, as received
  readonly to: string | null
  readonly contact: string | null
  readonly callId: string | null
  readonly cseq: string | null
  readonly userAgent: string | null
  /** The numbers that it dialled as received, Request-URI first: two at most, which count for indicators. */
  readonly calledNumbers: readonly CalledNumber[]
  /** The first that it dialled, or null. */
  readonly calledNumber: string | null
  /** The likeliest E.164 number dialled, with its +, or null. */
  readonly e164: string | null
  readonly tags: readonly Tag[]
  /** What was wrong with the message, as codes of the parser. */
  readonly defects: readonly string[]
  /** The bytes as received; a shortened copy when `rawShed`. */
  readonly raw: Uint8Array
  readonly rawShed: boolean
  /** The JA4 fingerprint of the TLS connection that it came through. */
  readonly ja4: string | null
  /** Of a `media` event alone. */
  readonly media: MediaSummary | null
}
