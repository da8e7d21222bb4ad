// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { deriveTags } from '../core/derive-tags.ts'
import { EVENT_KINDS, type EventKind } from '../core/event.ts'
import { isResearchAgent } from '../core/research-scanners.ts'
import { BEHAVIOURS } from '../core/tags.ts'
import { askedUser, calledNumbers } from '../wire/sip/called-number.ts'
import { parseMessage, type SipMessage } from '../wire/sip/message.ts'
import { plainRequest, readPlainRequest } from '../wire/sip/plain-request.ts'
import { tagMask } from './delta.ts'
import { kindOf, looksLike, namesResearch, userAgentOf } from './derive.ts'
import { DialledForms, type KnownForm } from './dialled-forms.ts'
import { TEXT_SIZE_MAX } from './index-facts.ts'
import { RTP, UDP } from './record.ts'
import { Span } from './span.ts'

export const KIND = Object.fromEntries(EVENT_KINDS.map((kind, i) => [kind, i])) as Record<EventKind, number>

const TOLL_FRAUD = tagMask(['toll-fraud-call'])
const RESEARCH = tagMask(['known-research'])
const QUIET = { kind: 'sip-request', e164: null, malformed: false, looksLike: null, isResearch: false } as const
const PROBES = (['OPTIONS', 'REGISTER', 'INVITE'] as const).map((method) => ({
  bytes: Buffer.from(method),
  isInvite: method === 'INVITE',
  isRegister: method === 'REGISTER',
  mask: tagMask(deriveTags({ ...QUIET, method, behaviours: [] })),
}))
/** The tags for each set of behaviours, which are a bit each. */
const BEHAVIOUR_MASKS = Array.from({ length: 1 << BEHAVIOURS.length }, (_, bits) =>
  tagMask(BEHAVIOURS.filter((_tag, i) => (bits & (1 << i)) !== 0)),
)

/**
 * What indicators and the index need of an event, read out of its bytes as `deriveEvent` would, but without a string or
 * an object for each: the fields are written over by the next `read`, and the spans are good as long as the bytes are.
 */
export class Facts {
  readonly #forms: DialledForms
  #viewed: Uint8Array | null = null
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** The kind of the event by its place in EVENT_KINDS. */
  kind = 0
  tagMask = 0
  /** The method of a request. */
  readonly method = new Span()
  readonly userAgent = new Span()
  /** The first number that the event dialled, whole. */
  readonly called = new Span()
  /** How many numbers it dialled, two at most. */
  numberCount = 0
  /** Whether it was an ordinary request, with nothing wrong in it. */
  isPlain = false
  isRegister = false
  /** Whether a request came with credentials, right or wrong. */
  hasCredentials = false
  /** Whom a request asks for: the user of its To. */
  readonly asked = new Span()
  first: KnownForm | null = null
  second: KnownForm | null = null

  /** Two that run in one thread may share what they know of dialled forms. */
  constructor(forms = new DialledForms()) {
    this.#forms = forms
  }

  /** The number dialled that exists in the world's plan. */
  get e164(): string | null {
    return this.first?.number.e164 ?? this.second?.number.e164 ?? null
  }

  /** Whether all that indicators and the index keep is the same; as long as the bytes of both are. */
  isLike(other: Facts): boolean {
    return (
      this.kind === other.kind &&
      this.tagMask === other.tagMask &&
      this.numberCount === other.numberCount &&
      this.first?.form === other.first?.form &&
      this.second?.form === other.second?.form &&
      this.method.isLike(other.method, TEXT_SIZE_MAX) &&
      this.called.isLike(other.called, TEXT_SIZE_MAX) &&
      this.userAgent.isLike(other.userAgent, TEXT_SIZE_MAX)
    )
  }

  /**
   * Reads what lies in `bytes` from `start` to `end`: all that was received, or as much of it as was kept. `transport` is
   * its place in TRANSPORTS.
   */
  read(bytes: Uint8Array, start: number, end: number, transport: number): void {
    if (bytes !== this.#viewed) {
      this.#viewed = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.numberCount = 0
    this.first = null
    this.second = null
    this.isPlain = transport !== RTP && readPlainRequest(bytes, start, end)
    if (this.isPlain) this.#takePlain(bytes)
    else if (transport === RTP) this.#takeMedia()
    else this.#readAny(parseMessage(bytes, start, end), transport === UDP)
  }

  /** Adds the tags that the bytes do not tell: those of what the source was doing, a bit each of BEHAVIOURS, and of who it is. */
  addTags(behaviours: number, isResearch: boolean): void {
    if (this.kind !== KIND.media) this.tagMask |= BEHAVIOUR_MASKS[behaviours]! | (isResearch ? RESEARCH : 0)
  }

  #takeMedia(): void {
    this.kind = KIND.media
    this.tagMask = 0
    this.method.clear()
    this.userAgent.clear()
    this.called.clear()
    this.#takeAsked(false)
  }

  #takeAsked(hasCredentials: boolean): void {
    this.isRegister = false
    this.hasCredentials = hasCredentials
    this.asked.clear()
  }

  #takePlain(bytes: Uint8Array): void {
    const { methodStart, methodEnd, requestedStart, requestedEnd, addressedStart, addressedEnd } = plainRequest
    this.kind = KIND['sip-request']
    this.method.set(bytes, methodStart, methodEnd)
    this.userAgent.set(bytes, plainRequest.agentStart, plainRequest.agentEnd)
    this.called.clear()
    if (requestedStart >= 0) this.#takeNumber(bytes, requestedStart, requestedEnd)
    if (addressedStart >= 0 && !isSame(bytes, requestedStart, requestedEnd, addressedStart, addressedEnd)) {
      this.#takeNumber(bytes, addressedStart, addressedEnd)
    }
    this.#takeAsked(plainRequest.hasCredentials)
    if (plainRequest.toUserStart >= 0) this.asked.set(bytes, plainRequest.toUserStart, plainRequest.toUserEnd)
    this.tagMask = this.#probeMask()
    if (this.#isResearch()) this.tagMask |= RESEARCH
  }

  #isResearch(): boolean {
    const { bytes, start, end, isAbsent } = this.userAgent
    return !isAbsent && isResearchAgent(bytes, start, Math.min(end, start + TEXT_SIZE_MAX))
  }

  #takeNumber(bytes: Uint8Array, start: number, end: number): void {
    const form = this.#forms.find(bytes, this.#view, start, end)
    if (this.numberCount++ > 0) {
      this.second = form
      return
    }
    this.first = form
    this.called.set(bytes, start, end)
  }

  #probeMask(): number {
    const { bytes, start, end } = this.method
    for (const probe of PROBES) {
      const size = probe.bytes.length
      if (size !== end - start || bytes[start] !== probe.bytes[0]) continue
      let i = 1
      while (i < size && bytes[start + i] === probe.bytes[i]) i++
      if (i < size) continue
      this.isRegister = probe.isRegister
      return probe.isInvite && this.e164 !== null ? probe.mask | TOLL_FRAUD : probe.mask
    }
    return 0
  }

  #readAny(message: SipMessage, isDatagram: boolean): void {
    const kind = kindOf(message, isDatagram)
    const isRequest = kind === 'sip-request'
    const numbers = isRequest ? calledNumbers(message) : []
    this.kind = KIND[kind]
    this.numberCount = numbers.length
    this.first = numbers[0] === undefined ? null : this.#forms.findText(numbers[0].raw)
    this.second = numbers[1] === undefined ? null : this.#forms.findText(numbers[1].raw)
    this.called.setText(numbers[0]?.raw ?? null)
    const method = isRequest ? message.method : null
    this.method.setText(method)
    const userAgent = userAgentOf(message, kind)
    this.userAgent.setText(userAgent)
    this.#takeAsked(isRequest && hasCredentials(message))
    this.isRegister = method === 'REGISTER'
    this.asked.setText(isRequest ? askedUser(message) : null)
    const malformed = isRequest && message.defects.some(({ severity }) => severity !== 'lenient')
    const facts = { kind, method, e164: this.e164, malformed, behaviours: [] }
    const isResearch = namesResearch(message, kind, userAgent)
    this.tagMask = tagMask(deriveTags({ ...facts, looksLike: looksLike(message, kind), isResearch }))
  }
}

const hasCredentials = (message: SipMessage): boolean =>
  message.find('authorization') >= 0 || message.find('proxy-authorization') >= 0

function isSame(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (start < 0 || end - start !== otherEnd - otherStart) return false
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false
  return true
}
