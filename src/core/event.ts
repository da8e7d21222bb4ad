// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Tag } from './tags.ts'
import type { SourceValidation } from './validation.ts'

export const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
export type Transport = (typeof TRANSPORTS)[number]

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
  /** Status codes of the responses sent, in order; empty when nothing was answered. */
  readonly responses: readonly number[]
  readonly sentSize: number // bytes of all responses together
  /** What was received, at most 64 KiB of it. Only valid during the call it is passed to. Empty: a connection that said nothing, or an empty datagram. */
  readonly bytes: Uint8Array
  readonly size: number // bytes received; more than bytes.length when the rest was not kept
  /** JA4 fingerprint of the ClientHello, where it came over TLS and could be read. */
  readonly ja4?: string | null
}

/** What the bytes turned out to be. `connection`: a stream that was opened and closed without a byte. */
export const EVENT_KINDS = ['sip-request', 'sip-response', 'non-sip', 'empty', 'connection'] as const
export type EventKind = (typeof EVENT_KINDS)[number]

/** Where a dialled number was found. */
export type CalledNumber = { readonly from: 'request-uri' | 'to'; readonly raw: string }

/** What one sensor saw once, with what could be read out of it. Evidence: never edited. */
export type Event = {
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
  /** Every dialled form found, Request-URI first, as received. */
  readonly calledNumbers: readonly CalledNumber[]
  /** The first of them, or null. */
  readonly calledNumber: string | null
  /** The likeliest E.164 number dialled, with its +, or null. */
  readonly e164: string | null
  readonly tags: readonly Tag[]
  /** What was wrong with the message, as codes of the parser. */
  readonly defects: readonly string[]
  /** The bytes as received; a shortened copy when `rawShed`. */
  readonly raw: Uint8Array
  readonly rawShed: boolean
}
