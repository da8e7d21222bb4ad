// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { TestContext } from 'node:test'
import { createAppliedCount } from '../../src/store/_delta-sender.ts'
import { type ClockOffset, createClockOffset } from '../../src/store/clock.ts'
import type { FromStore } from '../../src/store/messages.ts'
import { eventRecordSize, writeEventRecord } from '../../src/store/record.ts'
import { StoreThread, type StoreThreadDeps } from '../../src/store/store-thread.ts'
import { observation, sipRequest } from './observations.ts'
import { tempDir } from './temp-dir.ts'

export type ThreadOptions = StoreThreadDeps & {
  readonly clockOffset?: ClockOffset
  readonly snapshotMs?: number
}

/** A store thread that runs in this one. */
export function threadOf(
  t: TestContext,
  { clockOffset = createClockOffset(), snapshotMs = Number.POSITIVE_INFINITY, ...deps }: ThreadOptions = {},
) {
  const sent: FromStore[] = []
  const listeners = new Set<() => void>()
  const applied = createAppliedCount()
  const stateDir = tempDir(t)
  const init = { stateDir, quotaSize: 100 * 1_048_576, clockOffset, applied, snapshot: null, snapshotMs }
  const send = (message: FromStore): void => {
    sent.push(message)
    for (const listener of listeners) listener()
  }
  const thread = new StoreThread(init, send, deps)
  const until = (matches: (message: FromStore) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!sent.some(matches)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
    })
  const stop = (): Promise<void> => {
    thread.receive({ kind: 'stop' })
    return until(({ kind }) => kind === 'stopped')
  }
  t.after(() => (sent.some(({ kind }) => kind === 'stopped') ? undefined : stop()))
  return { thread, sent, applied, until, stop, clockOffset, dir: stateDir }
}

/** Event records end to end, as a sensor hands them over. */
export function records(
  count: number,
  prefix = 'call',
  factsOf: (i: number) => { ip?: string; number?: string; ageMs?: number } = () => ({}),
): Uint8Array {
  const all = Array.from({ length: count }, (_, i) =>
    observation({
      at: Date.now() - (factsOf(i).ageMs ?? 0),
      bytes: sipRequest({ callId: `${prefix}-${i}`, ...factsOf(i) }),
      source: { ip: factsOf(i).ip ?? '192.0.2.1', port: i },
    }),
  )
  const bytes = new Uint8Array(all.reduce((size, one) => size + eventRecordSize(one), 0))
  let at = 0
  for (const one of all) at += writeEventRecord(one, bytes, at)
  return bytes
}
