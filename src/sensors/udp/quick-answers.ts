// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseMessage } from '../../wire/sip/message.ts'
import { isViaHost, plainEcho, readPlainEcho } from '../../wire/sip/plain-echo.ts'
import { plainRequest } from '../../wire/sip/plain-request.ts'
import { type Circumstances, firstExchange, SHED } from '../uas/answer.ts'
import { serializeWithout } from '../uas/byte-rule.ts'
import type { Persona } from '../uas/persona.ts'
import type { Responder } from '../uas/responder.ts'
import type { Tokens } from '../uas/token.ts'
import type { DatagramSource } from './datagram.ts'
import type { FixedText, FixedTexts, ReplyDraft } from './reply-draft.ts'

/** An answer with holes for what its request and its source make different. */
type Template = {
  readonly status: number
  readonly head: FixedText // up to the value of Via
  readonly from: FixedText // up to the value of From, and so on
  readonly to: FixedText
  readonly callId: FixedText
  readonly cseq: FixedText
  readonly size: number // bytes of these
  /** What follows CSeq, the fewer kinds of header lines the later; with a nonce between `tail` and `close`. */
  readonly tails: readonly { readonly tail: FixedText; readonly close: FixedText | null; readonly size: number }[]
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
  readonly #tokens: Pick<Tokens, 'tag' | 'nonce'>
  readonly #extensions: ReadonlySet<string>
  readonly #options: Template | null
  readonly #challenge: Template | null
  readonly #notFound: Template | null
  #template: Template | null = null // for the datagram read last

  constructor(deps: {
    persona: Persona
    responder: Pick<Responder, 'decide' | 'tokens'>
    tokens: Pick<Tokens, 'tag' | 'nonce'>
    texts: FixedTexts
  }) {
    const { persona, responder, tokens, texts } = deps
    this.#tokens = tokens
    this.#extensions = persona.extensions
    const [extension] = persona.extensions
    const learn = (method: string, user: string) => learnTemplate(method, user, responder, texts)
    this.#options = learn('OPTIONS', 'nobody')
    this.#challenge = extension === undefined ? null : learn('REGISTER', extension)
    this.#notFound = learn('REGISTER', 'nobody-here')
  }

  /** Whether the datagram is one that it may know an answer to; `draft` is then about this one. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.#template = readPlainEcho(bytes, start, end) ? this.#templateFor(bytes) : null
    return this.#template !== null
  }

  /** Drafts the answer to what was read; its status, or 0 when none fits that the responder has to look for. */
  draft(bytes: Buffer, source: DatagramSource, now: number, sizeMax: number, draft: ReplyDraft): number {
    const template = this.#template
    if (template === null) return 0
    const rport = plainEcho.hasRport ? `;received=${source.ip};rport=${source.port}` : ''
    const received = plainEcho.hasRport || isViaHost(bytes, source.ip) ? rport : `;received=${source.ip}`
    const room = sizeMax - plainEcho.size - received.length - TAG_SIZE - template.size
    const end = template.tails.find(({ size }) => size <= room)
    if (end === undefined) return 0
    const { fromStart, fromEnd, toStart, toEnd, callIdStart, callIdEnd, cseqStart, cseqEnd } = plainRequest
    const callId = bytes.toString('latin1', callIdStart, callIdEnd)
    draft.begin(bytes)
    draft.text(template.head)
    draft.packet(plainEcho.viaStart, plainEcho.rportStart)
    draft.packet(plainEcho.rportEnd, plainEcho.viaEnd)
    draft.write(received)
    draft.text(template.from)
    draft.packet(fromStart, fromEnd)
    draft.text(template.to)
    draft.packet(toStart, toEnd)
    draft.write(TAG_PREFIX + this.#tokens.tag(source, callId, now).long)
    draft.text(template.callId)
    draft.packet(callIdStart, callIdEnd)
    draft.text(template.cseq)
    draft.packet(cseqStart, cseqEnd)
    draft.text(end.tail)
    if (end.close !== null) {
      draft.write(this.#tokens.nonce(source, callId, now).long)
      draft.text(end.close)
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

function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

const length = ({ start, end }: FixedText): number => end - start

const SAMPLE = { via: 'SIP/2.0/UDP sample-via', from: '<sip:sample-from@a>;tag=1', callId: 'sample-call-id' }
const SAMPLE_SOURCE = { ip: 'sample-via', port: 1 } // so that nothing is put into Via

/** Cuts a template out of what the responder answers; null when it answers in another way than with one final response. */
function learnTemplate(
  method: string,
  user: string,
  responder: Pick<Responder, 'decide' | 'tokens'>,
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
    transport: 'udp',
    oversize: false,
    source: SAMPLE_SOURCE,
    destination: { ip: '192.0.2.1', port: 5060 },
    now: 0,
    validation: 'none',
  }
  const tag = responder.tokens.tag(SAMPLE_SOURCE, SAMPLE.callId, 0)
  const [answer, ...more] = responder.decide(firstExchange(request, circumstances, tag, SAMPLE.callId)).answers
  if (answer === undefined || more.length > 0 || answer.status < 200 || answer.body !== null || answer.tag === null)
    return null
  const nonce = /nonce="([0-9a-f]{16})"/.exec(answer.headers.map(({ value }) => value).join('\n'))?.[1]
  const ranks = [SHED.never, SHED.supported, SHED.accept, SHED.allow, SHED.server]
  const wholes = ranks.map((rank) => serializeWithout(request, answer, circumstances, rank)?.toString('latin1') ?? '')
  const cut = (whole: string) => whole.split(new RegExp([SAMPLE.via, SAMPLE.from, to, SAMPLE.callId, cseq].join('|')))
  const [head, afterVia, beforeTo, afterTo, beforeCseq] = cut(wholes[0]!)
  const toTag = TAG_PREFIX + answer.tag.long
  if (head === undefined || afterVia === undefined || beforeTo === undefined || beforeCseq === undefined) return null
  if (!afterTo?.startsWith(toTag) || toTag.length !== TAG_SIZE) return null
  const fixed = [head, afterVia, beforeTo, afterTo.slice(toTag.length), beforeCseq].map((text) => texts.add(text))
  const tails = wholes.map((whole) => {
    const [tail = '', close] = nonce === undefined ? [cut(whole)[5]] : (cut(whole)[5]?.split(nonce) ?? [])
    const size = tail.length + (close === undefined ? 0 : NONCE_SIZE + close.length)
    return { tail: texts.add(tail), close: close === undefined ? null : texts.add(close), size }
  })
  const size = fixed.reduce((sum, text) => sum + length(text), 0)
  return {
    status: answer.status,
    head: fixed[0]!,
    from: fixed[1]!,
    to: fixed[2]!,
    callId: fixed[3]!,
    cseq: fixed[4]!,
    size,
    tails,
  }
}
