// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

import { listItemEnd } from './_list.ts'
import { reasonOf } from './_reasons.ts'
import { parseVia, viaParts } from './_via.ts'
import { Writer } from './_writer.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr } from './uri.ts'

/** What a response says beside what it must repeat from its request. */
export type ResponseInit = {
  readonly status: number // 100–699
  readonly reason?: string // the registered phrase when left out
  /** Put into To unless To has a tag; never into a 100. */
  readonly toTag?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Uint8Array
  /** Short header names and no optional spaces, for the rule that a reply is no larger than its request. */
  readonly compact?: boolean
  /** Copy Record-Route, as 1xx above 100 and 2xx do that create a dialog (RFC 3261 §12.1.1). */
  readonly recordRoute?: boolean
  readonly received: string // the address the request came from, IPv6 without brackets
  readonly receivedPort: number
}

/** Compact forms of RFC 3261 §7.3.3 and RFC 6665 for the names a response uses. */
const COMPACT: Readonly<Record<string, string>> = {
  Via: 'v',
  From: 'f',
  To: 't',
  'Call-ID': 'i',
  Contact: 'm',
  'Content-Length': 'l',
  'Content-Type': 'c',
  'Content-Encoding': 'e',
  Supported: 'k',
  Subject: 's',
  Event: 'o',
  'Allow-Events': 'u',
  'Session-Expires': 'x',
}

const writer = new Writer()

/**
 * The bytes of a response to `request`: all Via in order, the top one with `received` and `rport` (RFC 3261 §18.2.1,
 * RFC 3581 §4), From, Call-ID and CSeq as received, To with a tag (§8.2.6.2). What is copied is put on one line and
 * rid of CR, LF and NUL, so a request cannot write headers into its response.
 * Returns null when there is nothing to answer: not a request, or one of those five headers is missing or empty.
 */
export function serializeResponse(request: SipMessage, init: ResponseInit): Uint8Array | null {
  if (request.kind !== 'request') return null
  const via = request.headers('via')
  const [from, to, callId, cseq] = ['from', 'to', 'call-id', 'cseq'].map((name) => request.header(name))
  if (!via[0] || !from || !to || !callId || !cseq) return null
  const compact = init.compact === true
  const put = (name: string, value: string) => putHeader(name, value, compact)

  writer.reset()
  writer.text(`SIP/2.0 ${init.status} `)
  writer.safeText(init.reason ?? reasonOf(init.status))
  writer.text('\r\n')
  put('Via', withSource(via[0], init, compact))
  for (const value of via.slice(1)) if (value !== '') put('Via', value)
  if (init.recordRoute) for (const value of request.headers('record-route')) put('Record-Route', value)
  put('From', from)
  put('To', init.toTag && init.status > 100 && !hasTag(to) ? `${to};tag=${init.toTag}` : to)
  put('Call-ID', callId)
  put('CSeq', cseq)
  for (const [name, value] of init.headers ?? []) put(name, value)
  put('Content-Length', String(init.body?.length ?? 0))
  writer.text('\r\n')
  if (init.body) writer.raw(init.body)
  return writer.take()
}

function putHeader(name: string, value: string, compact: boolean): void {
  writer.safeText(compact ? (COMPACT[name] ?? name) : name)
  writer.text(compact ? ':' : ': ')
  writer.safeText(value)
  writer.text('\r\n')
}

/**
 * The top Via line with the source in its first value. `received` stands when the host differs or when rport was asked
 * for, `rport` only then. A received or rport value that the client wrote itself is replaced: it is for us to say.
 */
function withSource(line: string, init: ResponseInit, compact: boolean): string {
  const via = parseVia(line)
  if (via === null) return line
  const end = listItemEnd(line, 0)
  const asked = via.parameters.has('rport')
  const differs = bare(via.host) !== bare(init.received)
  if (!asked && !differs && !via.parameters.has('received')) return line
  const parts = viaParts(line.slice(0, end)).filter((part) => !OURS.test(part))
  if (asked || differs) parts.push(`received=${init.received}`)
  if (asked) parts.push(`rport=${init.receivedPort}`)
  const others = line.slice(end + 1).trim()
  return parts.join(';') + (others === '' ? '' : `${compact ? ',' : ', '}${others}`)
}

const OURS = /^[ \t]*(?:received|rport)[ \t]*(?:=|$)/i

function bare(host: string): string {
  return (host.startsWith('[') ? host.slice(1, -1) : host).toLowerCase()
}

/** Whether To has a tag; a broken To has one when it says so anywhere. */
function hasTag(to: string): boolean {
  const address = parseNameAddr(to)
  return address === null ? /;[ \t]*tag[ \t]*=/i.test(to) : address.parameters.has('tag')
}
