// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { compactName } from './_header-names.ts'
import { findParameter, plainAddressParameters, plainVia, readPlainVia } from './_plain.ts'
import { reasonOf } from './_reasons.ts'
import { viaWithSource } from './_via.ts'
import { safeText, Writer } from './_writer.ts'
import type { SipMessage } from './message.ts'
import { parseNameAddr } from './uri.ts'

/** How names are written: in full; short where RFC 3261 §7.3.3 has a compact form; that and no optional spaces. */
export type Spelling = 'full' | 'short' | 'compact'

/** The lines that a response repeats from its request. */
export type Echoed = 'via' | 'recordRoute' | 'from' | 'to' | 'callId' | 'cseq'

/** How a device arranges its lines, where RFC 3261 §7.3.1 leaves it the choice. */
export type ResponseLayout = {
  readonly echo: readonly Echoed[] | 'as-received'
  /** Whether Content-Length is padded to five places, or two when there is no body, as PJSIP does. */
  readonly isContentLengthPadded: boolean
}

/** A header line that is not repeated; it stands before a repeated one, or behind all of them. */
export type OwnLine = readonly [name: string, value: string, before?: Echoed | undefined]

/** What a response says beside what it must repeat from its request. */
export type AnswerInit = {
  readonly status: number // 100–699
  readonly reason?: string // the registered phrase when left out
  /** Put into To unless To has a tag; never into a 100. */
  readonly toTag?: string
  readonly headers?: readonly OwnLine[]
  /** Via, Record-Route, From, To, Call-ID, CSeq and no padding when left out. */
  readonly layout?: ResponseLayout
  readonly body?: Uint8Array
  /** `full` when left out. The others are for the rule that a reply is no larger than its request. */
  readonly spelling?: Spelling
  /** Copy Record-Route, as 1xx above 100 and 2xx do that create a dialog (RFC 3261 §12.1.1). */
  readonly recordRoute?: boolean
}
/** Where the request came from: for `received` and `rport`. */
export type EchoInit = {
  readonly received: string // the address, IPv6 without brackets
  readonly receivedPort: number
}
export type ResponseInit = AnswerInit & EchoInit

const writer = new Writer()

/** The bytes of a response to `request`; null when there is nothing to answer. See `echoOf`. */
export function serializeResponse(request: SipMessage, init: ResponseInit): Uint8Array | null {
  return echoOf(request, init)?.serialize(init) ?? null
}

/**
 * What each response to `request` repeats: all Via in order, the top one with `received` and `rport` (RFC 3261 §18.2.1,
 * RFC 3581 §4), From, Call-ID and CSeq as received, To (§8.2.6.2). What is copied is put on one line and rid of CR, LF
 * and NUL, so a request cannot write headers into its response.
 * Returns null when there is nothing to answer: not a request, or one of those five headers is missing or empty.
 */
export function echoOf(request: SipMessage, init: EchoInit): Echo | null {
  if (request.kind !== 'request') return null
  const via = findFilled(request, 'via')
  const from = findFilled(request, 'from')
  const to = findFilled(request, 'to')
  const callId = findFilled(request, 'call-id')
  const cseq = findFilled(request, 'cseq')
  if (via < 0 || from < 0 || to < 0 || callId < 0 || cseq < 0) return null

  const lines: EchoLine[] = []
  const add = (index: number, label: Echoed, write: () => void) => {
    const start = writer.size
    write()
    lines.push({ label, index, start, end: writer.size })
  }
  const put = (index: number, label: Echoed) => add(index, label, () => putValue(request, index))
  const putAll = (first: number, name: string, label: Echoed) => {
    for (let index = first; index >= 0; index = request.find(name, index + 1)) {
      if (request.valueEnd(index) > request.valueStart(index)) put(index, label)
    }
  }
  writer.reset()
  add(via, 'via', () => putTopVia(request, via, init))
  putAll(request.find('via', via + 1), 'via', 'via')
  putAll(request.find('record-route'), 'record-route', 'recordRoute')
  put(from, 'from')
  put(to, 'to')
  put(callId, 'callId')
  put(cseq, 'cseq')
  return new Echo(writer.take(), lines, hasTag(request, to))
}

type EchoLine = {
  readonly label: Echoed
  readonly index: number // among the headers of the request
  readonly start: number // in the bytes of the values
  readonly end: number
}

/** The lines that all responses to one request repeat, written once however often their size is asked for. */
export class Echo {
  readonly #values: Uint8Array
  readonly #lines: readonly EchoLine[]
  readonly #hasTag: boolean

  constructor(values: Uint8Array, lines: readonly EchoLine[], hasTag: boolean) {
    this.#values = values
    this.#lines = lines
    this.#hasTag = hasTag
  }

  /** Bytes that `serialize` would return, at no cost that depends on the size of the request. */
  sizeOf(init: AnswerInit): number {
    const { headers = [], spelling = 'full', recordRoute = false } = init
    const labels = LABELS[spelling]
    const bodySize = init.body?.length ?? 0
    let size = startLine(init).length + this.#tag(init).length + contentLengthLine(init).length
    size += '\r\n\r\n'.length + bodySize
    for (const { label, start, end } of this.#lines) {
      if (label !== 'recordRoute' || recordRoute) size += labels[label].length + end - start
    }
    for (const [name, value] of headers) size += nameLabel(name, spelling).length + value.length
    return size
  }

  serialize(init: AnswerInit): Uint8Array {
    const { headers = [], body, spelling = 'full', recordRoute = false } = init
    const labels = LABELS[spelling]
    writer.reset()
    writer.text(startLine(init))
    let last: Echoed | undefined
    for (const { label, start, end } of this.#arranged(init)) {
      if (label === 'recordRoute' && !recordRoute) continue
      if (label !== last) writer.text(ownLines(headers, spelling, label))
      last = label
      writer.text(labels[label])
      writer.copy(this.#values, start, end)
      if (label === 'to') writer.text(this.#tag(init))
    }
    writer.text(`${ownLines(headers, spelling)}${contentLengthLine(init)}\r\n\r\n`)
    if (body) writer.copy(body, 0, body.length)
    return writer.take()
  }

  #arranged({ layout }: AnswerInit): readonly EchoLine[] {
    if (layout === undefined) return this.#lines
    const { echo } = layout
    const placeOf =
      echo === 'as-received' ? ({ index }: EchoLine) => index : ({ label }: EchoLine) => echo.indexOf(label)
    return this.#lines.toSorted((a, b) => placeOf(a) - placeOf(b))
  }

  #tag({ toTag, status }: AnswerInit): string {
    return toTag && status > 100 && !this.#hasTag ? `;tag=${safeText(toTag)}` : ''
  }
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
const LABELS: Readonly<Record<Spelling, Readonly<Record<keyof typeof FULL, string>>>> = {
  full: FULL,
  // Call-ID stays, and so do the spaces: scanners look for these by their text.
  short: { ...FULL, via: '\r\nv: ', from: '\r\nf: ', to: '\r\nt: ', contentLength: '\r\nl: ' },
  compact: {
    via: '\r\nv:',
    recordRoute: '\r\nRecord-Route:',
    from: '\r\nf:',
    to: '\r\nt:',
    callId: '\r\ni:',
    cseq: '\r\nCSeq:',
    contentLength: '\r\nl:',
  },
}

/** The own lines that stand before that repeated one, or behind all of them. */
function ownLines(headers: readonly OwnLine[], spelling: Spelling, before?: Echoed): string {
  let lines = ''
  for (const [name, value, place] of headers) {
    if (place === before) lines += nameLabel(name, spelling) + safeText(value)
  }
  return lines
}

function contentLengthLine({ spelling = 'full', layout, body }: AnswerInit): string {
  const size = String(body?.length ?? 0)
  const isPadded = spelling === 'full' && layout?.isContentLengthPadded
  return LABELS[spelling].contentLength + (isPadded ? size.padStart(body ? 5 : 2) : size)
}

function startLine({ status, reason }: AnswerInit): string {
  return `SIP/2.0 ${status} ${safeText(reason ?? reasonOf(status))}`
}

function nameLabel(name: string, spelling: Spelling): string {
  return `\r\n${safeText(spelling === 'full' ? name : compactName(name))}${spelling === 'compact' ? ':' : ': '}`
}

/** The first line of that name, or −1 when there is none or it is empty. */
function findFilled(request: SipMessage, name: string): number {
  const index = request.find(name)
  return index >= 0 && request.valueEnd(index) > request.valueStart(index) ? index : -1
}

function putValue(request: SipMessage, index: number): void {
  const start = request.valueStart(index)
  const end = request.valueEnd(index)
  if (request.isOneLine(index)) writer.copy(request.bytes, start, end)
  else writer.oneLine(request.bytes, start, end)
}

function putTopVia(request: SipMessage, top: number, init: EchoInit): void {
  const start = request.valueStart(top)
  const end = request.valueEnd(top)
  const isPlain = request.isOneLine(top) && readPlainVia(request.bytes, start, end) && !plainVia.hasReceived
  if (isPlain) putPlainVia(request.bytes, start, end, init)
  else writer.text(safeText(viaWithSource(request.value(top), init.received, init.receivedPort)))
}

function putPlainVia(bytes: Uint8Array, start: number, end: number, init: EchoInit): void {
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
