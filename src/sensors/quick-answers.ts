// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage, type SipMessage } from '../wire/sip/message.ts'
import { PlainEcho } from '../wire/sip/plain-echo.ts'
import { type Circumstances, SHED } from './answer.ts'
import { serializeWithout } from './byte-rule.ts'
import type { DatagramSource } from './datagram.ts'
import type { Persona } from './persona.ts'
import type { FixedText, FixedTexts, ReplyDraft } from './reply-draft.ts'
import type { Responder } from './responder.ts'
import type { Tokens } from './token.ts'

/** An answer with holes for what its request and its source make different. */
type Template = {
  readonly status: number
  readonly head: FixedText // up to the value of Via
  readonly to: FixedText // between From and To
  readonly cseq: FixedText // between Call-ID and CSeq
  /** What follows CSeq, by how many kinds of header lines are given up; with a nonce between `tail` and `close`. */
  readonly tails: readonly { readonly tail: FixedText; readonly close: FixedText | null }[]
  readonly afterVia: string
  readonly afterTag: string
}

const TOKEN_SIZE = 16 // of a nonce, and of a tag behind its prefix
const TAG_PREFIX = ';tag='
const TAG_SIZE = TAG_PREFIX.length + 'as'.length + TOKEN_SIZE
const NONCE_SIZE = TOKEN_SIZE

/**
 * The answers to what floods consist of, OPTIONS and REGISTER written in the plain way, without making the texts that
 * the responder makes. They are the responder's own: each template is cut out of what it answers to a sample, and
 * whatever is not plain, or does not fit with its header names in full, is left to it. Both give the same bytes.
 */
export class QuickAnswers {
  readonly #tokens: Tokens
  readonly #extensions: ReadonlySet<string>
  readonly #options: Template | null
  readonly #challenge: Template | null
  readonly #notFound: Template | null
  readonly #echo = new PlainEcho()

  constructor(deps: { persona: Persona; responder: Pick<Responder, 'decide'>; tokens: Tokens; texts: FixedTexts }) {
    const { persona, responder, tokens, texts } = deps
    this.#tokens = tokens
    this.#extensions = persona.extensions
    const [extension] = persona.extensions
    const learn = (method: string, user: string) => learnTemplate(method, user, responder, texts)
    this.#options = learn('OPTIONS', 'nobody')
    this.#challenge = extension === undefined ? null : learn('REGISTER', extension)
    this.#notFound = learn('REGISTER', 'nobody-here')
  }

  /** Drafts the answer; its status, or 0 when the responder has to decide. `sizeMax`: bytes that it may have. */
  draft(request: SipMessage, source: DatagramSource, now: number, sizeMax: number, draft: ReplyDraft): number {
    const template = this.#templateFor(request)
    if (template === null || request.find('require') >= 0) return 0
    for (const { severity } of request.defects) if (severity !== 'lenient') return 0
    const echo = this.#echo
    const { bytes } = request
    const rport = echo.hasRport ? `;received=${source.ip};rport=${source.port}` : ''
    const received = echo.hasRport || echo.isViaHost(bytes, source.ip) ? rport : `;received=${source.ip}`
    const room = sizeMax - echo.size - received.length - TAG_SIZE - sizeOf(template)
    const end = template.tails.find(({ tail, close }) => tailSize(tail, close) <= room)
    if (end === undefined) return 0
    const callId = request.header('call-id') ?? ''
    draft.begin()
    draft.text(template.head)
    draft.packet(echo.viaStart, echo.rportStart)
    draft.packet(echo.rportEnd, echo.viaEnd)
    draft.write(received + template.afterVia)
    draft.packet(echo.fromStart, echo.fromEnd)
    draft.text(template.to)
    draft.packet(echo.toStart, echo.toEnd)
    draft.write(TAG_PREFIX + this.#tokens.tag(source, callId, now).long + template.afterTag)
    draft.packet(echo.callIdStart, echo.callIdEnd)
    draft.text(template.cseq)
    draft.packet(echo.cseqStart, echo.cseqEnd)
    draft.text(end.tail)
    if (end.close !== null) {
      draft.write(this.#tokens.nonce(source, callId, now).long)
      draft.text(end.close)
    }
    return template.status
  }

  #templateFor(request: SipMessage): Template | null {
    const method = request.method
    if (method !== 'OPTIONS' && method !== 'REGISTER') return null
    if (!this.#echo.read(request)) return null
    if (method === 'OPTIONS') return this.#options
    return this.#extensions.has(this.#echo.toUser(request.bytes) ?? '') ? this.#challenge : this.#notFound
  }
}

const length = ({ start, end }: FixedText): number => end - start
const sizeOf = ({ head, to, cseq, afterVia, afterTag }: Template): number =>
  length(head) + length(to) + length(cseq) + afterVia.length + afterTag.length
const tailSize = (tail: FixedText, close: FixedText | null): number =>
  length(tail) + (close === null ? 0 : NONCE_SIZE + length(close))

const SAMPLE = { via: 'SIP/2.0/UDP sample-via', from: '<sip:sample-from@a>;tag=1', callId: 'sample-call-id' }
const SAMPLE_SOURCE = { ip: 'sample-via', port: 1 } // so that nothing is put into Via

/** Cuts a template out of what the responder answers; null when it answers in another way than with one final response. */
function learnTemplate(
  method: string,
  user: string,
  responder: Pick<Responder, 'decide'>,
  texts: FixedTexts,
): Template | null {
  const to = `<sip:${user}@sample-to>`
  const cseq = `7 ${method}`
  const request = parseMessage(
    Buffer.from(
      `${method} sip:sample SIP/2.0\r\nVia: ${SAMPLE.via}\r\nMax-Forwards: 70\r\nFrom: ${SAMPLE.from}\r\nTo: ${to}\r\n` +
        `Call-ID: ${SAMPLE.callId}\r\nCSeq: ${cseq}\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  const circumstances: Circumstances = {
    stream: false,
    oversize: false,
    source: SAMPLE_SOURCE,
    destination: { ip: '192.0.2.1', port: 5060 },
    now: 0,
  }
  const [answer, ...more] = responder.decide(request, circumstances)
  if (answer === undefined || more.length > 0 || answer.status < 200 || answer.body !== null || answer.tag === null)
    return null
  const nonce = /nonce="([0-9a-f]{16})"/.exec(answer.headers.map(({ value }) => value).join('\n'))?.[1]
  const ranks = [SHED.never, SHED.supported, SHED.accept, SHED.allow, SHED.server]
  const wholes = ranks.map((rank) => serializeWithout(request, answer, circumstances, rank)?.toString('latin1') ?? '')
  const cut = (whole: string) => whole.split(new RegExp([SAMPLE.via, SAMPLE.from, to, SAMPLE.callId, cseq].join('|')))
  const [head, afterVia, beforeTo, afterTo, beforeCseq] = cut(wholes[0]!)
  const tag = TAG_PREFIX + answer.tag.long
  if (head === undefined || afterVia === undefined || beforeTo === undefined || beforeCseq === undefined) return null
  if (!afterTo?.startsWith(tag) || tag.length !== TAG_SIZE) return null
  const tails = wholes.map((whole) => {
    const [tail = '', close] = nonce === undefined ? [cut(whole)[5]] : (cut(whole)[5]?.split(nonce) ?? [])
    return { tail: texts.add(tail), close: close === undefined ? null : texts.add(close) }
  })
  return {
    status: answer.status,
    head: texts.add(head),
    to: texts.add(beforeTo),
    cseq: texts.add(beforeCseq),
    tails,
    afterVia,
    afterTag: afterTo.slice(tag.length),
  }
}
