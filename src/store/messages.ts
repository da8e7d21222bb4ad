// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ErrorCode } from '../core/errors.ts'
import type { AppliedCount } from './_delta-sender.ts'
import type { ClockOffset } from './clock.ts'
import type { DeltaBatch } from './delta-batch.ts'
import type { Expiry } from './indexer.ts'
import type { InletInit } from './inlet.ts'
import type { CallPage, CallQuery, EventPage, EventQuery, IndexedEvent, JournalBatch } from './types.ts'

/** What the store and reader threads are started with. */
export type WorkerInit = {
  readonly stateDir: string
  readonly quotaSize: number // bytes
  readonly clockOffset: ClockOffset
}
export type StoreInit = WorkerInit & {
  readonly applied: AppliedCount
  /** The indicators that the main thread has loaded. */
  readonly snapshot: LoadedSnapshot | null
  readonly snapshotMs: number // between two snapshots
}

/** What the indicators stand for when all that was sent before is applied. */
export type SnapshotMark = {
  readonly position: number // all records of the journal up to it, and none behind it
  readonly salt: string | null // of the segment that holds that record, which no other node has; null: there is none
  /** All hours before this one have been taken out, as far as the index held them; null when some may be left. */
  readonly expiredHour: number | null
}
export type LoadedSnapshot = SnapshotMark & { readonly oldestAt: number } // the first time of any indicator or form

/** Main thread → store thread. */
export type ToStore =
  | { readonly kind: 'batch'; readonly bytes: Uint8Array } // event records end to end
  | { readonly kind: 'inlet'; readonly init: InletInit } // a thread that receives hands over its ring
  | { readonly kind: 'flush'; readonly token: number; readonly indexed: boolean }
  | { readonly kind: 'stop' }

/** What the store thread knows of itself; sent with everything that changes it. */
export type StoreCounters = {
  readonly position: number // id of the newest durable record
  readonly durableCount: number // observations since start
  readonly indexedCount: number
  readonly indexLagCount: number
  readonly repeatCount: number
  readonly shedRawCount: number
  readonly journalSize: number
  readonly indexSize: number
  readonly oldestAt: number | null
  readonly trouble: string | null
}

/** Store thread → main thread. */
export type FromStore =
  | { readonly kind: 'batch'; readonly batch: DeltaBatch }
  | { readonly kind: 'ready'; readonly repairs: readonly string[]; readonly counters: StoreCounters }
  | { readonly kind: 'progress'; readonly counters: StoreCounters; readonly doneSize: number } // doneSize: bytes of batches now durable
  | { readonly kind: 'expired'; readonly expiries: readonly Expiry[] }
  | { readonly kind: 'flushed'; readonly token: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly message: string }
  | { readonly kind: 'mark'; readonly mark: SnapshotMark } // now is the time for a snapshot
  | { readonly kind: 'forget' } // the snapshot cannot be used
  | { readonly kind: 'stopped'; readonly mark: SnapshotMark | null }

/** Main thread → reader thread, each answered by one `ReaderAnswer` of the same token. */
export type ReaderCall =
  | { readonly kind: 'events'; readonly query: EventQuery }
  | { readonly kind: 'event'; readonly id: number }
  | { readonly kind: 'call'; readonly query: CallQuery & { readonly upTo: number } }
  | { readonly kind: 'read'; readonly after: number; readonly limit: number; readonly upTo: number }
export type ReaderRequest = { readonly token: number; readonly call: ReaderCall }
export type ReaderResult = CallPage | EventPage | IndexedEvent | JournalBatch | undefined
export type ReaderAnswer =
  | { readonly token: number; readonly result: ReaderResult }
  | { readonly token: number; readonly error: string }
