// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { compactName } from './_header-names.ts'
import { findParameter, plainAddressParameters, plainVia, readPlainVia } from './_plain.ts'
import { reasonOf } from './_reasons.ts'
import { viaWithSource } from './_via.ts'
import { safeText, Writer } from './_writer.ts'
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

const writer = new Writer()

/**
 * The bytes of a response to `request`: all Via in order, the top one with `received` and `rport` (RFC 3261 §18.2.1,
 * RFC 3581 §4), From, Call-ID and CSeq as received, To with a tag (§8.2.6.2). What is copied is put on one line and
 * rid of CR, LF and NUL, so a request cannot write headers into its response.
 * Returns null when there is nothing to answer: not a request, or one of those five headers is missing or empty.
 */
export function serializeResponse(request: SipMessage, init: ResponseInit): Uint8Array | null {
  if (request.kind !== 'request') return null
  const via = findFilled(request, 'via')
  const from = findFilled(request, 'from')
  const to = findFilled(request, 'to')
  const callId = findFilled(request, 'call-id')
  const cseq = findFilled(request, 'cseq')
  if (via < 0 || from < 0 || to < 0 || callId < 0 || cseq < 0) return null

  const labels = init.compact ? COMPACT : FULL
  writer.reset()
  writer.text(`SIP/2.0 ${init.status} ${safeText(init.reason ?? reasonOf(init.status))}${labels.via}`)
  putTopVia(request, via, init)
  putLines(request, request.find('via', via + 1), 'via', labels.via)
  if (init.recordRoute) putLines(request, request.find('record-route'), 'record-route', labels.recordRoute)
  putLine(request, from, labels.from)
  putLine(request, to, labels.to)
  if (init.toTag && init.status > 100 && !hasTag(request, to)) writer.text(`;tag=${safeText(init.toTag)}`)
  putLine(request, callId, labels.callId)
  putLine(request, cseq, labels.cseq)
  writer.text(`${ownHeaders(init)}${labels.contentLength}${init.body?.length ?? 0}\r\n\r\n`)
  if (init.body) writer.copy(init.body, 0, init.body.length)
  return writer.take()
}

/** Each ends the line before. */
const FULL = {
  via: '\r\nVia: ',
  recordRoute: '\r\nRecord-Route: ',
  from: '\r\nFrom: ',
  to: '\r\nTo: ',
  callId: '\r\nCall-ID: ',
  cseq: '\r\nCSeq: ',
  contentLength: '\r\nContent-Length: ',
} as const
const COMPACT = {
  via: '\r\nv:',
  recordRoute: '\r\nRecord-Route:',
  from: '\r\nf:',
  to: '\r\nt:',
  callId: '\r\ni:',
  cseq: '\r\nCSeq:',
  contentLength: '\r\nl:',
} as const

function ownHeaders({ headers = [], compact = false }: ResponseInit): string {
  let text = ''
  for (const [name, value] of headers) {
    text += `\r\n${safeText(compact ? compactName(name) : name)}${compact ? ':' : ': '}${safeText(value)}`
  }
  return text
}

/** The first line of that name, or −1 when there is none or it is empty. */
function findFilled(request: SipMessage, name: string): number {
  const index = request.find(name)
  return index >= 0 && request.valueEnd(index) > request.valueStart(index) ? index : -1
}

function putLines(request: SipMessage, first: number, name: string, label: string): void {
  for (let index = first; index >= 0; index = request.find(name, index + 1)) {
    if (request.valueEnd(index) > request.valueStart(index)) putLine(request, index, label)
  }
}

function putLine(request: SipMessage, index: number, label: string): void {
  writer.text(label)
  const start = request.valueStart(index)
  const end = request.valueEnd(index)
  if (request.isOneLine(index)) writer.copy(request.bytes, start, end)
  else writer.oneLine(request.bytes, start, end)
}

function putTopVia(request: SipMessage, top: number, init: ResponseInit): void {
  const start = request.valueStart(top)
  const end = request.valueEnd(top)
  const isPlain = request.isOneLine(top) && readPlainVia(request.bytes, start, end) && !plainVia.hasReceived
  if (isPlain) putPlainVia(request.bytes, start, end, init)
  else writer.text(safeText(viaWithSource(request.value(top), init.received, init.receivedPort)))
}

function putPlainVia(bytes: Uint8Array, start: number, end: number, init: ResponseInit): void {
  const { hostStart, hostEnd, rportStart, rportEnd } = plainVia
  writer.copy(bytes, start, rportStart)
  if (rportEnd < end) writer.copy(bytes, rportEnd, end)
  if (rportStart < end) writer.text(`;received=${init.received};rport=${init.receivedPort}`)
  else if (!isHost(bytes, hostStart, hostEnd, init.received)) writer.text(`;received=${init.received}`)
}

function isHost(bytes: Uint8Array, start: number, end: number, host: string): boolean {
  if (end - start !== host.length) return false
  for (let i = 0; i < host.length; i++) if (bytes[start + i] !== host.charCodeAt(i)) return false
  return true
}

/** Whether To has a tag; a broken To has one when it says so anywhere. */
function hasTag(request: SipMessage, to: number): boolean {
  const start = request.valueStart(to)
  const end = request.valueEnd(to)
  const parameters = !request.isOneLine(to) ? -1 : plainAddressParameters(request.bytes, start, end)
  if (parameters >= 0) return findParameter(request.bytes, parameters, end, 'tag') >= 0
  const value = request.value(to)
  const address = parseNameAddr(value)
  return address === null ? /;[ \t]*tag[ \t]*=/i.test(value) : address.parameters.has('tag')
}
