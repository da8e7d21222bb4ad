// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import Type, { type Static, type TSchema } from 'typebox'
import { COLLECTED_METHODS, EVENT_KINDS, NUMBER_SOURCES, TRANSPORTS } from '../core/event.ts'
import { INDICATOR_KINDS } from '../core/indicator.ts'
import { NUMBER_CLASSES } from '../core/number-details.ts'
import { SCANNER_TOOLS, SCANNER_TOOLS_VERSION, TOOL_EVIDENCES } from '../core/scanner-tools.ts'
import { TAGS } from '../core/tags.ts'
import { SOURCE_VALIDATIONS } from '../core/validation.ts'
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problem.ts'

/** The shapes of `/v1`: what is served, what is checked, and what /v1/openapi.json says. Nothing else uses them as types. */

export const LIMIT_MAX = 1000
export const LIMIT_DEFAULT = 100
export const VERDICTS = ['listed', 'seen', 'allowed', 'unknown'] as const

const nullable = <T>(type: string, options: TSchema = {}) => Type.Unsafe<T | null>({ type: [type, 'null'], ...options })
const oneOf = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: values, ...(description === undefined ? {} : { description }) })

const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Unsafe<Static<T> | null>({ ...schema, type: ['object', 'null'], description })

const time = (description?: string) =>
  Type.String({ format: 'date-time', description: description ?? 'RFC 3339 in UTC, to the millisecond' })
const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) })
const closed = { additionalProperties: false } as const

export const DialledSchema = Type.Object(
  { raw: Type.String(), count: count(), lastSeenAt: time() },
  { $id: 'DialledForm', ...closed, description: 'One form in which a number was dialled' },
)

const place = {
  country: nullable<string>('string', { description: 'ISO 3166-1' }),
  numberType: nullable<string>('string', { description: 'As libphonenumber names it: PREMIUM_RATE, MOBILE, …' }),
  isNonGeographic: Type.Boolean({ description: 'Of a worldwide service that costs: +870, 878, 881, 882, 883, 979' }),
}
const prefix = Type.String({ description: 'What was dialled before the number: digits and + * #' })

export const DialPrefixSchema = Type.Object(
  { prefix, count: count() },
  { $id: 'DialPrefix', ...closed, description: 'What was dialled before a number, and how often' },
)

export const IndicatorSchema = Type.Object(
  {
    kind: oneOf(INDICATOR_KINDS),
    value: Type.String({ description: 'An IP address in canonical text; a number in E.164, else its digits' }),
    verdict: oneOf(VERDICTS),
    score: Type.Number({ minimum: 0, maximum: 100 }),
    count: count('Events of the last 7 days'),
    repeatCount: count('UDP retransmissions of those events'),
    firstSeenAt: time(),
    lastSeenAt: time(),
    validUntil: nullable<string>('string', { format: 'date-time', description: 'When it leaves the list' }),
    validation: oneOf(SOURCE_VALIDATIONS, 'How sure it is that a source was not forged: the best that was seen'),
    tags: Type.Array(oneOf(TAGS)),
    authors: count('Independent nodes that saw it'),
    country: nullable<string>('string', { description: 'Of a number, as ISO 3166-1 has it' }),
    asn: nullable<number>('integer'),
    why: Type.Object({ rule: Type.String(), text: Type.String() }, closed),
    numberType: Type.Optional(place.numberType),
    isNonGeographic: Type.Optional(place.isNonGeographic),
    dialled: Type.Optional(Type.Array(Type.Ref('DialledForm#') as unknown as typeof DialledSchema)),
    dialPrefixes: Type.Optional(Type.Array(Type.Ref('DialPrefix#') as unknown as typeof DialPrefixSchema)),
  },
  { $id: 'Indicator', ...closed, description: 'An IP address or phone number, and what is known of it' },
)
export type IndicatorJson = Static<typeof IndicatorSchema>

const dialPrefix = nullable<string>('string', { description: 'What was dialled before e164: digits and + * #' })
const CandidateSchema = Type.Object(
  {
    e164: Type.String(),
    score: Type.Number({
      description: '4 for a valid number, 3 for a dial prefix before it, up to 1 for how short that is',
    }),
    dialPrefix: prefix,
    ...place,
  },
  closed,
)
const NumberSchema = Type.Object(
  {
    from: oneOf(NUMBER_SOURCES),
    raw: Type.String(),
    class: oneOf(NUMBER_CLASSES),
    e164: nullable<string>('string'),
    dialPrefix,
    candidates: Type.Array(CandidateSchema, { description: 'What it may stand for, best first, three at most' }),
  },
  closed,
)
export type NumberJson = Static<typeof NumberSchema>

const MediaSchema = Type.Object(
  {
    callId: Type.String(),
    codec: nullable<string>('string'),
    payloadType: nullable<number>('integer'),
    packetCount: count(),
    byteCount: count(),
    lostCount: count(),
    foreignCount: count(),
    dtmf: Type.String(),
    durationMs: count(),
    ssrcs: Type.Array(Type.String()),
  },
  closed,
)

const SECRET = 'Hidden from requests without a key'
const AuthSchema = Type.Object(
  {
    user: Type.String(),
    realm: Type.String(),
    algorithm: Type.String({ description: 'MD5 when the client named none' }),
    response: Type.String({ description: SECRET }),
    matchedPassword: nullable<string>('string', {
      description: `The password that the response proves, if it is a weak one or the request gave it away. ${SECRET}`,
    }),
  },
  closed,
)
const ToolSchema = Type.Object(
  {
    name: oneOf(SCANNER_TOOLS, `A program of version ${SCANNER_TOOLS_VERSION} of the list`),
    evidence: oneOf(TOOL_EVIDENCES, 'What gave it away'),
    decodedTag: nullable<string>('string', {
      description: `What SIPVicious wrote into its From-tag: a target, an extension, or user:password. The last one is hidden from requests without a key`,
    }),
  },
  closed,
)

export const EventSchema = Type.Object(
  {
    id: Type.String({ description: 'Larger is later' }),
    at: time(),
    kind: oneOf(EVENT_KINDS),
    sourceIp: Type.String(),
    sourcePort: count(),
    destinationIp: Type.String(),
    destinationPort: count(),
    transport: oneOf(TRANSPORTS),
    method: nullable<string>('string'),
    requestUri: nullable<string>('string'),
    from: nullable<string>('string'),
    to: nullable<string>('string'),
    contact: nullable<string>('string'),
    callId: nullable<string>('string'),
    cseq: nullable<string>('string'),
    calledNumber: nullable<string>('string'),
    calledNumbers: Type.Array(NumberSchema, { description: 'Those dialled, two at most: they count for indicators' }),
    otherNumbers: Type.Array(NumberSchema, { description: 'Others in the message, which count for nothing' }),
    e164: nullable<string>('string'),
    userAgent: nullable<string>('string'),
    validation: oneOf(SOURCE_VALIDATIONS),
    collectedMethod: oneOf(COLLECTED_METHODS),
    responses: Type.Array(Type.Integer(), { description: 'Status codes of what was answered' }),
    size: count('Bytes received'),
    sentSize: count('Bytes answered'),
    tags: Type.Array(oneOf(TAGS)),
    defects: Type.Array(Type.String()),
    auth: orNull(AuthSchema, 'Digest credentials that the request carried'),
    tool: orNull(ToolSchema, 'The program that sent the request'),
    headerOrder: nullable<string>('string', { description: 'A hash of the names of its headers, in their order' }),
    count: count('Events folded into this one'),
    repeatCount: count('UDP retransmissions of them'),
    lastAt: time(),
    raw: Type.String({ description: 'As received: UTF-8 if it is that, else one character per byte' }),
    rawShed: Type.Boolean({ description: 'Not all bytes were kept' }),
    ja4: nullable<string>('string', { description: 'Fingerprint of the TLS connection' }),
    media: Type.Unsafe<Static<typeof MediaSchema> | null>({
      anyOf: [MediaSchema, { type: 'null' }],
      description: 'Of an event of kind media: what a call sent, counted',
    }),
    rawBase64: Type.Optional(Type.String({ contentEncoding: 'base64', description: 'Only of a single event' })),
  },
  { $id: 'Event', ...closed, description: 'What one sensor saw' },
)
export type EventJson = Static<typeof EventSchema>

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: oneOf(Object.keys(PROBLEMS) as ProblemCode[]),
    detail: Type.String({ description: 'Which value, why, and what would be right' }),
    parameter: Type.Optional(Type.String()),
  },
  { $id: 'Problem', ...closed, description: 'RFC 9457' },
)

const page = (item: string, $id: string) =>
  Type.Object(
    {
      items: Type.Array(Type.Unsafe<unknown>({ $ref: `${item}#` })),
      next: nullable<string>('string', { description: 'The `after` of the next page; null at the end' }),
      total: nullable<number>('integer', { description: 'Exact; null when filtered and above 10,000' }),
    },
    { $id, ...closed },
  )
export const IndicatorPageSchema = page('Indicator', 'IndicatorPage')
export const EventPageSchema = page('Event', 'EventPage')

export const CallSchema = Type.Object(
  {
    callId: Type.String(),
    items: Type.Array(Type.Unsafe<unknown>({ $ref: 'Event#' }), { description: 'Oldest first, 1,000 at most' }),
    truncated: Type.Boolean({
      description: 'There may be older ones: not all of the time asked for was looked through',
    }),
    searchedSince: time('How far back was looked, RFC 3339 in UTC'),
    next: nullable<string>('string', {
      description: 'The `after` that goes on from there; null: all was looked through',
    }),
  },
  { $id: 'Call', ...closed, description: 'The messages of one call' },
)

export const SHARED_SCHEMAS = [
  DialledSchema,
  DialPrefixSchema,
  IndicatorSchema,
  EventSchema,
  ProblemSchema,
  IndicatorPageSchema,
  EventPageSchema,
  CallSchema,
]

/** A reference to one of the shared schemas, as Fastify resolves it. */
export const ref = <T = unknown>($id: string) => Type.Unsafe<T>({ $ref: `${$id}#` })

// Parameters. Each description says what is right: it is what a 400 answers with.
export const TIME_RIGHT = 'a time such as 2026-11-23T09:00:00Z, or how long ago: 30s, 15m, 2h, 7d'
const limit = Type.Integer({
  minimum: 1,
  maximum: LIMIT_MAX,
  default: LIMIT_DEFAULT,
  description: `a whole number from 1 to ${LIMIT_MAX}`,
})
const text = (description: string, maxLength = 256) => Type.String({ minLength: 1, maxLength, description })
const tag = oneOf(TAGS, `one of ${TAGS.join(', ')}`)
const since = text(TIME_RIGHT, 64)

export const IndicatorQuerySchema = Type.Object(
  {
    limit,
    after: Type.Optional(text('the `next` of the page before')),
    since: Type.Optional(since),
    tag: Type.Optional(tag),
    validation: Type.Optional(oneOf(SOURCE_VALIDATIONS, `one of ${SOURCE_VALIDATIONS.join(', ')}`)),
  },
  closed,
)

const EVENT_ID = '^(0|[1-9][0-9]{0,15})$'
const eventFilters = {
  ip: Type.Optional(text('an IP address')),
  number: Type.Optional(text('a phone number in any form, with the + written as %2B')),
  method: Type.Optional(text('a SIP method as it was received, such as INVITE')),
  tag: Type.Optional(tag),
}
export const EventQuerySchema = Type.Object(
  {
    limit,
    after: Type.Optional(Type.String({ pattern: EVENT_ID, description: 'the `next` of the page before' })),
    ...eventFilters,
    userAgent: Type.Optional(text('a whole User-Agent value', 1024)),
    transport: Type.Optional(oneOf(TRANSPORTS, `one of ${TRANSPORTS.join(', ')}`)),
    since: Type.Optional(since),
    until: Type.Optional(since),
  },
  closed,
)
export type EventQueryParameters = Static<typeof EventQuerySchema>

export const StreamQuerySchema = Type.Object(
  {
    after: Type.Optional(Type.String({ pattern: EVENT_ID, description: 'the id of the last event received' })),
    ...eventFilters,
  },
  closed,
)
export type StreamQueryParameters = Static<typeof StreamQuerySchema>
export const EventIdSchema = Type.Object({
  id: Type.String({ pattern: EVENT_ID, description: 'the `id` of an event: digits alone' }),
})
export const CallParametersSchema = Type.Object({
  callId: text('the value of a Call-ID header, percent-encoded'),
})
export const CallQuerySchema = Type.Object(
  {
    since: Type.Optional(since),
    after: Type.Optional(Type.String({ pattern: EVENT_ID, description: 'the `next` of the answer before' })),
  },
  closed,
)
export const NoQuerySchema = Type.Object({}, closed)

/** The response entries of a route for the problems it may answer with. */
export function problems(...statuses: number[]): Record<number, unknown> {
  const all = [...new Set([...statuses, 400, 401, 403, 421, 500])].sort()
  const titles = (status: number) =>
    Object.entries(PROBLEMS).flatMap(([code, problem]) => (problem.status === status ? [code] : []))
  return Object.fromEntries(
    all.map((status) => [
      status,
      { description: titles(status).join(', '), content: { [PROBLEM_TYPE]: { schema: ref('Problem') } } },
    ]),
  )
}
