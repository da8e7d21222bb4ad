// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SensorCounters } from './types.ts'

/** The counters of all sensors together, while they count. */
export type Counters = { -readonly [name in keyof SensorCounters]: SensorCounters[name] }

export function createCounters(): Counters {
  return {
    receivedCount: 0,
    kernelDropCount: 0,
    repliedCount: 0,
    silencedByBytesCount: 0,
    silencedByRateCount: 0,
    sendErrorCount: 0,
    bugCount: 0,
    connectionCount: 0,
    shedConnectionCount: 0,
  }
}

export const COUNTER_NAMES = Object.keys(createCounters()) as readonly (keyof SensorCounters)[]
