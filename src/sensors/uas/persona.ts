// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** The device that the sensor claims to be. Data only: what it answers is decided in responder.ts. */
export type Persona = {
  readonly name: string
  /** Value of the Server header, and the session name of SDP. */
  readonly server: string
  readonly realm: string
  /** Reason phrases in which the device differs from the RFCs. */
  readonly reasons: ReadonlyMap<number, string>
  /** Methods in the Allow header, in the device's own order. */
  readonly allow: readonly string[]
  /** Methods that the device knows and does not do: 405. Methods in no list at all are unknown: 501. */
  readonly refused: readonly string[]
  /** Extensions it supports: the Supported header, and what Require may ask for. Lower case. */
  readonly supported: readonly string[]
  /** User parts that can be registered. All others are 404, which is the difference an extension scan looks for. */
  readonly extensions: ReadonlySet<string>
  /** Whether an INVITE without credentials is asked for some, or goes to the dial plan. */
  readonly guests: 'challenge' | 'dialplan'
  /** Payload types of RTP that it accepts, with the rtpmap of each. RFC 3551 §6. */
  readonly codecs: ReadonlyMap<string, string>
  /** RTP ports are even ones of this range. */
  readonly rtpPorts: { readonly from: number; readonly count: number }
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i))
}

/** A small office PBX of the kind that scanners hope for: Asterisk 16 with chan_sip, its sample extensions, guests allowed. */
export const ASTERISK_CHAN_SIP: Persona = {
  name: 'asterisk-chan-sip',
  server: 'Asterisk PBX 16.28.0',
  realm: 'asterisk',
  reasons: new Map([
    [481, 'Call leg/transaction does not exist'],
    [489, 'Bad event'],
    [501, 'Method Not Implemented'],
    [603, 'Declined'],
  ]),
  allow: ['INVITE', 'ACK', 'CANCEL', 'OPTIONS', 'BYE', 'REFER', 'SUBSCRIBE', 'NOTIFY', 'INFO', 'PUBLISH', 'MESSAGE'],
  refused: [],
  supported: ['replaces', 'timer'],
  extensions: new Set([...range(100, 109), ...range(200, 205), ...range(1000, 1010)]),
  guests: 'dialplan',
  codecs: new Map([
    ['0', 'PCMU/8000'],
    ['8', 'PCMA/8000'],
    ['101', 'telephone-event/8000'],
  ]),
  rtpPorts: { from: 10_000, count: 10_000 },
}
