// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from './garbage.ts'
import type { FromStore, StoreInit, ToStore } from './messages.ts'
import { failure, StoreThread } from './store-thread.ts'

const port = parentPort
if (port === null) throw new Error('This file runs as a thread of the store')
const send = (message: FromStore, transfer: readonly ArrayBuffer[] = []): void => {
  port.postMessage(message, [...transfer])
  if (message.kind === 'stopped') port.close()
}

try {
  const thread = new StoreThread(workerData as StoreInit, send)
  port.on('message', (message: ToStore) => thread.receive(message))
  collectGarbage()
} catch (error) {
  send(failure(error))
  port.close()
}
