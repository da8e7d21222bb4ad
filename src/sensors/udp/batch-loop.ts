// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { BatchReceiver } from './linux/batch-receiver.ts'

const LAST_MS = 100 // taken at most for what lies in the system at the end: a flood does not end by itself

/**
 * Keeps a batch receiver going: it waits for datagrams inside the system, at most `waitMs` at a time, and lets the
 * thread's messages and timers through between. A thread that has other things to do should wait 0. At its end it takes
 * what the system has received by then.
 */
export function startBatchLoop(receiver: BatchReceiver, waitMs: number): Disposable {
  let next: NodeJS.Immediate
  const turn = (): void => {
    receiver.turn(waitMs)
    next = setImmediate(turn)
  }
  next = setImmediate(turn)
  return {
    [Symbol.dispose]: () => {
      clearImmediate(next)
      const until = performance.now() + LAST_MS
      while (receiver.turn(0) > 0 && performance.now() < until);
    },
  }
}
