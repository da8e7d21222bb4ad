// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { deriveTags } from '../core/derive-tags.ts'
import type { CountedEvent, Event, EventKind } from '../core/event.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { asksForWebSocket } from '../wire/http/request-head.ts'
import { calledNumbers } from '../wire/sip/called-number.ts'
import { looksLikeTls, parseMessage, type SipMessage } from '../wire/sip/message.ts'
import { clientTraits } from './_client-traits.ts'
import type { StoredObservation } from './record.ts'

/** Reads out of an observation all that an event tells. Done again whenever it is asked for, so a better parser mends the past. */
export function deriveEvent(id: number, observation: StoredObservation): Event {
  const message = parseMessage(observation.bytes)
  return { ...countedEvent(id, observation, message), ...clientTraits(message, observation) }
}

/** The same without what says who sent it, which costs most: a start reads a million events and asks for none of that. */
export function deriveCounted(id: number, observation: StoredObservation): CountedEvent {
  return countedEvent(id, observation, parseMessage(observation.bytes))
}

function countedEvent(id: number, observation: StoredObservation, message: SipMessage): CountedEvent {
  const { bytes, ...circumstances } = observation
  const kind = kindOf(message, observation.transport === 'udp')
  const isRequest = kind === 'sip-request'
  const numbers = isRequest ? calledNumbers(message) : []
  const called = numbers[0]?.raw ?? null
  const e164 = numbers.map(({ raw }) => normalizeNumber(raw).e164).find((number) => number !== null) ?? null
  const method = isRequest ? message.method : null
  const malformed = isRequest && message.defects.some(({ severity }) => severity !== 'lenient')
  return {
    id,
    kind,
    at: circumstances.at,
    transport: circumstances.transport,
    source: circumstances.source,
    destination: circumstances.destination,
    validation: circumstances.validation,
    collectedMethod: circumstances.collectedMethod,
    responses: circumstances.responses,
    sentSize: circumstances.sentSize,
    size: circumstances.size,
    method,
    requestUri: isRequest ? message.requestUri : null,
    from: message.header('from') ?? null,
    to: message.header('to') ?? null,
    contact: message.header('contact') ?? null,
    callId: message.header('call-id') ?? null,
    cseq: message.header('cseq') ?? null,
    userAgent: message.header('user-agent') ?? (kind === 'sip-response' ? message.header('server') : undefined) ?? null,
    calledNumbers: numbers,
    calledNumber: called,
    e164,
    tags: deriveTags({
      kind,
      method,
      e164,
      looksLikeTls: kind === 'non-sip' && looksLikeTls(bytes),
      asksForWebSocket: kind === 'non-sip' && asksForWebSocket(bytes),
      malformed,
    }),
    defects: message.kind === 'non-sip' ? [] : message.defects.map((defect) => defect.code),
    raw: bytes,
    rawShed: observation.rawShed,
  }
}

/** What the bytes of a message turned out to be. */
export function kindOf(message: SipMessage, isDatagram: boolean): EventKind {
  if (message.end === message.start) return isDatagram ? 'empty' : 'connection'
  if (message.kind === 'request') return 'sip-request'
  return message.kind === 'response' ? 'sip-response' : 'non-sip'
}
