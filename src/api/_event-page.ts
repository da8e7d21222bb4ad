// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setImmediate as turn } from 'node:timers/promises'
import type { EventPage, EventQuery, IndexedEvent } from '../store/types.ts'
import type { ApiDeps } from './deps.ts'
import { type EventJsonOptions, eventJson } from './json.ts'

export const PAGE_RAW_SIZE_MAX = 4 * 1024 * 1024 // bytes of raw messages, as the store has it for what it is asked at once
// Events that come from the store's thread together are all unpacked in one turn: a thousand take several milliseconds.
// Not fewer, since with each question the store counts the total anew.
const ASK_COUNT = 500
const PART_LENGTH = 64 * 1024 // characters, about

/** What is asked of the store first for a page; the text of the page asks for the rest. */
export const firstOf = (query: EventQuery): EventQuery => ({ ...query, limit: Math.min(query.limit, ASK_COUNT) })

/**
 * A page as JSON in parts, since a large one made at once would hold up everything else for a fifth of a second. `first`
 * is the answer to the first question.
 */
export async function* eventPageText(
  store: ApiDeps['store'],
  query: EventQuery,
  first: EventPage,
  options: EventJsonOptions,
): AsyncGenerator<string> {
  let next = first.next
  async function* pages() {
    for await (const page of pagesWithin(store, query, first)) {
      next = page.next
      yield page.items
    }
  }
  yield '{"items":'
  yield* eventListText(pages(), options)
  yield `,"next":${next === null ? null : `"${next}"`},"total":${first.total}}`
}

/** A JSON array of events in parts, a part a turn of the event loop: a fast client would take all within one. */
export async function* eventListText(
  lists: AsyncIterable<readonly IndexedEvent[]> | Iterable<readonly IndexedEvent[]>,
  options: EventJsonOptions,
): AsyncGenerator<string> {
  let part = '['
  let separator = ''
  for await (const items of lists) {
    for (const item of items) {
      part += `${separator}${JSON.stringify(eventJson(item, options))}`
      separator = ','
      if (part.length < PART_LENGTH) continue
      yield part
      part = ''
      await turn()
    }
  }
  yield `${part}]`
}

/** The small pages that make up one, until it is full. */
async function* pagesWithin(store: ApiDeps['store'], query: EventQuery, first: EventPage): AsyncGenerator<EventPage> {
  let page = first
  let left = query.limit
  let room = PAGE_RAW_SIZE_MAX
  for (;;) {
    yield page
    left -= page.items.length
    room -= rawSize(page.items)
    if (page.next === null || left === 0) return
    const more = await store.events(firstOf({ ...query, limit: left, before: page.next }))
    page = cut(more, room, page.next)
    if (page !== more) {
      yield page
      return
    }
  }
}

/** The page itself, or as much of it as there is room for. */
function cut(page: EventPage, room: number, before: number): EventPage {
  let size = 0
  const from = page.items.findIndex(({ event }) => {
    size += event.raw.length
    return size > room
  })
  if (from === -1) return page
  return { ...page, items: page.items.slice(0, from), next: page.items[from - 1]?.event.id ?? before }
}

const rawSize = (items: readonly IndexedEvent[]): number =>
  items.reduce((size, { event }) => size + event.raw.length, 0)
