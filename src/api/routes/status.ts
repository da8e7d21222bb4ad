// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import Type, { type Static } from 'typebox'
import { TRANSPORTS } from '../../core/event.ts'
import type { ApiDeps, App } from '../deps.ts'
import { timeJson } from '../json.ts'
import { Problem } from '../problem.ts'
import { NoQuerySchema, problems } from '../schemas.ts'

const closed = { additionalProperties: false } as const
const count = Type.Integer({ minimum: 0 })
const counters = <const T extends readonly string[]>(names: T) =>
  Type.Object(Object.fromEntries(names.map((name) => [name, count])) as Record<T[number], typeof count>, closed)

const SENSOR_COUNTERS = [
  'receivedCount',
  'repliedCount',
  'silencedByBytesCount',
  'silencedByRateCount',
  'sendErrorCount',
  'bugCount',
  'connectionCount',
  'shedConnectionCount',
  'kernelDropCount',
] as const
const STORE_NUMBERS = [
  'acceptedCount',
  'durableCount',
  'indexedCount',
  'repeatCount',
  'shedRawCount',
  'droppedCount',
  'evictedIndicatorCount',
  'queuedSize',
  'indexLagCount',
  'journalSize',
  'indexSize',
  'quotaSize',
] as const

const nullableText = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const StoreSchema = Type.Object(
  {
    ...(Object.fromEntries(STORE_NUMBERS.map((name) => [name, count])) as Record<
      (typeof STORE_NUMBERS)[number],
      typeof count
    >),
    oldestAt: nullableText,
    repairs: Type.Array(Type.String()),
    trouble: nullableText,
  },
  closed,
)
const ListenerSchema = Type.Object(
  {
    transport: Type.Unsafe<(typeof TRANSPORTS)[number]>({ type: 'string', enum: TRANSPORTS }),
    ip: Type.String(),
    port: count,
    receiver: Type.String(),
  },
  closed,
)
const StatsSchema = Type.Object(
  {
    version: Type.String(),
    nodeId: Type.String(),
    startedAt: Type.String({ format: 'date-time' }),
    uptimeSeconds: Type.Number({ minimum: 0 }),
    ready: Type.Boolean(),
    listeners: Type.Array(ListenerSchema),
    sensors: counters(SENSOR_COUNTERS),
    store: StoreSchema,
    indicators: counters(['ipAddressCount', 'phoneNumberCount'] as const),
    streamClientCount: count,
    rssSize: count,
  },
  { ...closed, description: 'Counts are since the start of the node, sizes are bytes' },
)
const HealthSchema = Type.Object(
  {
    status: Type.Unsafe<'ok' | 'degraded'>({ type: 'string', enum: ['ok', 'degraded'] }),
    troubles: Type.Optional(
      Type.Array(Type.String(), { description: 'What is wrong, in words; only for who may read' }),
    ),
  },
  closed,
)

/** Whether the node is ready, alive and well, and its counters. */
export function addStatusRoutes(app: App, deps: ApiDeps, streams: { readonly clientCount: number }): void {
  const tags = ['status']
  const open = { config: { open: true } }
  app.get(
    '/v1/ready',
    {
      ...open,
      schema: {
        operationId: 'getReady',
        summary: 'Whether the node takes events and answers',
        tags,
        response: { 200: Type.Object({ status: Type.Literal('ready') }, closed), ...problems(503) },
      },
    },
    () => {
      if (deps.ready()) return { status: 'ready' as const }
      throw new Problem('NOT_READY', 'Ask again in a moment')
    },
  )
  app.get(
    '/health',
    {
      ...open,
      schema: {
        operationId: 'getUp',
        summary: 'Whether the process answers, in one word',
        tags,
        response: { 200: Type.Object({ status: Type.Literal('up') }, closed), ...problems() },
      },
    },
    () => ({ status: 'up' as const }),
  )
  app.get(
    '/v1/health',
    {
      ...open,
      schema: {
        operationId: 'getHealth',
        summary: 'Whether the process answers, and what is wrong',
        tags,
        querystring: NoQuerySchema,
        response: { 200: HealthSchema, ...problems() },
      },
    },
    (request) => health(deps, request.access.trusted),
  )
  app.get(
    '/v1/stats',
    {
      schema: {
        operationId: 'getStats',
        summary: 'Counters of the node',
        tags,
        querystring: NoQuerySchema,
        response: { 200: StatsSchema, ...problems() },
      },
    },
    () => stats(deps, streams.clientCount),
  )
}

function health(deps: ApiDeps, detailed: boolean): Static<typeof HealthSchema> {
  const { trouble, droppedCount, shedRawCount, repairs } = deps.store.status()
  const { bugCount, kernelDropCount } = deps.sensors().counters
  const troubles: string[] = []
  if (!deps.ready()) troubles.push('The node is still starting')
  if (trouble !== null) troubles.push(trouble)
  if (droppedCount > 0) troubles.push(`${droppedCount} events were lost, since the queue to the disk was full`)
  if (shedRawCount > 0)
    troubles.push(
      `${shedRawCount} events were kept without their full message: the quota was reached, or the disk fell behind`,
    )
  if (kernelDropCount > 0) {
    troubles.push(
      `the system dropped ${kernelDropCount} datagrams before they were read; a larger receive buffer helps: sysctl net.core.rmem_max=4194304`,
    )
  }
  if (bugCount > 0) troubles.push(`${bugCount} packets met a bug; the log has them`)
  troubles.push(...repairs)
  const status = troubles.length === 0 ? 'ok' : 'degraded'
  return detailed ? { status, troubles } : { status }
}

function stats(deps: ApiDeps, streamClientCount: number): Static<typeof StatsSchema> {
  const { node, store } = deps
  const { listeners, counters: sensors } = deps.sensors()
  const status = store.status()
  return {
    version: node.version,
    nodeId: node.id,
    startedAt: timeJson(node.startedAt),
    uptimeSeconds: Math.max(0, (deps.now() - node.startedAt) / 1000),
    ready: deps.ready(),
    listeners: listeners.map(({ transport, endpoint, receiver }) => ({ transport, ...endpoint, receiver })),
    sensors,
    store: {
      ...status,
      oldestAt: status.oldestAt === null ? null : timeJson(status.oldestAt),
      repairs: [...status.repairs],
    },
    indicators: {
      ipAddressCount: store.indicators.count('ip-address'),
      phoneNumberCount: store.indicators.count('phone-number'),
    },
    streamClientCount,
    rssSize: process.memoryUsage.rss(),
  }
}
