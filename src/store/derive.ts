// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { deriveTags, type TagFacts } from '../core/derive-tags.ts'
import type { CountedEvent, Event, EventKind } from '../core/event.ts'
import { parseMedia } from '../core/media.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { isResearchAgent, isResearchIp } from '../core/research-scanners.ts'
import { asksForWebSocket } from '../wire/http/request-head.ts'
import { calledNumbers, otherNumbers } from '../wire/sip/called-number.ts'
import { looksLikeTls, parseMessage, type SipMessage } from '../wire/sip/message.ts'
import { clientTraits, NO_TRAITS } from './_client-traits.ts'
import { TEXT_SIZE_MAX } from './index-facts.ts'
import type { StoredObservation } from './record.ts'

/** Reads out of an observation all that an event tells. Done again whenever it is asked for, so a better parser mends the past. */
export function deriveEvent(id: number, observation: StoredObservation): Event {
  if (observation.transport === 'rtp') return { ...mediaEvent(id, observation), ...NO_TRAITS, otherNumbers: [] }
  const message = parseMessage(observation.bytes)
  const counted = messageEvent(id, observation, message)
  const numbers = counted.kind === 'sip-request' ? otherNumbers(message) : []
  return { ...counted, ...clientTraits(message, observation), otherNumbers: numbers }
}

/** The same without what counts for nothing, which costs most: a start reads a million events and asks for none of that. */
export function deriveCounted(id: number, observation: StoredObservation): CountedEvent {
  if (observation.transport === 'rtp') return mediaEvent(id, observation)
  return messageEvent(id, observation, parseMessage(observation.bytes))
}

type Circumstances = Pick<
  CountedEvent,
  | 'id'
  | 'at'
  | 'transport'
  | 'source'
  | 'destination'
  | 'validation'
  | 'collectedMethod'
  | 'responses'
  | 'sentSize'
  | 'size'
  | 'raw'
  | 'rawShed'
  | 'ja4'
>

function circumstancesOf(id: number, observation: StoredObservation): Circumstances {
  return {
    id,
    at: observation.at,
    transport: observation.transport,
    source: observation.source,
    destination: observation.destination,
    validation: observation.validation,
    collectedMethod: observation.collectedMethod,
    responses: observation.responses,
    sentSize: observation.sentSize,
    size: observation.size,
    raw: observation.bytes,
    rawShed: observation.rawShed,
    ja4: observation.ja4 ?? null,
  }
}

function messageEvent(id: number, observation: StoredObservation, message: SipMessage): CountedEvent {
  const { transport, source, behaviours = [] } = observation
  const kind = kindOf(message, transport === 'udp')
  const isRequest = kind === 'sip-request'
  const numbers = isRequest ? calledNumbers(message) : []
  const e164 = numbers.map(({ raw }) => normalizeNumber(raw).e164).find((number) => number !== null) ?? null
  const method = isRequest ? message.method : null
  const userAgent = userAgentOf(message, kind)
  const malformed = isRequest && message.defects.some(({ severity }) => severity !== 'lenient')
  const isResearch = namesResearch(message, kind, userAgent) || isResearchIp(source.ip)
  return {
    ...circumstancesOf(id, observation),
    kind,
    method,
    requestUri: isRequest ? message.requestUri : null,
    from: message.header('from') ?? null,
    to: message.header('to') ?? null,
    contact: message.header('contact') ?? null,
    callId: message.header('call-id') ?? null,
    cseq: message.header('cseq') ?? null,
    userAgent,
    calledNumbers: numbers,
    calledNumber: numbers[0]?.raw ?? null,
    e164,
    tags: deriveTags({
      kind,
      method,
      e164,
      malformed,
      looksLike: looksLike(message, kind),
      isResearch,
      behaviours,
    }),
    defects: message.kind === 'non-sip' ? [] : message.defects.map((defect) => defect.code),
    media: null,
  }
}

function mediaEvent(id: number, observation: StoredObservation): CountedEvent {
  const media = parseMedia(observation.bytes)
  return {
    ...circumstancesOf(id, observation),
    kind: 'media',
    method: null,
    requestUri: null,
    from: null,
    to: null,
    contact: null,
    callId: media?.callId ?? null,
    cseq: null,
    userAgent: null,
    calledNumbers: [],
    calledNumber: null,
    e164: null,
    tags: [],
    defects: [],
    media,
  }
}

/** What the bytes of a message turned out to be. */
export function kindOf(message: SipMessage, isDatagram: boolean): EventKind {
  if (message.end === message.start) return isDatagram ? 'empty' : 'connection'
  if (message.kind === 'request') return 'sip-request'
  return message.kind === 'response' ? 'sip-response' : 'non-sip'
}

/** The program that sent it, as it calls itself. */
export function userAgentOf(message: SipMessage, kind: EventKind): string | null {
  return message.header('user-agent') ?? (kind === 'sip-response' ? message.header('server') : undefined) ?? null
}

/** What begins where it is no SIP. */
export function looksLike(message: SipMessage, kind: EventKind): TagFacts['looksLike'] {
  if (kind !== 'non-sip') return null
  const bytes = message.bytes.subarray(message.start, message.end)
  if (looksLikeTls(bytes)) return 'tls'
  return asksForWebSocket(bytes) ? 'websocket' : null
}

const JUNK_LOOKED_AT_SIZE = 1024 // bytes

/** Whether it names a research scanner: in its user agent as far as the index keeps it, or where that stands in HTTP. */
export function namesResearch(message: SipMessage, kind: EventKind, userAgent: string | null): boolean {
  const { bytes, start, end } = message
  if (kind === 'non-sip') return isResearchAgent(bytes, start, Math.min(end, start + JUNK_LOOKED_AT_SIZE))
  if (userAgent === null) return false
  const agent = Buffer.from(userAgent.slice(0, TEXT_SIZE_MAX), 'latin1')
  return isResearchAgent(agent, 0, agent.length)
}
