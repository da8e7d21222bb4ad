// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parentPort, workerData } from 'node:worker_threads'
import type { Event } from '../core/event.ts'
import { searchCall } from './call-search.ts'
import { createClock } from './clock.ts'
import { indexDir } from './day-files.ts'
import { deriveEvent } from './derive.ts'
import { EventQueries } from './event-query.ts'
import { JournalReader } from './journal-reader.ts'
import type { ReaderCall, ReaderRequest, ReaderResult, WorkerInit } from './messages.ts'
import { RETENTION_MS } from './retention.ts'
import { journalDir } from './segment.ts'
import type { EventPage, IndexedEvent, JournalBatch } from './types.ts'

const PAGE_RAW_SIZE_MAX = 4 * 1024 * 1024 // bytes of raw messages on a page: what the main thread handles at once

const port = parentPort
if (port === null) throw new Error('This file runs as a thread of the store')
const init = workerData as WorkerInit
const now = createClock(init.clockOffset)
const journal = new JournalReader(journalDir(init.stateDir))
const queries = new EventQueries(indexDir(init.stateDir), { journal, now })

const stopping = new AbortController()
const underWay = new Set<Promise<void>>()

port.on('message', (message: ReaderRequest | 'stop') => {
  if (message === 'stop') {
    stopping.abort(new Error('Cannot read: the store is closing'))
    void Promise.all(underWay).then(close)
    return
  }
  const done = reply(message).finally(() => underWay.delete(done))
  underWay.add(done)
})

async function reply({ token, call }: ReaderRequest): Promise<void> {
  try {
    port?.postMessage({ token, result: await answer(call) })
  } catch (error) {
    port?.postMessage({ token, error: error instanceof Error ? error.message : String(error) })
  }
}

function close(): void {
  queries[Symbol.dispose]()
  journal[Symbol.dispose]()
  port?.close()
}

function answer(call: ReaderCall): ReaderResult | Promise<ReaderResult> {
  if (call.kind === 'events') {
    const page = queries.page(call.query)
    return shorten(page)
  }
  if (call.kind === 'event') {
    const found = queries.event(call.id)
    return found && own(found)
  }
  if (call.kind === 'call') {
    const since = Math.max(call.query.since, now() - RETENTION_MS)
    return searchCall(
      journal,
      { ...call.query, since },
      { monotonicNow: () => performance.now(), signal: stopping.signal },
    )
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

/** Ends a page early where its raw messages, which are what makes an event large, pass the limit. */
function shorten(page: EventPage): EventPage {
  const items: IndexedEvent[] = []
  let size = 0
  for (const item of page.items) {
    size += item.event.raw.length
    const last = items.at(-1)
    if (size > PAGE_RAW_SIZE_MAX && last !== undefined) return { ...page, items, next: last.event.id }
    items.push(own(item))
  }
  return { ...page, items }
}

/** A message to another thread takes the whole buffer along that a view lies in, here a whole block: so a copy. */
function own<T extends { readonly event: Event }>(holder: T): T {
  return { ...holder, event: { ...holder.event, raw: new Uint8Array(holder.event.raw) } }
}
