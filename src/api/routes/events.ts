// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import type { EventQuery } from '../../store/types.ts'
import { eventPageText, firstOf } from '../_event-page.ts'
import { JSON_TYPE } from '../_send.ts'
import { Turns } from '../_turns.ts'
import type { ApiDeps, App } from '../deps.ts'
import { eventJson } from '../json.ts'
import { Problem } from '../problem.ts'
import { findNumber, parseIp, parseNumber, parseTime } from '../query.ts'
import { EventIdSchema, type EventQueryParameters, EventQuerySchema, NoQuerySchema, problems, ref } from '../schemas.ts'

/** The evidence: events in pages, and one by its id. */
export function addEventRoutes(app: App, deps: ApiDeps): void {
  const tags = ['events']
  const turns = new Turns()
  app.get(
    '/v1/events',
    {
      schema: {
        operationId: 'listEvents',
        summary: 'What the sensors saw, newest first',
        tags,
        querystring: EventQuerySchema,
        response: { 200: ref('EventPage'), ...problems(503) },
      },
    },
    async (request, reply) => {
      const query = eventQuery(deps, request.query)
      await turns.take(reply.raw)
      const first = await deps.store.events(firstOf(query))
      const text = eventPageText(deps.store, query, first, { whole: request.access.keyed })
      return reply.type(JSON_TYPE).send(Readable.from(text))
    },
  )
  app.get(
    '/v1/events/:id',
    {
      schema: {
        operationId: 'getEvent',
        summary: 'One event, with its bytes',
        tags,
        params: EventIdSchema,
        querystring: NoQuerySchema,
        response: { 200: ref('Event'), ...problems(404) },
      },
    },
    async (request) => {
      const indexed = await deps.store.event(Number(request.params.id))
      if (indexed !== undefined) return eventJson(indexed, { whole: request.access.keyed, base64: true })
      throw new Problem(
        'EVENT_NOT_HELD',
        `There is no event ${request.params.id}, or it is older than what the node keeps`,
      )
    },
  )
}

function eventQuery(deps: ApiDeps, query: EventQueryParameters): EventQuery {
  const now = deps.now()
  return {
    limit: query.limit,
    before: query.after === undefined ? undefined : Number(query.after),
    ip: query.ip === undefined ? undefined : parseIp(query.ip),
    number: query.number === undefined ? undefined : storedNumber(deps, parseNumber(query.number)),
    method: query.method,
    userAgent: query.userAgent,
    transport: query.transport,
    tag: query.tag,
    since: parseTime(query.since, 'since', now),
    until: parseTime(query.until, 'until', now),
  }
}

/** Events are found by E.164 where there is one, so that every form of a number finds the events of all. */
function storedNumber(deps: ApiDeps, number: string): string {
  const indicator = findNumber(deps.store.indicators, number)
  return indicator?.value.startsWith('+') === true ? indicator.value : number
}
