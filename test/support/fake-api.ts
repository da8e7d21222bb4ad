// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { pino } from 'pino'
import type { ApiDeps } from '../../src/api/deps.ts'
import { createFakeStore, FAKE_AT, type FakeStore } from './fake-store.ts'

export const ADMIN_KEY = 'key-of-the-administrator'
export const KEYED = { authorization: `Bearer ${ADMIN_KEY}` }

/** What the API needs, with a store of arrays and a clock that stands. */
export function fakeApiDeps(deps: Partial<ApiDeps> = {}): ApiDeps & { store: FakeStore; logged: string[] } {
  const logged: string[] = []
  const store = createFakeStore()
  return {
    now: () => FAKE_AT + 60_000,
    log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
    node: { id: '6a9e3c1e-0000-4000-8000-000000000001', version: '1.2.3', startedAt: FAKE_AT - 60_000 },
    adminKey: ADMIN_KEY,
    sensors: () => ({
      listeners: [{ transport: 'udp', endpoint: { ip: '0.0.0.0', port: 5060 }, receiver: 'dgram' }],
      counters: {
        receivedCount: 1,
        repliedCount: 1,
        silencedByBytesCount: 0,
        silencedByRateCount: 0,
        sendErrorCount: 0,
        bugCount: 0,
        connectionCount: 0,
        shedConnectionCount: 0,
        kernelDropCount: 0,
      },
    }),
    ready: () => true,
    ...deps,
    store,
    logged,
  }
}
