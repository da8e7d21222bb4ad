// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// RTP as phones send it, for tests.

export type RtpInit = {
  readonly payloadType?: number
  readonly sequence?: number
  readonly timestamp?: number
  readonly ssrc?: number
  readonly marker?: boolean
  readonly payload?: Uint8Array
}

/** One packet; 20 ms of G.711 unless told otherwise. RFC 3550 §5.1. */
export function rtpPacket(init: RtpInit = {}): Buffer {
  const { payloadType = 0, sequence = 1, timestamp = 0, ssrc = 0x1234abcd, payload = Buffer.alloc(160, 0xd5) } = init
  const header = Buffer.alloc(12)
  header[0] = 0x80
  header[1] = (init.marker === true ? 0x80 : 0) | payloadType
  header.writeUInt16BE(sequence & 0xffff, 2)
  header.writeUInt32BE(timestamp >>> 0, 4)
  header.writeUInt32BE(ssrc >>> 0, 8)
  return Buffer.concat([header, payload])
}

/** The payload of one telephone event. RFC 4733 §2.3. */
export function telephoneEvent(event: number, duration: number, isEnd = false): Buffer {
  return Buffer.from([event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 0xff])
}

/** The packets of one digit: a beginning, two updates, and the end three times. RFC 4733 §2.5.1.3. */
export function digitPackets(digit: string, init: { sequence: number; timestamp: number; ssrc?: number }): Buffer[] {
  const event = '0123456789*#ABCD'.indexOf(digit)
  const durations = [160, 320, 480, 640, 640, 640]
  return durations.map((duration, i) =>
    rtpPacket({
      payloadType: 101,
      ...init,
      sequence: init.sequence + i,
      marker: i === 0,
      payload: telephoneEvent(event, duration, i >= 3),
    }),
  )
}
