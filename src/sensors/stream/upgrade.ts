// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type RequestHead, readRequestHead } from '../../wire/http/request-head.ts'
import type { StreamPeer } from '../boundary.ts'
import type { Reply } from '../uas/byte-rule.ts'
import { StreamConnection } from './connection.ts'
import type { Preamble, StreamDeps } from './held.ts'
import { Opening, type Recognized } from './opening.ts'
import { WebSocketConnection } from './web-socket-connection.ts'

const SUBPROTOCOL = 'sip' // RFC 7118 §4.1
const VERSIONS = new Set(['8', '13']) // of the WebSocket protocol, which differ in nothing that we see
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
const KEY = /^[+/0-9A-Za-z]{22}==$/ // 16 bytes, RFC 6455 §4.1

export type UpgradeDeps = StreamDeps & {
  readonly now: () => number // ms since epoch
  /** The web server that the device claims to have. */
  readonly httpServer: string
}

/**
 * Takes the request of HTTP that a WebSocket begins with. Another request is recorded and refused as the device would;
 * what is no HTTP is taken as over TCP or TLS, where it may be SIP.
 */
export function openWebSocket(
  socket: Socket,
  peer: StreamPeer,
  deps: UpgradeDeps,
  preamble: Preamble | null = null,
): void {
  const recognize = (bytes: Buffer): Recognized => {
    const head = readRequestHead(bytes)
    if (head === 'need-more') return { kind: 'need-more' }
    if (head === 'not-http') {
      const bare = { ...peer, transport: peer.transport === 'wss' ? 'tls' : 'tcp' } as const
      return { kind: 'known', goOn: () => deps.connections.enter(new StreamConnection(socket, bare, deps, preamble)) }
    }
    if (!deps.boundary.mayAnswer(peer)) return { kind: 'refused', peer, answer: null }
    const status = head === 'bad' ? 400 : refusalOf(head)
    if (head === 'bad' || status !== null) return { kind: 'refused', peer, answer: refuse(status ?? 400, deps) }
    const request = Uint8Array.from(bytes.subarray(0, head.size))
    const goOn = () => deps.connections.enter(new WebSocketConnection(socket, peer, deps, { head, request }))
    return { kind: 'known', goOn, rest: bytes.subarray(head.size) }
  }
  deps.connections.enter(new Opening(socket, peer, deps, { recognize, preamble }))
}

/** The status that refuses the request; null when it asks for a WebSocket for SIP as RFC 6455 §4.2.1 and RFC 7118 §4 have it. */
function refusalOf({ method, fields }: RequestHead): number | null {
  if (fields.get('upgrade')?.toLowerCase() !== 'websocket') return 426
  if (method !== 'GET') return 405
  if (!KEY.test(fields.get('sec-websocket-key') ?? '')) return 400
  if (!VERSIONS.has(fields.get('sec-websocket-version') ?? '')) return 426
  return offersSip(fields.get('sec-websocket-protocol') ?? '') ? null : 400
}

/** A list of different tokens (RFC 6455 §4.1), ours among them. */
function offersSip(list: string): boolean {
  const names = list.split(',').map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''))
  const isList = names.every((name) => TOKEN.test(name)) && new Set(names).size === names.length
  return isList && names.includes(SUBPROTOCOL)
}

/** A refusal as Asterisk's own web server writes it. */
function refuse(status: number, { httpServer, now }: UpgradeDeps): Reply {
  const reason = STATUS_CODES[status]
  const body = [
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">',
    '<html><head>',
    `<title>${status} ${reason}</title>`,
    '</head><body>',
    `<h1>${reason}</h1>`,
    '<p></p>',
    '<hr />',
    `<address>${httpServer}</address>`,
    '</body></html>',
    '',
  ].join('\r\n')
  const lines = [
    `HTTP/1.1 ${status} ${reason}`,
    `Server: ${httpServer}`,
    `Date: ${new Date(now()).toUTCString()}`,
    'Connection: close',
    'Cache-Control: no-cache, no-store',
    ...(status === 426 ? ['Upgrade: websocket', 'Sec-WebSocket-Version: 8, 13'] : []),
    ...(status === 405 ? ['Allow: GET'] : []),
    'Content-Type: text/html',
    `Content-Length: ${body.length}`,
  ]
  return { status, bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`) }
}
