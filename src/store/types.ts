// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event, Observation } from '../core/event.ts'
import type { Indicator, IndicatorKind } from '../core/indicator.ts'
import type { InletInit } from './inlet.ts'

/** Filters are joined by "and". Times are ms since epoch, `since` inclusive, `until` exclusive. */
export type EventQuery = {
  readonly limit: number // 1–1,000
  readonly before?: number | undefined // only events with a smaller id: the keyset
  readonly ip?: string | undefined // canonical text
  readonly number?: string | undefined // any dialled form, or E.164
  readonly method?: string | undefined
  readonly userAgent?: string | undefined // exact
  readonly transport?: string | undefined
  readonly tag?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
}

/** An index row: an event, and how many like it were folded into it. */
export type IndexedEvent = {
  readonly event: Event
  readonly count: number // events in this row
  readonly repeatCount: number // UDP retransmissions of them
  readonly lastAt: number
}

/** Newest first; `next` is the `before` of the next page, null at the end. */
export type EventPage = {
  readonly items: readonly IndexedEvent[]
  readonly next: number | null
  readonly total: number | null // null when a filtered total would be above 10,000
}

/** Which messages of a call are wanted. Times are ms since epoch. */
export type CallQuery = {
  readonly callId: string
  readonly since: number // inclusive
  readonly before?: number | undefined // only events with a smaller id: the keyset
}

/** The newest messages of a call that were found, oldest first; each is an event of its own, never a row of many. */
export type CallPage = {
  readonly items: readonly IndexedEvent[]
  readonly next: number | null // the `before` of the next page; null: all was looked through
  readonly searchedSince: number // how far back was looked, ms since epoch
}

/** Events in journal order, oldest first. `position` is the `after` to go on with. */
export type JournalBatch = {
  readonly events: readonly Event[]
  readonly position: number
  readonly atEnd: boolean // nothing durable lay behind the last of them
}

export type IndicatorQuery = {
  readonly limit: number // 1–1,000
  readonly after?: string | undefined // `next` of the page before
  readonly since?: number | undefined // last seen at or after, ms since epoch
  readonly tag?: string | undefined
  readonly validation?: string | undefined
}
export type IndicatorPage = {
  readonly items: readonly Indicator[]
  readonly next: string | null
  readonly total: number | null
}

/** What lookups are answered from: memory only, current within 100 ms of the packet. */
export type Indicators = {
  get(kind: IndicatorKind, value: string): Indicator | undefined // a number by any of its forms
  page(kind: IndicatorKind, query: IndicatorQuery): IndicatorPage // most recently seen first; RangeError when `after` is not one of ours
  /** All, most recently seen first. */
  all(kind: IndicatorKind): Iterable<Indicator>
  count(kind: IndicatorKind): number
}

export type StoreStatus = {
  readonly acceptedCount: number // observations taken since start
  readonly durableCount: number // of them, on disk after fdatasync
  readonly indexedCount: number // records taken into the index since start, also those of before
  readonly repeatCount: number // UDP retransmissions recognised
  readonly shedRawCount: number // events kept without their full raw bytes
  readonly droppedCount: number // observations lost, since the queue to the disk was full
  readonly queuedSize: number // bytes between the sensors and the disk
  readonly indexLagCount: number // durable records that the index does not hold yet
  readonly evictedIndicatorCount: number // indicators that memory had no room for; their events stay
  readonly journalSize: number // bytes on disk
  readonly indexSize: number
  readonly quotaSize: number
  readonly oldestAt: number | null // of the oldest record held, to the hour
  readonly repairs: readonly string[] // what opening the store had to mend, in words
  readonly trouble: string | null // why writing does not work just now, in words
}

/** The node's memory. Opened by `openStore`; one process a folder. */
export type Store = AsyncDisposable & {
  /** Takes an observation; never blocks, never throws. Copies the bytes. */
  append(observation: Observation): void
  /** A ring through which another thread hands over datagrams; to be given to that thread. */
  openInlet(): InletInit
  /** Whether so much waits for the disk that messages are shortened: who can make its sources wait, should. */
  isBusy(): boolean
  /** Resolves when everything appended so far is durable and, with `indexed`, queryable. */
  flush(options?: { indexed?: boolean }): Promise<void>
  readonly indicators: Indicators
  events(query: EventQuery): Promise<EventPage>
  event(id: number): Promise<IndexedEvent | undefined>
  /** Looks a call up in the journal, newest first, for a second at most: no index has Call-IDs. */
  call(query: CallQuery): Promise<CallPage>
  /** Reads on in the journal; `after` 0 starts at the oldest record held. */
  read(after: number, limit: number): Promise<JournalBatch>
  /** The newest durable position. */
  position(): number
  /** Calls back whenever the position moved; returns how to stop. */
  onAdvance(listener: () => void): () => void
  status(): StoreStatus
}
