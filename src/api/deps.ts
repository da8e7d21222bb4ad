// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { Logger } from 'pino'
import type { Static, TSchema } from 'typebox'
import type { Listener, SensorCounters } from '../sensors/types.ts'
import type { Store } from '../store/types.ts'

/** Where the API listens. `allowedHosts`: the names it may be called by, beside IP addresses and localhost. */
export type ApiConfig = { readonly host: string; readonly port: number; readonly allowedHosts: readonly string[] }

/** What the API needs of the node; all of it may be called at any time. */
export type ApiDeps = {
  readonly store: Pick<Store, 'indicators' | 'events' | 'event' | 'call' | 'read' | 'position' | 'onAdvance' | 'status'>
  now(): number
  readonly log: Logger
  readonly node: {
    readonly id: string
    readonly version: string
    readonly startedAt: number // ms since epoch
  }
  /** The local administrator's key. An empty one opens nothing. */
  readonly adminKey: string
  sensors(): { readonly listeners: readonly Listener[]; readonly counters: SensorCounters }
  ready(): boolean
}

/** Tells Fastify that schemas are typebox's, so that a handler's parameters have their types. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>
