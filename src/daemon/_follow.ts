// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event } from '../core/event.ts'
import type { Store } from '../store/types.ts'

const READ_COUNT = 500 // events read at once

/**
 * Hands every event that becomes durable from now on to `write`, in order and one after the other. The journal is the
 * queue, so a slow reader holds nothing up and loses nothing. Disposing waits until the last durable event was handed over.
 */
export function followJournal(
  store: Pick<Store, 'read' | 'position' | 'onAdvance'>,
  deps: { write(event: Event): void | Promise<void>; onTrouble(error: Error): void },
): AsyncDisposable {
  let position = store.position()
  let running: Promise<void> | null = null

  const drain = async (): Promise<void> => {
    for (let atEnd = false; !atEnd || position < store.position(); ) {
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
      await running
      await drain().catch(deps.onTrouble)
    },
  }
}
