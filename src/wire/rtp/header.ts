// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const VERSION = 2
const FIXED_SIZE = 12 // bytes
const WORD_SIZE = 4
/** The second byte of an RTCP packet, where RTP has marker and payload type: what tells them apart on one port. RFC 5761 §4. */
const RTCP_TYPE = { first: 192, last: 223 } as const

/** An RTP packet but for its payload, which lies between the offsets named. RFC 3550 §5.1. */
export type RtpHeader = {
  readonly marker: boolean
  readonly payloadType: number // 0–127
  readonly sequence: number // 16 bits
  readonly timestamp: number // 32 bits, in the codec's clock
  readonly ssrc: number // 32 bits
  readonly payloadStart: number
  readonly payloadEnd: number // padding is left out
}

/** Null when the bytes are no RTP packet: RTCP, STUN, another version, or a header that says more than there is. */
export function parseRtpHeader(bytes: Uint8Array): RtpHeader | null {
  const size = bytes.length
  if (size < FIXED_SIZE) return null
  const flags = bytes[0]!
  const type = bytes[1]!
  if (flags >> 6 !== VERSION || (type >= RTCP_TYPE.first && type <= RTCP_TYPE.last)) return null
  const payloadStart = payloadStartOf(bytes, flags)
  const padding = (flags & 0x20) === 0 ? 0 : bytes[size - 1]!
  const isPaddingWrong = (flags & 0x20) !== 0 && padding === 0 // the last byte counts itself
  if (isPaddingWrong || payloadStart + padding > size) return null
  return {
    marker: (type & 0x80) !== 0,
    payloadType: type & 0x7f,
    sequence: uint16(bytes, 2),
    timestamp: uint32(bytes, 4),
    ssrc: uint32(bytes, 8),
    payloadStart,
    payloadEnd: size - padding,
  }
}

/** Behind the contributing sources and the extension; may lie beyond the end. RFC 3550 §5.3.1. */
function payloadStartOf(bytes: Uint8Array, flags: number): number {
  const start = FIXED_SIZE + WORD_SIZE * (flags & 0x0f)
  if ((flags & 0x10) === 0) return start
  const extensionSize = WORD_SIZE * (1 + uint16(bytes, start + 2))
  return start + extensionSize
}

const uint16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

const uint32 = (bytes: Uint8Array, at: number): number => uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2)
