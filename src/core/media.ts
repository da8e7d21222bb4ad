// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What came to the media port of one call, counted; never what was said. RFC 3550, RFC 4733. */
export type MediaSummary = {
  readonly callId: string
  readonly codec: string | null // its name in SDP; null when none came, or nobody named it
  readonly payloadType: number | null
  readonly packetCount: number // datagrams from the address that signalled, RTP or not
  readonly byteCount: number // of those, RTP headers included
  readonly lostCount: number // by the sequence numbers of the first four SSRCs
  readonly foreignCount: number // datagrams from other addresses
  readonly dtmf: string // keys pressed, in order, the first 64
  readonly durationMs: number // from the first packet to the last
  readonly ssrcs: readonly string[] // eight hex digits each, the first four
}

/** Reads the bytes of a `media` observation; null for what was cut, or comes from another version of this program. */
export function parseMedia(bytes: Uint8Array): MediaSummary | null {
  const value = parseJson(new TextDecoder().decode(bytes))
  return isSummary(value) ? value : null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

const COUNTS = ['packetCount', 'byteCount', 'lostCount', 'foreignCount', 'durationMs'] as const

function isSummary(value: unknown): value is MediaSummary {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Partial<Record<keyof MediaSummary, unknown>>
  return (
    typeof fields.callId === 'string' &&
    typeof fields.dtmf === 'string' &&
    (fields.codec === null || typeof fields.codec === 'string') &&
    (fields.payloadType === null || Number.isSafeInteger(fields.payloadType)) &&
    COUNTS.every((name) => Number.isSafeInteger(fields[name])) &&
    Array.isArray(fields.ssrcs) &&
    fields.ssrcs.every((ssrc) => typeof ssrc === 'string')
  )
}
