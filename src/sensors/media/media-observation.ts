// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint, Observation } from '../../core/event.ts'
import type { TalliedMedia } from './media-tally.ts'

/** The call that media belonged to. */
export type MediaCall = {
  readonly callId: string
  readonly at: number // ms since epoch, when the media was over
  readonly sourceIp: string // which signalled it
  readonly local: Endpoint // our address, and the port of the sink
}

/**
 * What the media of a call was, as an observation: our own words in JSON, never a sound. Its source is the address that
 * signalled with the port the media came from (0: none came). A packet proves nothing about where it comes from.
 */
export function mediaObservation(call: MediaCall, summary: TalliedMedia): Observation {
  const { sourcePort, ...told } = summary
  const bytes = Buffer.from(JSON.stringify({ callId: call.callId, ...told }))
  return {
    at: call.at,
    transport: 'rtp',
    source: { ip: call.sourceIp, port: sourcePort ?? 0 },
    destination: call.local,
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [],
    sentSize: 0,
    bytes,
    size: bytes.length,
  }
}
