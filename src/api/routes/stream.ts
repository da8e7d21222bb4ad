// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import Type from 'typebox'
import type { Event } from '../../core/event.ts'
import { normalizeNumber } from '../../core/phone-number.ts'
import type { ApiDeps, App } from '../deps.ts'
import { Problem, quote } from '../problem.ts'
import { findNumber, parseIp, parseNumber } from '../query.ts'
import { problems, type StreamQueryParameters, StreamQuerySchema } from '../schemas.ts'
import type { EventStreams } from '../stream.ts'

const DESCRIPTION = `Server-sent events. Each durable event comes as \`event: event\` with the Event as its data and its
id. \`event: skipped\` says that the client was too far behind and where it stands now. Come back with Last-Event-ID (or
\`after\`) and nothing is missed or doubled.`

const RESPONSES: Record<number, unknown> = {
  200: { description: 'The stream', content: { 'text/event-stream': { schema: Type.String() } } },
  ...problems(503),
}

/** The live feed. */
export function addStreamRoute(app: App, deps: ApiDeps, streams: EventStreams): void {
  app.get(
    '/v1/events/stream',
    {
      schema: {
        operationId: 'streamEvents',
        summary: 'Events as they become durable',
        description: DESCRIPTION,
        tags: ['events'],
        querystring: StreamQuerySchema,
        headers: Type.Object({
          'last-event-id': Type.Optional(Type.String({ description: 'the id of the last event received' })),
        }),
        response: RESPONSES,
      },
    },
    (request, reply) => {
      const after = resumePoint(request.headers['last-event-id'], request.query.after)
      const matches = eventFilter(deps, request.query)
      reply.header('content-type', 'text/event-stream; charset=utf-8')
      reply.header('x-accel-buffering', 'no') // or nginx would keep the events back
      if (request.method === 'HEAD') return reply.send(Readable.from([]))
      return reply.send(streams.open({ after, matches, whole: request.access.keyed }))
    },
  )
}

/** What the browser sends by itself wins: `after` is in the address, and so stays what it was at first. */
function resumePoint(header: string | undefined, after: string | undefined): number | undefined {
  const id = header === undefined || header === '' ? after : header
  if (id === undefined) return undefined
  if (/^\d{1,16}$/.test(id)) return Number(id)
  throw new Problem('INVALID_CURSOR', `Last-Event-ID is ${quote(id)}. It must be: an id that this stream gave`)
}

function eventFilter(deps: ApiDeps, query: StreamQueryParameters): (event: Event) => boolean {
  const { method, tag } = query
  const ip = query.ip === undefined ? undefined : parseIp(query.ip)
  const hasNumber = query.number === undefined ? undefined : numberFilter(deps, parseNumber(query.number))
  return (event) =>
    (ip === undefined || event.source.ip === ip) &&
    (method === undefined || event.method === method) &&
    (tag === undefined || event.tags.includes(tag)) &&
    (hasNumber === undefined || hasNumber(event))
}

function numberFilter(deps: ApiDeps, number: string): (event: Event) => boolean {
  const value = findNumber(deps.store.indicators, number)?.value ?? normalizeNumber(number).value
  return (event) =>
    event.e164 === value ||
    event.calledNumbers.some(({ raw }) => raw === number || normalizeNumber(raw).value === value)
}
