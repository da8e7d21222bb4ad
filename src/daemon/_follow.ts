// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event } from '../core/event.ts'
import type { Store } from '../store/types.ts'

const READ_COUNT = 500 // events read at once
const STOP_MS = 500 // how long a stop goes on handing over

/**
 * Hands every event that becomes durable from now on to `write`, in order and one after the other. The journal is the
 * queue, so a slow reader holds nothing up and loses nothing. Disposing hands over what is left, but for half a second at most.
 */
export function followJournal(
  store: Pick<Store, 'read' | 'position' | 'onAdvance'>,
  deps: { write(event: Event): void | Promise<void>; onTrouble(error: Error): void },
): AsyncDisposable {
  let position = store.position()
  let running: Promise<void> | null = null
  let giveUpAt = Number.POSITIVE_INFINITY // monotonic ms

  const drain = async (): Promise<void> => {
    for (let atEnd = false; !atEnd || position < store.position(); ) {
      if (performance.now() > giveUpAt)
        throw new Error('the stop did not wait for the newest events; the journal has them')
      const batch = await store.read(position, READ_COUNT)
      for (const event of batch.events) await deps.write(event)
      position = batch.position
      atEnd = batch.atEnd
    }
  }
  const start = (): void => {
    running ??= drain()
      .catch(deps.onTrouble)
      .finally(() => {
        running = null
      })
  }
  const stopListening = store.onAdvance(start)
  return {
    [Symbol.asyncDispose]: async () => {
      stopListening()
      giveUpAt = performance.now() + STOP_MS
      await running
      await drain().catch(deps.onTrouble)
    },
  }
}
