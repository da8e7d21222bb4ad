// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What was received on the media port of one call: numbers of packets, never what was said. RFC 3550, RFC 4733. */
export type MediaSummary = {
  readonly callId: string
  readonly codec: string | null // by its name in SDP; null when nothing came, or nothing known
  readonly payloadType: number | null
  readonly packetCount: number
  readonly byteCount: number
  readonly lostCount: number // packets missing by their sequence numbers
  readonly dtmf: string // keys pressed, in order
  readonly durationMs: number // from the first packet to the last
  readonly ssrcs: readonly number[]
}

/** The bytes of a `media` observation. */
export const serializeMedia = (summary: MediaSummary): Uint8Array => new TextEncoder().encode(JSON.stringify(summary))

/** Reads them; null for what is no such summary, as one that was cut, or one of another version of this program. */
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

const NUMBERS = ['packetCount', 'byteCount', 'lostCount', 'durationMs'] as const

function isSummary(value: unknown): value is MediaSummary {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Partial<Record<keyof MediaSummary, unknown>>
  return (
    typeof fields.callId === 'string' &&
    typeof fields.dtmf === 'string' &&
    (fields.codec === null || typeof fields.codec === 'string') &&
    (fields.payloadType === null || Number.isSafeInteger(fields.payloadType)) &&
    NUMBERS.every((name) => Number.isSafeInteger(fields[name])) &&
    Array.isArray(fields.ssrcs) &&
    fields.ssrcs.every(Number.isSafeInteger)
  )
}
