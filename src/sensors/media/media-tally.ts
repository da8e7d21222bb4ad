// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { MediaSummary } from '../../core/media.ts'
import { parseRtpHeader, type RtpHeader } from '../../wire/rtp/header.ts'
import { staticRtpmap } from '../../wire/rtp/payload-types.ts'
import { SequenceCounter } from '../../wire/rtp/sequence.ts'
import { DtmfReader } from '../../wire/rtp/telephone-event.ts'

export const TALLY_LIMITS = { dtmfCount: 64, ssrcCount: 4 } as const

/** What came of the media of one call. */
export type TalliedMedia = Omit<MediaSummary, 'callId'> & {
  /** The port that the first packet came from; null without any. */
  readonly sourcePort: number | null
}

/** Counts the packets of one call and keeps none. Its size does not grow with what comes. */
export class MediaTally {
  readonly #rtpmaps: ReadonlyMap<string, string>
  readonly #counts = new Uint32Array(128) // RTP packets by payload type
  readonly #sources = new Map<number, SequenceCounter>()
  readonly #dtmf = new DtmfReader(TALLY_LIMITS.dtmfCount)
  #packetCount = 0
  #byteCount = 0
  #unreadCount = 0
  #foreignCount = 0
  #firstAt = 0
  #lastAt = 0
  #sourcePort: number | null = null

  /** `rtpmaps`: what the session description says of dynamic payload types, such as `101` → `telephone-event/8000`. */
  constructor(rtpmaps: ReadonlyMap<string, string>) {
    this.#rtpmaps = rtpmaps
  }

  foreign(): void {
    this.#foreignCount++
  }

  /** A packet of the call. Without `isRead` it is only counted, which costs next to nothing. */
  packet(bytes: Uint8Array, port: number, at: number, isRead: boolean): void {
    if (this.#packetCount === 0) this.#firstAt = at
    this.#lastAt = at
    this.#packetCount++
    this.#byteCount += bytes.length
    this.#sourcePort ??= port
    if (!isRead) {
      this.#unreadCount++
      return
    }
    const header = parseRtpHeader(bytes)
    if (header !== null) this.#read(header, bytes)
  }

  summary(): TalliedMedia {
    const payloadType = this.#mainType()
    const rtpmap = payloadType === null ? null : this.#rtpmap(payloadType)
    let lostCount = -this.#unreadCount // they came, whichever they were
    for (const { lostCount: lost } of this.#sources.values()) lostCount += lost
    return {
      codec: rtpmap === null ? null : encodingOf(rtpmap),
      payloadType,
      packetCount: this.#packetCount,
      byteCount: this.#byteCount,
      lostCount: Math.max(0, lostCount),
      foreignCount: this.#foreignCount,
      dtmf: this.#dtmf.digits,
      durationMs: Math.round(this.#lastAt - this.#firstAt),
      ssrcs: [...this.#sources.keys()].map((ssrc) => ssrc.toString(16).padStart(8, '0')),
      sourcePort: this.#sourcePort,
    }
  }

  #read(header: RtpHeader, bytes: Uint8Array): void {
    const { payloadType, ssrc, sequence } = header
    let source = this.#sources.get(ssrc)
    if (source === undefined && this.#sources.size < TALLY_LIMITS.ssrcCount) {
      source = new SequenceCounter()
      this.#sources.set(ssrc, source)
    }
    source?.packet(sequence)
    this.#counts[payloadType]!++
    if (this.#isTelephoneEvent(payloadType)) this.#dtmf.packet(header, bytes)
  }

  /** The payload type of most packets that are media. */
  #mainType(): number | null {
    let main: number | null = null
    for (const [type, count] of this.#counts.entries()) {
      if (count > (main === null ? 0 : this.#counts[main]!) && !this.#isTelephoneEvent(type)) main = type
    }
    return main
  }

  #rtpmap(payloadType: number): string | null {
    return this.#rtpmaps.get(String(payloadType)) ?? staticRtpmap(payloadType)
  }

  #isTelephoneEvent(payloadType: number): boolean {
    return encodingOf(this.#rtpmap(payloadType) ?? '').toLowerCase() === 'telephone-event' // names know no case, RFC 8866 §6.6
  }
}

const encodingOf = (rtpmap: string): string => rtpmap.split('/', 1)[0]!
