// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isUtf8 } from 'node:buffer'
import { HIDDEN_CREDENTIALS, hideCredentials, hideTags } from '../core/credentials.ts'
import type { CalledNumber, EventAuth, EventTool } from '../core/event.ts'
import type { Indicator } from '../core/indicator.ts'
import { describeNumber, dialPrefixesOf, type NumberPlace, placeOf } from '../core/number-details.ts'
import type { IndexedEvent } from '../store/types.ts'
import type { EventJson, NumberJson } from './schemas.ts'

/** RFC 3339 in UTC, to the millisecond. */
export const timeJson = (at: number): string => new Date(at).toISOString()

/**
 * An indicator as `/v1` shows it, as JSON: by hand, since it is what is asked for most. Without a policy nothing is
 * listed, so what is known of it is that it was seen.
 */
export function indicatorText(indicator: Indicator): string {
  const { kind, value, count, repeatCount, validation, tags } = indicator
  const seen = `"firstSeenAt":"${timeJson(indicator.firstSeenAt)}","lastSeenAt":"${timeJson(indicator.lastSeenAt)}"`
  const what = `"validation":"${validation}","tags":[${tags.map((tag) => `"${tag}"`).join()}]`
  const place = kind === 'phone-number' && value.startsWith('+') ? placeOf(value) : NOWHERE
  const where = `"country":${JSON.stringify(place.country)},"asn":null`
  return `{"kind":"${kind}","value":${JSON.stringify(value)},"verdict":"seen","score":0,"count":${count},"repeatCount":${repeatCount},${seen},"validUntil":null,${what},"authors":1,${where},"why":{"rule":"seen","text":"${whySeen(count)}"}${kind === 'phone-number' ? numberText(indicator, place) : ''}}`
}

const NOWHERE: NumberPlace = { country: null, numberType: null, isNonGeographic: false }

/** What is told of numbers alone. */
function numberText({ value, dialled }: Indicator, { numberType, isNonGeographic }: NumberPlace): string {
  const forms = dialled.map(
    ({ raw, count, lastSeenAt }) =>
      `{"raw":${JSON.stringify(raw)},"count":${count},"lastSeenAt":"${timeJson(lastSeenAt)}"}`,
  )
  const prefixes = JSON.stringify(dialPrefixesOf(value, dialled))
  return `,"numberType":${JSON.stringify(numberType)},"isNonGeographic":${isNonGeographic},"dialled":[${forms.join()}],"dialPrefixes":${prefixes}`
}

const whySeen = (count: number) =>
  `This node saw it in ${count} ${count === 1 ? 'event' : 'events'} of the last 7 days. Being seen is no verdict: nothing is blocked for it.`

/** `whole`: credentials are shown. `base64`: the raw bytes come a second time, exactly. */
export type EventJsonOptions = { readonly whole: boolean; readonly base64?: boolean }

/** An event as `/v1` shows it. */
export function eventJson(indexed: IndexedEvent, options: EventJsonOptions): EventJson {
  const { event, count, repeatCount, lastAt } = indexed
  const raw = options.whole ? event.raw : hideCredentials(event.raw)
  const json: EventJson = {
    id: String(event.id),
    at: timeJson(event.at),
    kind: event.kind,
    sourceIp: event.source.ip,
    sourcePort: event.source.port,
    destinationIp: event.destination.ip,
    destinationPort: event.destination.port,
    transport: event.transport,
    method: event.method,
    requestUri: event.requestUri,
    from: options.whole || event.from === null ? event.from : hideTags(event.from),
    to: event.to,
    contact: event.contact,
    callId: event.callId,
    cseq: event.cseq,
    calledNumber: event.calledNumber,
    calledNumbers: event.calledNumbers.map(numberJson),
    otherNumbers: event.otherNumbers.map(numberJson),
    e164: event.e164,
    userAgent: event.userAgent,
    validation: event.validation,
    collectedMethod: event.collectedMethod,
    responses: [...event.responses],
    size: event.size,
    sentSize: event.sentSize,
    tags: [...event.tags],
    defects: [...event.defects],
    auth: authJson(event.auth, options.whole),
    tool: toolJson(event.tool, options.whole),
    headerOrder: event.headerOrder,
    count,
    repeatCount,
    lastAt: timeJson(lastAt),
    raw: rawText(raw),
    rawShed: event.rawShed,
    ja4: event.ja4,
    media: event.media === null ? null : { ...event.media, ssrcs: [...event.media.ssrcs] },
  }
  if (options.base64 === true) json.rawBase64 = asBuffer(raw).toString('base64')
  return json
}

function numberJson({ from, raw }: CalledNumber): NumberJson {
  const { candidates, ...details } = describeNumber(raw)
  return { from, raw, ...details, candidates: candidates.map((candidate) => ({ ...candidate })) }
}

/** Whether a password was found is part of the secret. */
function authJson(auth: EventAuth | null, whole: boolean): EventJson['auth'] {
  if (auth === null) return null
  const { user, realm, algorithm } = auth
  const { response, matchedPassword } = whole
    ? auth
    : { response: HIDDEN_CREDENTIALS, matchedPassword: HIDDEN_CREDENTIALS }
  return { user, realm, algorithm, response, matchedPassword }
}

function toolJson(tool: EventTool | null, whole: boolean): EventJson['tool'] {
  if (tool === null) return null
  const { name, evidence, decodedTag } = tool
  return {
    name,
    evidence,
    decodedTag: name === 'svcrack' && decodedTag !== null && !whole ? HIDDEN_CREDENTIALS : decodedTag,
  }
}

function rawText(raw: Uint8Array): string {
  return asBuffer(raw).toString(isUtf8(raw) ? 'utf8' : 'latin1')
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
