// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { BatchReceiver } from './linux/batch-receiver.ts'

/**
 * Keeps a batch receiver going: it waits for datagrams inside the system, at most `waitMs` at a time, and lets the
 * thread's messages and timers through between. A thread that has other things to do should wait 0.
 */
export function startBatchLoop(receiver: BatchReceiver, waitMs: number): Disposable {
  let next: NodeJS.Immediate
  const turn = (): void => {
    receiver.turn(waitMs)
    next = setImmediate(turn)
  }
  next = setImmediate(turn)
  return { [Symbol.dispose]: () => clearImmediate(next) }
}
