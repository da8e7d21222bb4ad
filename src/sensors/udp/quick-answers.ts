// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage } from '../../wire/sip/message.ts'
import { isViaHost, plainEcho, readPlainEcho } from '../../wire/sip/plain-echo.ts'
import { plainRequest } from '../../wire/sip/plain-request.ts'
import { type Circumstances, firstExchange, SHED } from '../uas/answer.ts'
import { serializeWithout } from '../uas/byte-rule.ts'
import type { Responder } from '../uas/responder.ts'
import type { Tokens } from '../uas/token.ts'
import type { DatagramSource, DatagramTarget } from './datagram.ts'
import { type FixedText, type FixedTexts, PIECE_COUNT_MAX, type ReplyDraft } from './reply-draft.ts'

const TAG_PREFIX = ';tag='

/** What its request, its source and the time make different in an answer. */
const HOLE = { via: 0, from: 1, to: 2, tag: 3, callId: 4, cseq: 5, nonce: 6, opaque: 7, address: 8, date: 9 } as const
type Hole = (typeof HOLE)[keyof typeof HOLE]
/** A text that never changes, or a hole. */
type Part = FixedText | Hole

/** An answer with holes. */
type Template = {
  readonly status: number
  readonly hasNonce: boolean
  /** The fewer kinds of header lines the later. */
  readonly forms: readonly Form[]
}
type Form = {
  readonly parts: readonly Part[]
  readonly size: number // bytes, without what is repeated from the request and the own address
  readonly addressCount: number // how often the own address stands in it
}

/**
 * The answers to what floods consist of, OPTIONS and REGISTER written in the plain way, without making the texts that
 * the responder makes. They are the responder's own: each template is cut out of what it answers to a sample, and
 * whatever is not plain, or does not fit with its header names in full, is left to it. Both give the same bytes.
 */
export class QuickAnswers {
  readonly #tokens: Tokens
  readonly #extensions: ReadonlySet<string>
  readonly #isAsReceived: boolean
  readonly #options: Template | null
  readonly #challenge: Template | null
  readonly #notFound: Template | null
  #template: Template | null = null // for the datagram read last

  constructor(deps: { responder: Pick<Responder, 'decide' | 'tokens' | 'persona'>; texts: FixedTexts }) {
    const { responder, texts } = deps
    const { persona, tokens } = responder
    this.#tokens = tokens
    this.#extensions = persona.extensions
    this.#isAsReceived = persona.lines.isEchoAsReceived
    const [extension] = persona.extensions
    const learn = (method: string, user: string) => learnTemplate(method, user, { responder, tokens, texts })
    this.#options = learn('OPTIONS', 'nobody')
    this.#challenge = extension === undefined ? null : learn('REGISTER', extension)
    this.#notFound = learn('REGISTER', 'nobody-here')
  }

  /** Whether the datagram is one that it may know an answer to; `draft` is then about this one. */
  read(bytes: Buffer, start: number, end: number): boolean {
    const isPlain = readPlainEcho(bytes, start, end) && (!this.#isAsReceived || isInOrder())
    this.#template = isPlain ? this.#templateFor(bytes) : null
    return this.#template !== null
  }

  /** Drafts the answer to what was read; its status, or 0 when none fits that the responder has to look for. */
  draft(bytes: Buffer, to: Recipient, sizeMax: number, draft: ReplyDraft): number {
    const { source, target, at } = to
    const template = this.#template
    if (template === null) return 0
    const rport = plainEcho.hasRport ? `;received=${source.ip};rport=${source.port}` : ''
    const received = plainEcho.hasRport || isViaHost(bytes, source.ip) ? rport : `;received=${source.ip}`
    const room = sizeMax - plainEcho.size - received.length
    const { ip } = target.endpoint
    const form = template.forms.find(({ size, addressCount }) => size + addressCount * ip.length <= room)
    if (form === undefined) return 0
    const callId = bytes.toString('latin1', plainRequest.callIdStart, plainRequest.callIdEnd)
    const nonce = template.hasNonce ? this.#tokens.nonce(source, callId, at) : null
    draft.begin(bytes)
    for (const part of form.parts) {
      if (typeof part === 'object') draft.text(part)
      else if (part === HOLE.via) drawVia(draft, received)
      else if (part === HOLE.from) draft.packet(plainRequest.fromStart, plainRequest.fromEnd)
      else if (part === HOLE.to) draft.packet(plainRequest.toStart, plainRequest.toEnd)
      else if (part === HOLE.tag) draft.write(TAG_PREFIX + this.#tokens.tag(source, callId, at).long)
      else if (part === HOLE.callId) draft.packet(plainRequest.callIdStart, plainRequest.callIdEnd)
      else if (part === HOLE.cseq) draft.packet(plainRequest.cseqStart, plainRequest.cseqEnd)
      else if (part === HOLE.nonce) draft.write(nonce!.long)
      else if (part === HOLE.opaque) draft.write(nonce!.opaque)
      else if (part === HOLE.address) draft.write(ip)
      else draft.write(new Date(at).toUTCString())
    }
    return template.status
  }

  #templateFor(bytes: Buffer): Template | null {
    const { methodStart, methodEnd, toUserStart, toUserEnd } = plainRequest
    if (isText(bytes, methodStart, methodEnd, 'OPTIONS')) return this.#options
    if (!isText(bytes, methodStart, methodEnd, 'REGISTER')) return null
    const user = toUserStart < 0 ? '' : bytes.toString('latin1', toUserStart, toUserEnd)
    return this.#extensions.has(user) ? this.#challenge : this.#notFound
  }
}

/** Who sent a datagram, where to, and when. */
type Recipient = { readonly source: DatagramSource; readonly target: DatagramTarget; readonly at: number }

function drawVia(draft: ReplyDraft, received: string): void {
  draft.packet(plainEcho.viaStart, plainEcho.rportStart)
  draft.packet(plainEcho.rportEnd, plainEcho.viaEnd)
  draft.write(received)
}

/** Whether what is repeated stands as in the sample. */
function isInOrder(): boolean {
  const { fromStart, toStart, callIdStart, cseqStart } = plainRequest
  return plainEcho.viaStart < fromStart && fromStart < toStart && toStart < callIdStart && callIdStart < cseqStart
}

function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

const SAMPLE = {
  via: 'SIP/2.0/UDP sample-via',
  from: '<sip:sample-from@a>;tag=1',
  callId: 'sample-call-id',
  address: '192.0.2.199',
}
const SAMPLE_AT = Date.UTC(2026, 0, 1) // so that seconds since 1970 have their ten digits
const SAMPLE_SOURCE = { ip: 'sample-via', port: 1 } // so that nothing is put into Via

type Lesson = { readonly responder: Pick<Responder, 'decide'>; readonly tokens: Tokens; readonly texts: FixedTexts }

/** Cuts a template out of what the responder answers; null when it answers in another way than with one final response. */
function learnTemplate(method: string, user: string, { responder, tokens, texts }: Lesson): Template | null {
  const to = `<sip:${user}@sample-to>`
  const cseq = `4711 ${method}`
  const request = parseMessage(
    Buffer.from(
      `${method} sip:sample SIP/2.0\r\nVia: ${SAMPLE.via}\r\nMax-Forwards: 70\r\nFrom: ${SAMPLE.from}\r\nTo: ${to}\r\n` +
        `Call-ID: ${SAMPLE.callId}\r\nCSeq: ${cseq}\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  const circumstances: Circumstances = {
    transport: 'udp',
    oversize: false,
    source: SAMPLE_SOURCE,
    destination: { ip: SAMPLE.address, port: 5060 },
    now: SAMPLE_AT,
    validation: 'none',
  }
  const tag = tokens.tag(SAMPLE_SOURCE, SAMPLE.callId, circumstances.now)
  const [answer, ...more] = responder.decide(firstExchange(request, circumstances, tag, SAMPLE.callId)).answers
  if (answer === undefined || more.length > 0 || answer.status < 200 || answer.body !== null || answer.tag === null)
    return null
  const nonce = tokens.nonce(SAMPLE_SOURCE, SAMPLE.callId, circumstances.now)
  const holes = new Map<string, Hole>([
    [SAMPLE.via, HOLE.via],
    [SAMPLE.from, HOLE.from],
    [to, HOLE.to],
    [TAG_PREFIX + answer.tag.long, HOLE.tag],
    [SAMPLE.callId, HOLE.callId],
    [cseq, HOLE.cseq],
    [nonce.long, HOLE.nonce],
    [SAMPLE.address, HOLE.address],
    [new Date(circumstances.now).toUTCString(), HOLE.date],
  ])
  if (nonce.opaque !== '') holes.set(nonce.opaque, HOLE.opaque)
  const forms = [SHED.never, SHED.supported, SHED.accept, SHED.allow, SHED.server].map((rank) => {
    const whole = serializeWithout(request, answer, circumstances, rank)
    return cutForm(whole?.toString('latin1') ?? '', holes, texts)
  })
  if (forms.some(({ parts }) => parts.length + VIA_PIECES > PIECE_COUNT_MAX)) return null
  const hasNonce = forms.some(({ parts }) => parts.includes(HOLE.nonce))
  return { status: answer.status, hasNonce, forms }
}

const VIA_PIECES = 2 // more of Via than of other holes
const ECHOED: readonly Part[] = [HOLE.via, HOLE.from, HOLE.to, HOLE.callId, HOLE.cseq] // their size is known by datagram

function cutForm(whole: string, holes: ReadonlyMap<string, Hole>, texts: FixedTexts): Form {
  const anyHole = new RegExp(`(${[...holes.keys()].map((text) => RegExp.escape(text)).join('|')})`)
  const parts: Part[] = []
  let size = 0
  let addressCount = 0
  for (const text of whole.split(anyHole).filter((piece) => piece !== '')) {
    const part = holes.get(text) ?? texts.add(text)
    parts.push(part)
    if (part === HOLE.address) addressCount++
    else if (!ECHOED.includes(part)) size += text.length
  }
  return { parts, size, addressCount }
}
