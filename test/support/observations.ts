// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Observation } from '../../src/core/event.ts'

export type RequestFacts = {
  readonly method?: string
  readonly number?: string
  readonly callId?: string
  readonly userAgent?: string
  readonly body?: string
}

/** The bytes of a plausible request. */
export function sipRequest(facts: RequestFacts = {}): Uint8Array {
  const {
    method = 'INVITE',
    number = '900442081234567',
    callId = 'a84b4c76e66710',
    userAgent = 'friendly-scanner',
    body = '',
  } = facts
  const lines = [
    `${method} sip:${number}@192.0.2.10 SIP/2.0`,
    `Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-${callId}`,
    'Max-Forwards: 70',
    `From: "test" <sip:100@198.51.100.7>;tag=1928301774`,
    `To: <sip:${number}@192.0.2.10>`,
    `Call-ID: ${callId}`,
    `CSeq: 1 ${method}`,
    `User-Agent: ${userAgent}`,
    `Content-Length: ${body.length}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

/** What a sensor would hand over for these bytes. */
export function observation(facts: Partial<Observation> = {}): Observation {
  const bytes = facts.bytes ?? sipRequest()
  return {
    at: 1_795_456_800_000,
    transport: 'udp',
    source: { ip: '198.51.100.7', port: 5060 },
    destination: { ip: '192.0.2.10', port: 5060 },
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [200],
    sentSize: 300,
    size: bytes.length,
    ...facts,
    bytes,
  }
}
