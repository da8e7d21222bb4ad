// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Milliseconds added to the system's clock, shared by all threads of a node; 0 save where a test moves time. */
export type ClockOffset = Float64Array<SharedArrayBuffer>

export function createClockOffset(ms = 0): ClockOffset {
  const offset = new Float64Array(new SharedArrayBuffer(8))
  offset[0] = ms
  return offset
}

/** Ms since epoch. */
export function createClock(offset: ClockOffset): () => number {
  return () => Date.now() + (offset[0] ?? 0)
}
