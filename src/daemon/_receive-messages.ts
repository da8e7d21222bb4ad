// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ErrorCode } from '../core/errors.ts'
import type { SensorsConfig } from '../sensors/sensors.ts'
import type { Listener } from '../sensors/types.ts'
import type { ClockOffset } from '../store/clock.ts'
import type { InletInit } from '../store/inlet.ts'

/** What a thread that receives datagrams is started with. */
export type ReceiveInit = {
  readonly config: SensorsConfig // its addresses are all UDP
  readonly clockOffset: ClockOffset
  readonly inlet: InletInit
  /** Where it tells its counters, in the order of COUNTER_NAMES. */
  readonly counters: Float64Array<SharedArrayBuffer>
}

/** Main thread → receive thread: let others bind the same addresses; deal out what comes among so many; end. */
export type ToReceiver = 'share' | { readonly count: number } | 'stop'

/** Receive thread → main thread. */
export type FromReceiver =
  | { readonly kind: 'listening'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'shared' }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly object: object; readonly text: string }
  | { readonly kind: 'vector'; readonly bytes: Uint8Array; readonly error: unknown }
