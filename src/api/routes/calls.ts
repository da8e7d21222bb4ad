// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import type { CallPage } from '../../store/types.ts'
import { eventListText } from '../_event-page.ts'
import { JSON_TYPE } from '../_send.ts'
import { Turns } from '../_turns.ts'
import type { ApiDeps, App } from '../deps.ts'
import { type EventJsonOptions, timeJson } from '../json.ts'
import { parseTime } from '../query.ts'
import { CallParametersSchema, CallQuerySchema, problems, ref } from '../schemas.ts'

const SINCE_DEFAULT = '24h'

/** Calls: all that is held of one Call-ID. */
export function addCallRoutes(app: App, deps: ApiDeps): void {
  const turns = new Turns()
  app.get(
    '/v1/calls/:callId',
    {
      schema: {
        operationId: 'getCall',
        summary: 'The messages of one call, looked for in the last 24 hours unless told otherwise',
        tags: ['events'],
        params: CallParametersSchema,
        querystring: CallQuerySchema,
        response: { 200: ref('Call'), ...problems(503) },
      },
    },
    async (request, reply) => {
      const { callId } = request.params
      const { since = SINCE_DEFAULT, after } = request.query
      const from = Math.max(0, parseTime(since, 'since', deps.now()) ?? 0)
      await turns.take(reply.raw)
      const before = after === undefined ? undefined : Number(after)
      const page = await deps.store.call({ callId, since: from, before })
      return reply.type(JSON_TYPE).send(Readable.from(callText(callId, page, { whole: request.access.keyed })))
    },
  )
}

async function* callText(callId: string, page: CallPage, options: EventJsonOptions): AsyncGenerator<string> {
  const { items, next, searchedSince } = page
  yield `{"callId":${JSON.stringify(callId)},"items":`
  yield* eventListText([items], options)
  const more = next === null ? null : `"${next}"`
  yield `,"truncated":${next !== null},"searchedSince":"${timeJson(searchedSince)}","next":${more}}`
}
