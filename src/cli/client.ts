// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setTimeout as sleep } from 'node:timers/promises'
import { DaemonError } from '../core/errors.ts'
import { type ServerEvent, serverEvents } from './server-events.ts'

/** What the API answers, as far as commands read it. Optional: an older or newer node may not send it. */
export type IndicatorJson = {
  kind: 'ip-address' | 'phone-number'
  value: string
  verdict: string
  score?: number
  count: number
  repeatCount?: number
  firstSeenAt: string
  lastSeenAt: string
  validUntil?: string | null
  validation: string
  tags: string[]
  authors?: number
  country?: string | null
  asn?: number | null
  why?: { rule: string; text: string }
  numberType?: string | null
  isNonGeographic?: boolean
  dialled?: { raw: string; count: number; lastSeenAt: string }[]
  dialPrefixes?: { prefix: string; count: number }[]
}
export type EventJson = {
  id: string
  at: string
  kind: string
  sourceIp: string
  sourcePort: number
  destinationIp?: string
  destinationPort?: number
  transport: string
  method: string | null
  requestUri?: string | null
  callId?: string | null
  calledNumber: string | null
  e164: string | null
  userAgent: string | null
  auth?: { user: string; matchedPassword: string | null } | null
  tool?: { name: string; evidence: string } | null
  responses?: number[]
  size?: number
  count: number
  repeatCount?: number
  raw?: string
  rawShed?: boolean
  rawBase64?: string
}
export type CallJson = {
  callId: string
  items: EventJson[]
  truncated: boolean
  searchedSince: string
  next: string | null
}
export type PageJson<T> = { items: T[]; next: string | null; total: number | null }
export type StatsJson = {
  version: string
  nodeId: string
  startedAt: string
  uptimeSeconds: number
  ready: boolean
  listeners: { transport: string; ip: string; port: number; receiver?: string }[]
  sensors: { [name: string]: number }
  store: { [name: string]: unknown; repairs?: string[]; trouble?: string | null; oldestAt?: string | null }
  indicators: { ipAddressCount: number; phoneNumberCount: number }
  rssSize?: number
}
export type HealthJson = { status: string; troubles?: string[] }

/** A problem document of the API, RFC 9457. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

/** For `catch()`: null in the place of what the node refuses with that code. */
export function nullWhen(code: string): (error: unknown) => null {
  return (error) => {
    if (error instanceof DaemonError && error.cause instanceof ApiProblem && error.cause.code === code) return null
    throw error
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

/** How to reach a node, and how that was found out: the origins are for error texts. */
export type NodeAddress = {
  readonly url: string
  readonly origin: string
  readonly key: string | null
  readonly keyOrigin: string // '--key', a variable or a file; '' without a key
}

const ANSWER_MS = 10_000 // an answer that takes longer is none
const SILENCE_MS = 45_000 // the stream sends a sign of life every 15 s
const RETRY_MS = 3000

/**
 * The API of one node. Every method throws DaemonError NODE_UNREACHABLE when nobody answers, and API_REFUSED, with the
 * ApiProblem as its cause, when the node says no.
 */
export class NodeClient {
  readonly url: string
  readonly #address: NodeAddress
  readonly #signal: AbortSignal

  constructor(address: NodeAddress, signal: AbortSignal) {
    this.url = address.url.replace(/\/+$/, '')
    this.#address = address
    this.#signal = signal
  }

  stats(): Promise<StatsJson> {
    return this.#get('/v1/stats')
  }

  health(): Promise<HealthJson> {
    return this.#get('/v1/health')
  }

  ipAddress(ip: string): Promise<IndicatorJson> {
    return this.#get(`/v1/ip-addresses/${encodeURIComponent(ip)}`)
  }

  phoneNumber(number: string): Promise<IndicatorJson> {
    return this.#get(`/v1/phone-numbers/${encodeURIComponent(number)}`)
  }

  indicators(kind: IndicatorJson['kind'], query: Query): Promise<PageJson<IndicatorJson>> {
    return this.#get(kind === 'ip-address' ? '/v1/ip-addresses' : '/v1/phone-numbers', query)
  }

  events(query: Query): Promise<PageJson<EventJson>> {
    return this.#get('/v1/events', query)
  }

  event(id: string): Promise<EventJson> {
    return this.#get(`/v1/events/${encodeURIComponent(id)}`)
  }

  call(callId: string, query: Query): Promise<CallJson> {
    return this.#get(`/v1/calls/${encodeURIComponent(callId)}`, query)
  }

  /**
   * Live events, for ever: after a break it goes on with the last id it was given. The first connection must succeed;
   * `onLost` hears why a later one broke, `onBack` that it is there again.
   */
  async *stream(
    query: Query,
    on: { lost(reason: string): void; back(): void },
  ): AsyncGenerator<ServerEvent, void, void> {
    let lastId: string | null = null
    let retryMs = RETRY_MS
    let opened = false
    let lost = false
    for (;;) {
      if (lost) await sleep(retryMs, undefined, { signal: this.#signal })
      try {
        const body = await this.#openStream(query, lastId)
        opened = true
        if (lost) on.back()
        lost = false
        for await (const event of serverEvents(body, SILENCE_MS)) {
          if (event.retryMs !== null) retryMs = event.retryMs
          if (event.id !== null) lastId = event.id
          yield event
        }
        throw new DaemonError('NODE_UNREACHABLE', 'the node closed the stream')
      } catch (error) {
        if (!opened || this.#signal.aborted || !isPassing(error)) throw error
        if (!lost) on.lost(error.message)
        lost = true
      }
    }
  }

  async #openStream(query: Query, lastId: string | null): Promise<ReadableStream<Uint8Array>> {
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (lastId !== null) headers['last-event-id'] = lastId
    const timer = new AbortController()
    const timeout = setTimeout(() => timer.abort(new Error('no answer')), ANSWER_MS)
    try {
      const response = await this.#fetch(this.#target('/v1/events/stream', query), headers, timer.signal)
      if (response.body === null) throw new DaemonError('NODE_UNREACHABLE', `${this.url} sent an empty stream`)
      return response.body
    } finally {
      clearTimeout(timeout)
    }
  }

  async #get<T>(path: string, query: Query = {}): Promise<T> {
    const target = this.#target(path, query)
    const response = await this.#fetch(target, { accept: 'application/json' }, AbortSignal.timeout(ANSWER_MS))
    try {
      return (await response.json()) as T
    } catch (error) {
      this.#signal.throwIfAborted()
      throw this.#stranger(`its answer to ${target.pathname} is not JSON`, error)
    }
  }

  #target(path: string, query: Query): URL {
    const target = new URL(this.url + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value))
    return target
  }

  async #fetch(target: URL, headers: Record<string, string>, timeout: AbortSignal): Promise<Response> {
    const { key, origin } = this.#address
    const signal = AbortSignal.any([this.#signal, timeout])
    let response: Response
    try {
      const authorization: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
      response = await fetch(target, { headers: { ...headers, ...authorization }, signal, redirect: 'manual' })
    } catch (error) {
      this.#signal.throwIfAborted()
      const detail = `tried ${this.url} (${origin}): ${reasonOf(error, timeout)}. ${HOW_TO_REACH}`
      throw new DaemonError('NODE_UNREACHABLE', detail, { cause: error })
    }
    if (response.ok) return response
    throw await this.#refusal(response)
  }

  async #refusal(response: Response): Promise<DaemonError> {
    const text = await response.text().catch(() => '')
    const problem = parseProblem(text)
    if (problem === null) return this.#stranger(`it answered with status ${response.status} and no problem document`)
    const hint = response.status === 401 ? `. ${this.#keyHint()}` : ''
    const cause = new ApiProblem(response.status, problem.code, problem.detail)
    return new DaemonError('API_REFUSED', problem.detail + hint, { cause })
  }

  #keyHint(): string {
    if (this.#address.key !== null) return `The key was that of ${this.#address.keyOrigin}`
    return 'Give it with --key KEY or SENTRYPEER_API_KEY, or run this as a user who may read admin.key in the state folder'
  }

  #stranger(what: string, cause?: unknown): DaemonError {
    return new DaemonError('NODE_UNREACHABLE', `${this.url} does not look like a SentryPeer node: ${what}`, { cause })
  }
}

export const HOW_TO_REACH = '"sentrypeer start" runs a node here; --url URL --key KEY names one elsewhere'

/** The network's fault or a node that restarts, which time may mend; what the node refuses, it will refuse again. */
function isPassing(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  if (!(error instanceof DaemonError)) return true // the body broke off
  return error.code === 'NODE_UNREACHABLE' || (error.cause instanceof ApiProblem && error.cause.status === 503)
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ENOTFOUND: 'that name is not known',
  EHOSTUNREACH: 'no way leads to that machine',
  ENETUNREACH: 'no way leads to that network',
  ETIMEDOUT: 'that machine does not answer',
}

function reasonOf(error: unknown, timeout: AbortSignal): string {
  if (timeout.aborted) return `no answer within ${ANSWER_MS / 1000} seconds`
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  return SYSTEM_REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
}

function parseProblem(text: string): { code: string; detail: string } | null {
  try {
    const { code, detail, title } = JSON.parse(text) as { code?: unknown; detail?: unknown; title?: unknown }
    if (typeof code !== 'string') return null
    return { code, detail: String(detail ?? title ?? code) }
  } catch {
    return null // an error page of something else
  }
}
