// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { deriveTags } from '../core/derive-tags.ts'
import { EVENT_KINDS, type EventKind } from '../core/event.ts'
import { asksForWebSocket } from '../wire/http/request-head.ts'
import { calledNumbers } from '../wire/sip/called-number.ts'
import { looksLikeTls, parseMessage } from '../wire/sip/message.ts'
import { plainRequest, readPlainRequest } from '../wire/sip/plain-request.ts'
import { tagMask } from './delta.ts'
import { kindOf } from './derive.ts'
import { DialledForms, type KnownForm } from './dialled-forms.ts'
import { TEXT_SIZE_MAX } from './index-facts.ts'
import { Span } from './span.ts'

export const KIND = Object.fromEntries(EVENT_KINDS.map((kind, i) => [kind, i])) as Record<EventKind, number>

const PLAIN_REQUEST = {
  kind: 'sip-request',
  e164: null,
  looksLikeTls: false,
  asksForWebSocket: false,
  malformed: false,
} as const
const TOLL_FRAUD = tagMask(['toll-fraud-call'])
const PROBES = (['OPTIONS', 'REGISTER', 'INVITE'] as const).map((method) => ({
  bytes: Buffer.from(method),
  isInvite: method === 'INVITE',
  mask: tagMask(deriveTags({ ...PLAIN_REQUEST, method })),
}))

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

  /** Reads what lies in `bytes` from `start` to `end`: all that was received, or as much of it as was kept. */
  read(bytes: Uint8Array, start: number, end: number, isDatagram: boolean): void {
    if (bytes !== this.#viewed) {
      this.#viewed = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.numberCount = 0
    this.first = null
    this.second = null
    this.isPlain = readPlainRequest(bytes, start, end)
    if (this.isPlain) this.#takePlain(bytes)
    else this.#readAny(bytes, start, end, isDatagram)
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
    this.tagMask = this.#probeMask()
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
      if (i === size) return probe.isInvite && this.e164 !== null ? probe.mask | TOLL_FRAUD : probe.mask
    }
    return 0
  }

  #readAny(bytes: Uint8Array, start: number, end: number, isDatagram: boolean): void {
    const message = parseMessage(bytes, start, end)
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
    const server = kind === 'sip-response' ? message.header('server') : undefined
    this.userAgent.setText(message.header('user-agent') ?? server ?? null)
    const foreign = kind === 'non-sip' ? bytes.subarray(start, end) : null
    const malformed = isRequest && message.defects.some(({ severity }) => severity !== 'lenient')
    this.tagMask = tagMask(
      deriveTags({
        kind,
        method,
        e164: this.e164,
        looksLikeTls: foreign !== null && looksLikeTls(foreign),
        asksForWebSocket: foreign !== null && asksForWebSocket(foreign),
        malformed,
      }),
    )
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (start < 0 || end - start !== otherEnd - otherStart) return false
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false
  return true
}
