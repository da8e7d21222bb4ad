// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parentPort, workerData } from 'node:worker_threads'
import type { Event } from '../core/event.ts'
import { createClock } from './clock.ts'
import { indexDir } from './day-index.ts'
import { deriveEvent } from './derive.ts'
import { EventQueries } from './event-query.ts'
import { JournalReader } from './journal-reader.ts'
import type { ReaderCall, ReaderRequest, ReaderResult, WorkerInit } from './messages.ts'
import { RETENTION_MS } from './retention.ts'
import { journalDir } from './segment.ts'
import type { JournalBatch } from './types.ts'

const port = parentPort
if (port === null) throw new Error('This file runs as a thread of the store')
const init = workerData as WorkerInit
const now = createClock(init.clockOffset)
const journal = new JournalReader(journalDir(init.stateDir))
const queries = new EventQueries(indexDir(init.stateDir), { journal, now })

port.on('message', (message: ReaderRequest | 'stop') => {
  if (message === 'stop') {
    queries[Symbol.dispose]()
    journal[Symbol.dispose]()
    port.close()
    return
  }
  const { token, call } = message
  try {
    port.postMessage({ token, result: answer(call) })
  } catch (error) {
    port.postMessage({ token, error: error instanceof Error ? error.message : String(error) })
  }
})

function answer(call: ReaderCall): ReaderResult {
  if (call.kind === 'events') {
    const page = queries.page(call.query)
    return { ...page, items: page.items.map(own) }
  }
  if (call.kind === 'event') {
    const found = queries.event(call.id)
    return found && own(found)
  }
  return read(call.after, call.limit, call.upTo)
}

function read(after: number, limit: number, upTo: number): JournalBatch {
  const entries = journal.read(after, limit, upTo)
  const cutoff = now() - RETENTION_MS
  const events = entries.flatMap(({ id, record }) =>
    record.type === 'event' && record.observation.at > cutoff
      ? [own({ event: deriveEvent(id, record.observation) }).event]
      : [],
  )
  const atEnd = entries.length < limit
  return { events, position: atEnd ? Math.max(after, upTo) : (entries.at(-1)?.id ?? after), atEnd }
}

/** A message to another thread takes the whole buffer along that a view lies in, here a whole block: so a copy. */
function own<T extends { readonly event: Event }>(holder: T): T {
  return { ...holder, event: { ...holder.event, raw: new Uint8Array(holder.event.raw) } }
}
