// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event } from '../../src/core/event.ts'
import type { Indicator, IndicatorKind } from '../../src/core/indicator.ts'
import type { IndexedEvent, Indicators, Store, StoreStatus } from '../../src/store/types.ts'

/** What a test may put in and turn; what it leaves out has a plain value. */
export type FakeStore = Pick<
  Store,
  'indicators' | 'events' | 'event' | 'call' | 'read' | 'position' | 'onAdvance' | 'status'
> & {
  /** Appends an event, durable at once, and says so to whoever listens. */
  push(event: Partial<Event>): Event
  /** Puts an indicator, in place of one with the same value. */
  putIndicator(indicator: Partial<Indicator> & Pick<Indicator, 'kind' | 'value'>): Indicator
  readonly listenerCount: number
  setStatus(status: Partial<StoreStatus>): void
}

export const FAKE_CALL_COUNT = 3 // messages of a call that one answer has
export const FAKE_AT = Date.UTC(2026, 10, 23, 9, 5, 18, 904)

/** An INVITE over UDP, unless told otherwise. */
export function fakeEvent(event: Partial<Event> & { readonly id: number }): Event {
  const raw = event.raw ?? Buffer.from('INVITE sip:900442081234567@192.0.2.1 SIP/2.0\r\nUser-Agent: pplsip\r\n\r\n')
  return {
    kind: 'sip-request',
    at: FAKE_AT + event.id,
    transport: 'udp',
    source: { ip: '198.51.100.7', port: 5071 },
    destination: { ip: '192.0.2.1', port: 5060 },
    validation: 'none',
    collectedMethod: 'responsive',
    responses: [404],
    sentSize: 40,
    size: raw.length,
    method: 'INVITE',
    requestUri: 'sip:900442081234567@192.0.2.1',
    from: '<sip:100@192.0.2.1>;tag=1',
    to: '<sip:900442081234567@192.0.2.1>',
    contact: null,
    callId: 'abc@198.51.100.7',
    cseq: '1 INVITE',
    userAgent: 'pplsip',
    calledNumbers: [{ from: 'request-uri', raw: '900442081234567' }],
    otherNumbers: [],
    calledNumber: '900442081234567',
    e164: '+442081234567',
    tags: ['toll-fraud-call'],
    defects: [],
    auth: null,
    tool: { name: 'sippts', evidence: 'user-agent', decodedTag: null },
    headerOrder: null,
    raw,
    rawShed: false,
    ja4: null,
    media: null,
    ...event,
  }
}

const EMPTY_STATUS: StoreStatus = {
  acceptedCount: 0,
  durableCount: 0,
  indexedCount: 0,
  repeatCount: 0,
  shedRawCount: 0,
  droppedCount: 0,
  evictedIndicatorCount: 0,
  queuedSize: 0,
  indexLagCount: 0,
  journalSize: 0,
  indexSize: 0,
  quotaSize: 2 ** 31,
  oldestAt: null,
  repairs: [],
  trouble: null,
}

/** A store of arrays. Ids go up in steps of 10, since ids of the real one are not dense. */
export function createFakeStore(): FakeStore {
  const events: Event[] = []
  const indicators: Indicator[] = []
  const listeners = new Set<() => void>()
  let extra: Partial<StoreStatus> = {}
  const position = () => events.at(-1)?.id ?? 0
  const indexed = (event: Event): IndexedEvent => ({ event, count: 1, repeatCount: 0, lastAt: event.at })
  return {
    indicators: fakeIndicators(indicators),
    position,
    push: (init) => {
      const event = fakeEvent({ ...init, id: position() + 10 })
      events.push(event)
      for (const listener of listeners) listener()
      return event
    },
    putIndicator: (init) => {
      const indicator: Indicator = {
        firstSeenAt: FAKE_AT - 1000,
        lastSeenAt: FAKE_AT,
        count: 1,
        repeatCount: 0,
        validation: 'none',
        tags: [],
        dialled: [],
        ...init,
      }
      const at = indicators.findIndex(({ kind, value }) => kind === indicator.kind && value === indicator.value)
      if (at !== -1) indicators.splice(at, 1)
      indicators.push(indicator)
      indicators.sort((a, b) => b.lastSeenAt - a.lastSeenAt)
      return indicator
    },
    setStatus: (status) => {
      extra = status
    },
    get listenerCount() {
      return listeners.size
    },
    status: () => ({ ...EMPTY_STATUS, acceptedCount: events.length, durableCount: events.length, ...extra }),
    onAdvance: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    event: async (id) => events.filter((event) => event.id === id).map(indexed)[0],
    call: async ({ callId, since, before = Number.POSITIVE_INFINITY }) => {
      const found = events.filter((event) => event.callId === callId && event.at >= since && event.id < before)
      const items = found.slice(-FAKE_CALL_COUNT)
      const next = found.length > items.length ? items[0]!.id : null
      return { items: items.map(indexed), next, searchedSince: next === null ? since : items[0]!.at }
    },
    events: async (query) => {
      const found = events.toReversed().filter((event) => matches(event, query))
      const rest = found.filter(({ id }) => id < (query.before ?? Number.POSITIVE_INFINITY))
      const items = rest.slice(0, query.limit)
      return {
        items: items.map(indexed),
        next: rest.length > items.length ? items.at(-1)!.id : null,
        total: found.length,
      }
    },
    read: async (after, limit) => {
      const from = firstAfter(events, after)
      const batch = events.slice(from, from + limit)
      return { events: batch, position: batch.at(-1)?.id ?? after, atEnd: from + limit >= events.length }
    },
  }
}

function firstAfter(events: readonly Event[], after: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[middle]!.id <= after) low = middle + 1
    else high = middle
  }
  return low
}

function matches(event: Event, query: Parameters<Store['events']>[0]): boolean {
  const { number } = query
  return (
    (query.ip === undefined || event.source.ip === query.ip) &&
    (query.method === undefined || event.method === query.method) &&
    (query.userAgent === undefined || event.userAgent === query.userAgent) &&
    (query.transport === undefined || event.transport === query.transport) &&
    (query.tag === undefined || event.tags.some((tag) => tag === query.tag)) &&
    (query.since === undefined || event.at >= query.since) &&
    (query.until === undefined || event.at < query.until) &&
    (number === undefined || event.e164 === number || event.calledNumbers.some(({ raw }) => raw === number))
  )
}

function fakeIndicators(indicators: readonly Indicator[]): Indicators {
  const all = (kind: IndicatorKind) => indicators.filter((indicator) => indicator.kind === kind)
  return {
    all,
    count: (kind) => all(kind).length,
    get: (kind, value) =>
      all(kind).find((indicator) => indicator.value === value || indicator.dialled.some(({ raw }) => raw === value)),
    page: (kind, query) => {
      const found = all(kind).filter(
        (indicator) =>
          (query.since === undefined || indicator.lastSeenAt >= query.since) &&
          (query.tag === undefined || indicator.tags.some((tag) => tag === query.tag)) &&
          (query.validation === undefined || indicator.validation === query.validation),
      )
      const from = query.after === undefined ? 0 : found.findIndex(({ value }) => value === query.after) + 1
      if (query.after !== undefined && from === 0) throw new RangeError(`Cannot go on after "${query.after}"`)
      const items = found.slice(from, from + query.limit)
      return { items, next: from + items.length < found.length ? items.at(-1)!.value : null, total: found.length }
    },
  }
}
