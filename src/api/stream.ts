// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import type { Event } from '../core/event.ts'
import { LagMeter } from './_lag.ts'
import type { ApiDeps } from './deps.ts'
import { eventJson } from './json.ts'
import { Problem } from './problem.ts'

export const STREAM_LIMITS = {
  clientCount: 64,
  behindCount: 10_000, // events; a client further behind is moved to now
  heartbeatMs: 15_000,
  blockedMs: 60_000, // a client that takes nothing for so long is let go
  retryMs: 3000, // what the client waits before it comes back
  readCount: 50, // events; a client that takes nothing holds so many, and each may be 64 KiB
  chunkSize: 32 * 1024, // bytes, about
} as const
export type StreamLimits = { readonly [K in keyof typeof STREAM_LIMITS]: number }

export type StreamOptions = {
  /** The id of the last event the client has; undefined: it wants what comes from now on. */
  readonly after: number | undefined
  matches(event: Event): boolean
  readonly whole: boolean // credentials are not hidden
}

type Client = StreamOptions & {
  readonly abort: AbortController
  cursor: number // journal position
  isBeatDue: boolean
  blockedAt: number | null // since when it takes nothing
  wake: () => void
  stop: () => void
}

/**
 * Durable events to many clients as server-sent events (WHATWG HTML §9.2). The journal is the queue: each client has a
 * cursor of its own and reads on when its socket took the last chunk, so a slow client costs one chunk of memory.
 */
export class EventStreams {
  readonly #deps: Pick<ApiDeps, 'store' | 'now'>
  readonly #limits: StreamLimits
  readonly #lag: LagMeter
  readonly #clients = new Set<Client>()
  #advances = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined

  constructor(deps: Pick<ApiDeps, 'store' | 'now'>, limits: StreamLimits = STREAM_LIMITS) {
    this.#deps = deps
    this.#limits = limits
    this.#lag = new LagMeter(deps.store, limits.behindCount)
  }

  get clientCount(): number {
    return this.#clients.size
  }

  /** Starts a stream, which ends when it is destroyed or the streams are closed. Throws Problem TOO_MANY_STREAMS. */
  open(options: StreamOptions): Readable {
    if (this.#closed || this.#clients.size >= this.#limits.clientCount) {
      throw new Problem('TOO_MANY_STREAMS', `${this.#limits.clientCount} clients listen already; try again later`)
    }
    const position = this.#deps.store.position()
    const cursor = options.after ?? position
    const client: Client = {
      ...options,
      abort: new AbortController(),
      cursor,
      isBeatDue: false,
      blockedAt: null,
      wake: () => {},
      stop: () => {},
    }
    this.#add(client)
    const feed = this.#feed(client)
    // Not Readable.from: its destroy() waits for a feed that sleeps until the next event.
    const readable = new Readable({
      highWaterMark: this.#limits.chunkSize,
      read() {
        const push = ({ value, done }: IteratorResult<string, void>) => void this.push(done === true ? null : value)
        feed.next().then(push, (error: Error) => this.destroy(error))
      },
      destroy: (error, done) => {
        this.#remove(client)
        done(error)
      },
    })
    client.stop = () => readable.destroy()
    return readable
  }

  /** Ends every stream, and lets no further one start. */
  close(): void {
    this.#closed = true
    for (const client of this.#clients) this.#end(client)
  }

  #add(client: Client): void {
    this.#clients.add(client)
    if (this.#clients.size > 1) return
    this.#lag.reset()
    this.#lag.sample()
    this.#unsubscribe = this.#deps.store.onAdvance(() => this.#advance())
    this.#timer = setInterval(() => this.#tick(), this.#limits.heartbeatMs).unref()
  }

  #remove(client: Client): void {
    this.#end(client)
    if (!this.#clients.delete(client) || this.#clients.size > 0) return
    this.#unsubscribe?.()
    clearInterval(this.#timer)
  }

  #end(client: Client): void {
    client.abort.abort()
    client.wake()
  }

  #advance(): void {
    this.#advances++
    this.#lag.sample()
    for (const client of this.#clients) client.wake()
  }

  #tick(): void {
    const now = this.#deps.now()
    for (const client of this.#clients) {
      const blocked = client.blockedAt !== null && now - client.blockedAt >= this.#limits.blockedMs
      client.isBeatDue = true
      if (blocked) client.stop()
      else client.wake()
    }
  }

  // An id without data (here and in the heartbeat) is where the client comes back to, though nothing so far was for it.
  async *#feed(client: Client): AsyncGenerator<string, void, undefined> {
    yield* this.#send(client, `retry: ${this.#limits.retryMs}\nid: ${client.cursor}\n\n`)
    const { signal } = client.abort
    let beyond = client.cursor > this.#deps.store.position() || (await this.#lag.isBeyondReach(client.cursor))
    while (!signal.aborted) {
      const advances = this.#advances
      if (beyond) yield* this.#send(client, this.#skip(client))
      const atEnd = yield* this.#sendBatch(client)
      beyond = this.#lag.countBehind(client.cursor) > this.#limits.behindCount
      if (!atEnd || signal.aborted) continue
      if (client.isBeatDue) yield* this.#send(client, `id: ${client.cursor}\n: alive\n\n`)
      if (advances === this.#advances && !signal.aborted) await this.#sleep(client)
    }
  }

  /** Sends what lies behind the cursor, up to one batch; says whether that was all. */
  async *#sendBatch(client: Client): AsyncGenerator<string, boolean, undefined> {
    const { events, position, atEnd } = await this.#deps.store.read(client.cursor, this.#limits.readCount)
    const stuck = position <= client.cursor
    let chunk = ''
    for (const event of events) {
      if (client.abort.signal.aborted) return true
      client.cursor = event.id
      if (!client.matches(event)) continue
      chunk += this.#frame(client, event)
      if (chunk.length < this.#limits.chunkSize) continue
      yield* this.#send(client, chunk)
      chunk = ''
    }
    client.cursor = Math.max(client.cursor, position)
    if (chunk !== '') yield* this.#send(client, chunk)
    return atEnd || stuck
  }

  #frame(client: Client, event: Event): string {
    const json = eventJson({ event, count: 1, repeatCount: 0, lastAt: event.at }, client)
    return `id: ${event.id}\nevent: event\ndata: ${JSON.stringify(json)}\n\n`
  }

  /** Moves the client to now and tells it between which ids it missed events. */
  #skip(client: Client): string {
    const after = client.cursor
    client.cursor = this.#deps.store.position()
    const detail = `More than ${this.#limits.behindCount} events behind, or not a place in this journal`
    const data = JSON.stringify({ after: String(after), position: String(client.cursor), detail })
    return `id: ${client.cursor}\nevent: skipped\ndata: ${data}\n\n`
  }

  *#send(client: Client, text: string): Generator<string, void, undefined> {
    client.isBeatDue = false
    client.blockedAt = this.#deps.now()
    yield text
    client.blockedAt = null
  }

  #sleep(client: Client): Promise<void> {
    return new Promise((resolve) => {
      client.wake = resolve
    })
  }
}
