// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Indicator, IndicatorKind } from '../../core/indicator.ts'
import type { IndicatorPage } from '../../store/types.ts'
import { JSON_TYPE, sendText } from '../_send.ts'
import type { ApiDeps, App } from '../deps.ts'
import { sendProblem } from '../errors.ts'
import { indicatorText } from '../json.ts'
import { Problem, problemJson, quote } from '../problem.ts'
import { findNumber, parseIp, parseNumber, parseTime } from '../query.ts'
import { IndicatorQuerySchema, NoQuerySchema, problems, ref } from '../schemas.ts'

const PARAMETER = { minLength: 1, maxLength: 256 }
const IpSchema = Type.Object({ ip: Type.String({ ...PARAMETER, description: 'an IP address' }) })
const NumberSchema = Type.Object({ number: Type.String({ ...PARAMETER, description: 'a phone number, in any form' }) })

/** What is known of addresses and numbers. Answered from memory alone. */
export function addIndicatorRoutes(app: App, deps: ApiDeps): void {
  const { indicators } = deps.store
  const tags = ['indicators']
  const list = (kind: IndicatorKind, query: Static<typeof IndicatorQuerySchema>): string => {
    const { items, next, total } = readPage(deps, kind, query)
    return `{"items":[${items.map(indicatorText).join()}],"next":${JSON.stringify(next)},"total":${total}}`
  }
  const pageSchema = {
    tags,
    querystring: IndicatorQuerySchema,
    response: { 200: ref('IndicatorPage'), ...problems() },
  }
  const itemSchema = { tags, querystring: NoQuerySchema, response: { 200: ref('Indicator'), ...problems(404) } }

  app.get(
    '/v1/ip-addresses',
    { schema: { operationId: 'listIpAddresses', summary: 'The addresses seen, newest first', ...pageSchema } },
    (request, reply) => sendText(reply, JSON_TYPE, list('ip-address', request.query)),
  )
  app.get(
    '/v1/phone-numbers',
    { schema: { operationId: 'listPhoneNumbers', summary: 'The numbers dialled, newest first', ...pageSchema } },
    (request, reply) => sendText(reply, JSON_TYPE, list('phone-number', request.query)),
  )
  app.get(
    '/v1/ip-addresses/:ip',
    { schema: { operationId: 'getIpAddress', summary: 'Is this address bad?', params: IpSchema, ...itemSchema } },
    (request, reply) => {
      const ip = parseIp(request.params.ip)
      return answer(reply, indicators.get('ip-address', ip), `address ${quote(ip)}`)
    },
  )
  app.get(
    '/v1/phone-numbers/:number',
    { schema: { operationId: 'getPhoneNumber', summary: 'Is this number bad?', params: NumberSchema, ...itemSchema } },
    (request, reply) => {
      const number = parseNumber(request.params.number)
      return answer(reply, findNumber(indicators, number), `number ${quote(number)}`)
    },
  )
}

function answer(reply: FastifyReply, indicator: Indicator | undefined, asked: string): FastifyReply {
  if (indicator !== undefined) return sendText(reply, JSON_TYPE, indicatorText(indicator))
  return sendProblem(reply, problemJson('NOT_SEEN', `The ${asked} was not seen here in the last 7 days`))
}

function readPage(deps: ApiDeps, kind: IndicatorKind, query: Static<typeof IndicatorQuerySchema>): IndicatorPage {
  const { limit, after, tag, validation } = query
  const since = parseTime(query.since, 'since', deps.now())
  try {
    return deps.store.indicators.page(kind, { limit, after, since, tag, validation })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const detail = `after is ${quote(after)}. It must be: the \`next\` of the page before, unchanged`
    throw new Problem('INVALID_CURSOR', detail, 'after')
  }
}
