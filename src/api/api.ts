// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { DaemonError } from '../core/errors.ts'
import { isLoopback } from '../core/loopback.ts'
import { createBoundedServer } from './_connections.ts'
import { type Access, accessGate } from './access.ts'
import type { ApiConfig, ApiDeps, App, TypeBoxProvider } from './deps.ts'
import { ApiLog, answerClientError, answerError, STRICT_HEADERS } from './errors.ts'
import { addLegacyRoutes, answerNothingHere } from './legacy.ts'
import { collectMethods } from './methods.ts'
import { addOpenApi } from './openapi.ts'
import { Problem, quote } from './problem.ts'
import { addCallRoutes } from './routes/calls.ts'
import { addEventRoutes } from './routes/events.ts'
import { addIndicatorRoutes } from './routes/indicators.ts'
import { addStatusRoutes } from './routes/status.ts'
import { addStreamRoute } from './routes/stream.ts'
import { SHARED_SCHEMAS } from './schemas.ts'
import { EventStreams } from './stream.ts'

export type { ApiConfig, ApiDeps, App } from './deps.ts'

export const API_LIMITS = {
  headerSize: 16 * 1024, // bytes of request line and headers
  bodySize: 64 * 1024, // bytes
  parameterLength: 256, // characters of one part of a path
  requestMs: 10_000, // from the first byte of a request to its last
  keepAliveMs: 30_000,
  closeMs: 500, // what a request under way may still take at shutdown
} as const

const SERVER_OPTIONS = {
  maxHeaderSize: API_LIMITS.headerSize,
  connectionsCheckingInterval: 5000,
  requestTimeout: API_LIMITS.requestMs,
  keepAliveTimeout: API_LIMITS.keepAliveMs,
} as const

const LOOPBACK = { host: '127.0.0.1', allowedHosts: [] } as const

/** The API without a socket: for `listenApi`, for tests with `inject`, and for whoever wants its OpenAPI document. */
export async function buildApi(deps: ApiDeps, config: Omit<ApiConfig, 'port'> = LOOPBACK): Promise<App> {
  const app = createApp(deps, config)
  const methodsOf = collectMethods(app)
  const streams = new EventStreams(deps)
  addGate(app, deps, config, methodsOf)
  app.setErrorHandler(answerError)
  app.addHook('preClose', async () => streams.close())
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema)
  await addOpenApi(app, deps.node.version)
  addStatusRoutes(app, deps, streams)
  addIndicatorRoutes(app, deps)
  addEventRoutes(app, deps)
  addCallRoutes(app, deps)
  addStreamRoute(app, deps, streams)
  addLegacyRoutes(app, deps)
  return app
}

function createApp(deps: ApiDeps, { host }: Pick<ApiConfig, 'host'>): App {
  const app = Fastify({
    loggerInstance: deps.log as FastifyBaseLogger,
    logController: new ApiLog(),
    childLoggerFactory: (logger) => logger, // else each request makes one, to log an id that nothing else says
    bodyLimit: API_LIMITS.bodySize,
    serverFactory: (handle) => createBoundedServer(handle, { ...SERVER_OPTIONS, exposed: !isLoopback(host) }),
    routerOptions: { maxParamLength: API_LIMITS.parameterLength },
    // A value is what was written: nothing unknown is dropped in silence, and a description can say what is right.
    // The schemas are ours and tested, so their own schema is not compiled: that would be half of the start.
    ajv: { customOptions: { removeAdditional: false, verbose: true, meta: false, validateSchema: false } },
    // They describe what is sent, and tests hold it to them; serializers made from them would be the other half.
    schemaController: { compilersFactory: { buildSerializer: () => () => JSON.stringify } },
    frameworkErrors: answerError,
    clientErrorHandler: answerClientError,
  })
  return app.withTypeProvider<TypeBoxProvider>()
}

/** What every request passes, before its body is read. */
function addGate(
  app: App,
  deps: ApiDeps,
  config: Omit<ApiConfig, 'port'>,
  methodsOf: (path: string) => string[],
): void {
  const gate = accessGate({ ...config, adminKey: deps.adminKey })
  app.decorateRequest<Access, 'access'>('access', null as unknown as Access)
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(STRICT_HEADERS)
    request.access = gate(request)
    if (!request.is404) {
      done()
      return
    }
    const path = request.url.split('?', 1)[0]!
    const methods = methodsOf(path)
    if (methods.length > 0) {
      reply.header('allow', methods.join(', '))
      throw new Problem('METHOD_NOT_ALLOWED', `${quote(path)} takes ${methods.join(' and ')}, not ${request.method}`)
    }
    if (path === '/v1' || path.startsWith('/v1/')) {
      throw new Problem('NOT_FOUND', `There is nothing at ${quote(path)}; /v1/openapi.json lists what there is`)
    }
    answerNothingHere(deps, reply)
  })
}

/**
 * Answers HTTP until it is disposed of, which takes at most about a second. `url` has the real port, and for a wildcard
 * host the loopback address. Throws DaemonError PORT_IN_USE or LISTEN_FAILED.
 */
export async function listenApi(config: ApiConfig, deps: ApiDeps): Promise<AsyncDisposable & { readonly url: string }> {
  const app = await buildApi(deps, config)
  try {
    await app.listen({ host: config.host, port: config.port, listenTextResolver: (at) => `The API answers at ${at}` })
  } catch (error) {
    await app.close()
    throw listenError(config, error as NodeJS.ErrnoException)
  }
  return { url: apiUrl(app.server.address() as AddressInfo), [Symbol.asyncDispose]: () => closeApi(app) }
}

function listenError(config: ApiConfig, cause: NodeJS.ErrnoException): DaemonError {
  const address = `${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`
  if (cause.code === 'EADDRINUSE') {
    const detail = `the API wants ${address}. Stop what holds it, or choose another with --api HOST:PORT`
    return new DaemonError('PORT_IN_USE', detail, { cause })
  }
  const detail = `the API wants ${address}: ${cause.message}. Choose an address of this machine with --api HOST:PORT`
  return new DaemonError('LISTEN_FAILED', detail, { cause })
}

function apiUrl({ address, port, family }: AddressInfo): string {
  if (family === 'IPv6') return `http://[${address === '::' ? '::1' : address}]:${port}`
  return `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`
}

/** Live streams are ended, idle connections closed, requests under way finished if they are quick. */
async function closeApi(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), API_LIMITS.closeMs)
  await app.close()
  clearTimeout(timer)
}
