// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { ipAddressesText, numbersText } from './_legacy-lists.ts'
import { sendText } from './_send.ts'
import { SharedLists } from './_shared-lists.ts'
import type { ApiDeps, App } from './deps.ts'
import { findNumber, isDialled, readIp } from './query.ts'
import { problems } from './schemas.ts'

type LegacyRequest = FastifyRequest<{ Params: { value: string } }>
type Answer = (reply: FastifyReply, status: number, body: string | Readable, mediaType?: string) => FastifyReply
type Route = {
  readonly url: string
  readonly operationId: string
  readonly summary: string
  readonly ok: TSchema
  readonly misses?: readonly number[] // other statuses, with a body of the original's
  readonly problems?: readonly number[] // statuses with a problem, beside those of every route
  readonly open?: boolean
  handle(request: LegacyRequest, reply: FastifyReply, answer: Answer): FastifyReply
}

/** What the original said of every path it did not know. */
const NOTHING_HERE = '{"error": "The requested resource could not be found."}'

/**
 * The HTTP interface of the first SentryPeer, for what was built on it: the same paths, bodies and status codes. An
 * answer means that this node saw it, no more. Where the original was broken it is not followed: a path matches as a
 * whole, HEAD works, numbers that start with 0 are listed, and no CORS header invites pages from elsewhere.
 */
export function addLegacyRoutes(app: App, deps: ApiDeps): void {
  const answer = legacyAnswer(deps)
  for (const route of legacyRoutes(deps)) {
    const schema = legacySchema(route)
    app.get(route.url, { config: { open: route.open === true }, schema }, (request, reply) =>
      route.handle(request as LegacyRequest, reply, answer),
    )
  }
}

/** For every path that is nothing, outside of /v1. */
export function answerNothingHere(deps: ApiDeps, reply: FastifyReply): FastifyReply {
  return legacyAnswer(deps)(reply, 404, NOTHING_HERE)
}

function legacyRoutes(deps: ApiDeps): Route[] {
  const { indicators } = deps.store
  const lists = new SharedLists()
  return [
    {
      url: '/',
      operationId: 'legacyHome',
      summary: 'That this is SentryPeer',
      ok: StatusSchema,
      handle: (_request, reply, answer) => answer(reply, 200, '{"status": "OK"}'),
    },
    {
      url: '/health-check',
      operationId: 'legacyHealthCheck',
      summary: 'That it runs: JSON when asked with Content-Type: application/json, else HTML',
      ok: StatusSchema,
      open: true,
      handle: (request, reply, answer) => healthCheck(deps.node.version, request, reply, answer),
    },
    {
      url: '/ip-addresses',
      operationId: 'legacyIpAddresses',
      summary: 'All addresses seen, newest first',
      ok: listSchema('ip_addresses', 'ip_address'),
      misses: [404],
      problems: [503],
      handle: (request, reply, answer) => {
        if (indicators.count('ip-address') === 0) return answer(reply, 404, '{"message": "No bad actors found"}')
        if (request.method === 'HEAD') return answer(reply, 200, Readable.from([]))
        return answer(
          reply,
          200,
          lists.read('ip-addresses', () => ipAddressesText(indicators)),
        )
      },
    },
    {
      url: '/ip-addresses/:value',
      operationId: 'legacyIpAddress',
      summary: 'Whether an address was seen',
      ok: Type.Object({ bad_actor_found: Type.String() }),
      misses: [400, 404],
      handle: (request, reply, answer) => {
        const ip = readIp(request.params.value)
        if (ip === null) return answer(reply, 400, '{"error": "The request data was invalid"}')
        const isSeen = indicators.get('ip-address', ip) !== undefined
        if (!isSeen) return answer(reply, 404, '{"message": "No bad actor found"}')
        return answer(reply, 200, indented({ bad_actor_found: ip }))
      },
    },
    {
      url: '/numbers',
      operationId: 'legacyNumbers',
      summary: 'All numbers dialled, each form by itself, newest first',
      ok: listSchema('called_numbers', 'called_number'),
      misses: [404],
      problems: [503],
      handle: (request, reply, answer) => {
        if (indicators.count('phone-number') === 0) return answer(reply, 404, '{"message": "No phone numbers found"}')
        if (request.method === 'HEAD') return answer(reply, 200, Readable.from([]))
        return answer(
          reply,
          200,
          lists.read('numbers', () => numbersText(indicators)),
        )
      },
    },
    {
      url: '/numbers/:value',
      operationId: 'legacyNumber',
      summary: 'Whether a number was dialled, in any form',
      ok: Type.Object({ phone_number_found: Type.String() }),
      misses: [404],
      handle: (request, reply, answer) => {
        const number = request.params.value
        if (!isDialled(number)) return answer(reply, 404, NOTHING_HERE)
        const isSeen = findNumber(indicators, number) !== undefined
        if (!isSeen) return answer(reply, 404, '{"message": "No phone number found"}')
        return answer(reply, 200, indented({ phone_number_found: number }))
      },
    },
  ]
}

function healthCheck(version: string, request: LegacyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  if (request.headers['content-type']?.toLowerCase().startsWith('application/json') === true) {
    return answer(reply, 200, indented({ status: 'OK', message: 'Hello from SentryPeer!', version }))
  }
  const html = '<html><body><h1>Hello from SentryPeer!</h1><h2>All is well!</h2></body></html>'
  return answer(reply, 200, html, 'text/html')
}

const indented = (value: object) => JSON.stringify(value, null, 2)

function legacyAnswer(deps: ApiDeps): Answer {
  return (reply, status, body, mediaType = 'application/json') => {
    reply.code(status).header('x-powered-by', 'SentryPeer').header('x-sentrypeer-version', deps.node.version)
    return typeof body === 'string' ? sendText(reply, mediaType, body) : reply.type(mediaType).send(body)
  }
}

const StatusSchema = Type.Object({ status: Type.String() })
const MissSchema = Type.Object({ message: Type.Optional(Type.String()), error: Type.Optional(Type.String()) })

function listSchema(list: string, value: string): TSchema {
  const row = Type.Object({ [value]: Type.String(), seen_last: Type.String(), seen_count: Type.String() })
  return Type.Object({ [`${list}_total`]: Type.Integer(), [list]: Type.Array(row) })
}

function legacySchema({ url, operationId, summary, ok, misses = [], problems: more = [] }: Route) {
  const params = url.includes(':') ? { params: Type.Object({ value: Type.String() }) } : {}
  const json = (description: string, schema: TSchema) => ({ description, content: { 'application/json': { schema } } })
  const missed = Object.fromEntries(misses.map((status) => [status, json('In the words of the original', MissSchema)]))
  const response = { ...problems(...more), 200: json('As the original answered', ok), ...missed }
  return { operationId, summary, tags: ['original'], ...params, response }
}
