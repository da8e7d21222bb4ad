// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { RtpHeader } from './header.ts'

const BLOCK_SIZE = 4 // bytes
const BLOCK_COUNT_MAX = 16 // blocks read of one packet
const DIGITS = '0123456789*#ABCD' // by event code. RFC 4733 §3.2
const STARTED_MAX = 8 // events remembered: what is late by more is told as a new one

/** One block of a telephone-event payload. RFC 4733 §2.3. */
export type TelephoneEvent = {
  readonly event: number // 0–255; 0–15 are DTMF
  readonly isEnd: boolean
  readonly volume: number // 0–63: so many dB below 1 mW
  readonly duration: number // so far, in units of the timestamp
}

/** The blocks of a payload, nearly always one; bytes that make no whole block are left out. */
export function parseTelephoneEvents(bytes: Uint8Array, start = 0, end = bytes.length): TelephoneEvent[] {
  const events: TelephoneEvent[] = []
  for (let at = start; at + BLOCK_SIZE <= end && events.length < BLOCK_COUNT_MAX; at += BLOCK_SIZE) {
    events.push({
      event: bytes[at]!,
      isEnd: (bytes[at + 1]! & 0x80) !== 0,
      volume: bytes[at + 1]! & 0x3f,
      duration: (bytes[at + 2]! << 8) | bytes[at + 3]!,
    })
  }
  return events
}

/** The digit of a DTMF event, or null. */
export const dtmfDigit = (event: number): string | null => DIGITS[event] ?? null

/** An event under way: `first` is the timestamp of its beginning, `timestamp` of its latest segment. */
type Started = {
  readonly ssrc: number
  readonly event: number
  readonly first: number
  timestamp: number
  duration: number
  isEnded: boolean
}

/**
 * Reads the digits that were pressed. Each is told by many packets, which share the timestamp of its beginning; the last
 * of them comes three times (RFC 4733 §2.5.1). A digit counts when its first packet comes, so the loss of others does no harm.
 */
export class DtmfReader {
  readonly #countMax: number
  readonly #started: Started[] = [] // the latest last
  #digits = ''

  /** `countMax`: digits kept; further ones are not. */
  constructor(countMax: number) {
    this.#countMax = countMax
  }

  get digits(): string {
    return this.#digits
  }

  /** Takes a packet of telephone events. */
  packet(header: RtpHeader, bytes: Uint8Array): void {
    let { timestamp } = header
    for (const block of parseTelephoneEvents(bytes, header.payloadStart, header.payloadEnd)) {
      this.#take({ ...header, timestamp }, block)
      timestamp = (timestamp + block.duration) >>> 0 // events in one packet follow each other at once. RFC 4733 §2.5.1.4
    }
  }

  #take({ ssrc, timestamp, marker }: RtpHeader, { event, duration, isEnd }: TelephoneEvent): void {
    const known = this.#started.find((one) => {
      if (one.ssrc !== ssrc || one.event !== event) return false
      return isWithin(one, timestamp) || (!marker && isContinued(one, timestamp))
    })
    if (known === undefined) {
      this.#started.push({ ssrc, event, first: timestamp, timestamp, duration, isEnded: isEnd })
      if (this.#started.length > STARTED_MAX) this.#started.shift()
      const digit = dtmfDigit(event)
      if (digit !== null && this.#digits.length < this.#countMax) this.#digits += digit
      return
    }
    if (!isWithin(known, timestamp)) {
      known.timestamp = timestamp
      known.duration = duration
    } else if (known.timestamp === timestamp) known.duration = Math.max(known.duration, duration)
    known.isEnded ||= isEnd
  }
}

/** Whether it is the beginning of one of the event's segments so far, which may come late. */
const isWithin = ({ first, timestamp }: Started, at: number): boolean => (at - first) >>> 0 <= (timestamp - first) >>> 0

/** A key held for longer than a duration can say goes on in a new segment, without a mark. RFC 4733 §2.5.1.3. */
const isContinued = ({ isEnded, timestamp, duration }: Started, at: number): boolean =>
  !isEnded && (timestamp + duration) >>> 0 === at
