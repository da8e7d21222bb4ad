// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Messages as the tools send them, for the tests of this folder. Addresses are those reserved for documentation.

/** Joins lines by CRLF and ends the header section; the body follows. */
export function message(lines: readonly string[], body = ''): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

export type RequestInit = {
  readonly method?: string
  readonly uri?: string
  readonly version?: string
  readonly via?: string
  readonly from?: string
  readonly to?: string
  readonly callId?: string
  readonly cseq?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** A request with the headers that RFC 3261 §8.1.1 asks for. Pass '' to leave one of them out. */
export function request(init: RequestInit = {}): Buffer {
  const { method = 'OPTIONS', uri = 'sip:100@203.0.113.5', version = 'SIP/2.0', headers = [], body = '' } = init
  const lines: [string, string][] = [
    ['Via', init.via ?? 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-1234567;rport'],
    ['Max-Forwards', '70'],
    ['From', init.from ?? '"scanner" <sip:100@203.0.113.5>;tag=31303001333232'],
    ['To', init.to ?? '"scanner" <sip:100@203.0.113.5>'],
    ['Call-ID', init.callId ?? '96323384694482@198.51.100.7'],
    ['CSeq', init.cseq ?? `1 ${method}`],
    ['Contact', '<sip:100@198.51.100.7:5060>'],
    ['User-Agent', 'friendly-scanner'],
  ]
  const kept = lines.filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}`)
  const length = `Content-Length: ${Buffer.byteLength(body, 'latin1')}`
  return message([`${method} ${uri} ${version}`.trimEnd(), ...kept, ...headers, length], body)
}

const OFFER = [
  'v=0',
  'o=user1 53655765 2353687637 IN IP4 198.51.100.7',
  's=-',
  'c=IN IP4 198.51.100.7',
  't=0 0',
  'm=audio 6000 RTP/AVP 100 6 0 8 3 18 5 101',
  'a=rtpmap:0 pcmu/8000',
  'a=rtpmap:101 telephone-event/8000',
  '',
].join('\r\n')

export function invite(init: RequestInit = {}): Buffer {
  const { headers = [], body = OFFER } = init
  return request({
    uri: 'sip:900442081234567@203.0.113.5',
    from: '"caller" <sip:8005550199@203.0.113.5>;tag=31303001333232', // whom no extension's password is asked
    to: '<sip:900442081234567@203.0.113.5>',
    ...init,
    method: 'INVITE',
    body,
    headers: body === '' ? headers : [...headers, 'Content-Type: application/sdp'],
  })
}

/** What the scanners of the world send, byte for byte but for the addresses. */
export const SCANNERS: Readonly<Record<string, Buffer>> = {
  'svmap OPTIONS': message([
    'OPTIONS sip:100@203.0.113.5 SIP/2.0',
    'Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-533563222;rport',
    'Max-Forwards: 70',
    'To: "sipvicious"<sip:100@1.1.1.1>',
    'From: "sipvicious"<sip:100@1.1.1.1>;tag=3766303030303031336164340133343531353136383936',
    'User-Agent: friendly-scanner',
    'Call-ID: 963233846944827922297686',
    'Contact: sip:100@198.51.100.7:5060',
    'CSeq: 1 OPTIONS',
    'Accept: application/sdp',
    'Content-Length: 0',
  ]),
  'svwar REGISTER': message([
    'REGISTER sip:203.0.113.5 SIP/2.0',
    'Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-1561740392;rport',
    'Max-Forwards: 70',
    'To: "100"<sip:100@203.0.113.5>',
    'From: "100"<sip:100@203.0.113.5>;tag=3130300132373832303733333733',
    'User-Agent: friendly-scanner',
    'Call-ID: 758685162',
    'Contact: sip:100@203.0.113.5',
    'CSeq: 1 REGISTER',
    'Accept: application/sdp',
    'Content-Length: 0',
  ]),
  'svcrack REGISTER': message([
    'REGISTER sip:203.0.113.5 SIP/2.0',
    'Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-3326882303;rport',
    'Max-Forwards: 70',
    'To: "100" <sip:100@203.0.113.5>',
    'From: "100" <sip:100@203.0.113.5>;tag=3206210844',
    'User-Agent: friendly-scanner',
    'Call-ID: 1453689124',
    'Contact: sip:123@1.1.1.1',
    'CSeq: 1 REGISTER',
    'Accept: application/sdp',
    'Content-Length: 0',
  ]),
  'sipsak OPTIONS': message([
    'OPTIONS sip:100@203.0.113.5:5060 SIP/2.0',
    'Via: SIP/2.0/UDP 198.51.100.7:43564;branch=z9hG4bK.7691c62f;rport;alias',
    'From: sip:sipsak@198.51.100.7:43564;tag=7b279b3',
    'To: sip:100@203.0.113.5:5060',
    'Call-ID: 129137075@198.51.100.7',
    'CSeq: 1 OPTIONS',
    'Contact: sip:sipsak@198.51.100.7:43564',
    'Content-Length: 0',
    'Max-Forwards: 70',
    'User-Agent: sipsak 0.9.8.1',
    'Accept: text/plain',
  ]),
  'a toll fraud INVITE': message(
    [
      'INVITE sip:900442081234567@203.0.113.5 SIP/2.0',
      'Via: SIP/2.0/UDP 0.0.0.0:5067;branch=z9hG4bK-2b1c3d4e5f;rport',
      'From: "100:5060"<sip:100:5060@203.0.113.5>;tag=a1b2c3d4e5f60718',
      'To: <sip:900442081234567@203.0.113.5>',
      'Call-ID: 7a8b9c0d1e2f30415263',
      'CSeq: 1 INVITE',
      'Max-Forwards: 70',
      'Contact: <sip:100@198.51.100.99:5067>',
      'User-Agent: pplsip',
      'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE',
      'Content-Type: application/sdp',
      `Content-Length: ${OFFER.length}`,
    ],
    OFFER,
  ),
  'an INVITE in compact form': message([
    'INVITE sip:0046812345678@203.0.113.5 SIP/2.0',
    'v: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK776asdhds',
    'f: <sip:1@198.51.100.7>;tag=1',
    't: <sip:0046812345678@203.0.113.5>',
    'i: 1@x',
    'CSeq: 1 INVITE',
    'm: <sip:1@198.51.100.7>',
    'l: 0',
  ]),
}

/** The request of a client for SIP over WebSocket (RFC 7118, 4.1), with the key of RFC 6455, 1.3. */
export const WS_UPGRADE = [
  'GET /ws HTTP/1.1',
  'Host: pbx',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: sip',
  '\r\n',
].join('\r\n')
