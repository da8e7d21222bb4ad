// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setImmediate as turn } from 'node:timers/promises'
import { parseMessage } from '../wire/sip/message.ts'
import { deriveEvent } from './derive.ts'
import type { JournalBlock, JournalReader } from './journal-reader.ts'
import { RECORD, readRecord, recordAt, recordSizeAt, type StoredObservation, type StoredRepeat } from './record.ts'
import { HOUR_MS } from './retention.ts'
import type { CallPage, CallQuery, IndexedEvent } from './types.ts'

export const CALL_LIMITS = {
  messageCount: 1000, // of a page
  rawSize: 4 * 1024 * 1024, // bytes of raw messages on a page: what the main thread handles at once
  workMs: 1000, // of looking, for one question
  sliceMs: 10, // after so long other questions are answered
  repeatedCount: 65_536, // events of which retransmissions are remembered until the event itself is reached
} as const

type Search = CallQuery & { readonly upTo: number } // the newest id to look at

type SearchDeps = { monotonicNow(): number; readonly signal: AbortSignal }

/** Looks through the journal for a call, in slices between which the thread does other things. */
export async function searchCall(
  journal: JournalReader,
  query: Search,
  { monotonicNow, signal }: SearchDeps,
): Promise<CallPage> {
  const search = new CallSearch(journal, query)
  for (let worked = 0; worked < CALL_LIMITS.workMs; ) {
    const startedAt = monotonicNow()
    let tookMs = 0
    while (tookMs < CALL_LIMITS.sliceMs) {
      if (!search.step()) return search.page()
      tookMs = monotonicNow() - startedAt
    }
    worked += tookMs
    await turn()
    signal.throwIfAborted()
  }
  return search.page()
}

/**
 * Goes through the journal block by block, newest first. No index has Call-IDs, so the bytes of a block are searched for
 * this one, and only records that hold it are parsed. The ids of a call's retransmissions come before their event does.
 */
class CallSearch {
  readonly #blocks: Generator<JournalBlock, void, undefined>
  readonly #query: Search
  readonly #needles: readonly Buffer[]
  readonly #repeats = new Map<number, { count: number; lastAt: number }>() // by the id of the event
  readonly #found: IndexedEvent[] = [] // newest first
  #rawSize = 0
  #next: number | null = null
  #searchedSince: number

  constructor(journal: JournalReader, query: Search) {
    this.#query = query
    this.#needles = needlesOf(query.callId)
    this.#searchedSince = query.since
    const end = Math.min(query.upTo + 1, query.before ?? Number.POSITIVE_INFINITY)
    const isWanted = ({ hour }: { hour: number }) => (hour + 1) * HOUR_MS > query.since
    this.#blocks = journal.blocksBack(this.#needles.length === 0 ? 0 : end, isWanted)
  }

  /** Looks through one block more; false when there is none, or the page is full. */
  step(): boolean {
    const { done, value: block } = this.#blocks.next()
    if (done === true) {
      this.#next = null
      this.#searchedSince = this.#query.since
      return false
    }
    this.#searchedSince = Math.max(this.#query.since, recordAt(block.records, 0))
    for (const item of this.#itemsOf(block)) {
      this.#rawSize += item.event.raw.length
      const last = this.#found.at(-1)
      if (
        last !== undefined &&
        (this.#found.length === CALL_LIMITS.messageCount || this.#rawSize > CALL_LIMITS.rawSize)
      ) {
        this.#next = last.event.id
        this.#searchedSince = last.event.at
        return false
      }
      this.#found.push(item)
    }
    this.#next = block.firstId
    this.#forgetRepeats(block.firstId)
    return true
  }

  page(): CallPage {
    return { items: this.#found.toReversed(), next: this.#next, searchedSince: this.#searchedSince }
  }

  /** The call's messages in a block, newest first. */
  #itemsOf({ firstId, records }: JournalBlock): IndexedEvent[] {
    const { since, upTo, before = Number.POSITIVE_INFINITY } = this.#query
    const found: { id: number; observation: StoredObservation }[] = []
    let hit = this.#nextHit(records, 0)
    for (let at = 0, id = firstId, size: number; (size = recordSizeAt(records, at)) > 0; at += size, id++) {
      if (id > upTo || id >= before) break
      const isHit = hit < at + size
      if (isHit) hit = this.#nextHit(records, at + size)
      if (!isHit && records[at + 4] !== RECORD.repeat) continue
      const record = readRecord(records, at)
      if (record.type === 'repeat') this.#countRepeat(record.repeat)
      else if (record.observation.at >= since) found.push({ id, observation: record.observation })
    }
    const ofCall = found.filter(({ observation }) => callIdOf(observation) === this.#query.callId)
    return ofCall.reverse().map(({ id, observation }) => this.#itemOf(id, observation))
  }

  /** The bytes are copied: what is found would else hold the whole block. */
  #itemOf(id: number, observation: StoredObservation): IndexedEvent {
    const event = deriveEvent(id, { ...observation, bytes: new Uint8Array(observation.bytes) })
    const repeats = this.#repeats.get(id)
    return { event, count: 1, repeatCount: repeats?.count ?? 0, lastAt: Math.max(event.at, repeats?.lastAt ?? 0) }
  }

  #nextHit(records: Buffer, from: number): number {
    const hits = this.#needles.map((needle) => records.indexOf(needle, from)).filter((at) => at >= 0)
    return Math.min(...hits) // Infinity: none
  }

  #countRepeat({ repeatOf, at }: StoredRepeat): void {
    const known = this.#repeats.get(repeatOf)
    if (known !== undefined) {
      known.count++
      known.lastAt = Math.max(known.lastAt, at)
    } else if (this.#repeats.size < CALL_LIMITS.repeatedCount) this.#repeats.set(repeatOf, { count: 1, lastAt: at })
  }

  /** Events from that id on have been reached. Not done for each block, since that would mean to go through all each time. */
  #forgetRepeats(reachedId: number): void {
    if (this.#repeats.size < CALL_LIMITS.repeatedCount) return
    for (const id of this.#repeats.keys()) if (id >= reachedId) this.#repeats.delete(id)
  }
}

/**
 * What the bytes of a message with that Call-ID hold for certain: its first word, since a header may be folded at any
 * space, as SIP writes it and as the summary of a call's media, which is JSON, does. None when no byte can be one of its characters.
 */
function needlesOf(callId: string): Buffer[] {
  const word = callId.split(/[ \t]/, 1)[0]!
  if (word === '' || /[^\0-\xff]/.test(callId)) return []
  const plain = Buffer.from(word, 'latin1')
  const quoted = Buffer.from(JSON.stringify(word).slice(1, -1))
  return plain.equals(quoted) ? [plain] : [plain, quoted]
}

/** Of a call's media our own summary begins with it, and may have been shortened behind it. */
function callIdOf({ transport, bytes }: StoredObservation): string | null {
  if (transport !== 'rtp') return parseMessage(bytes).header('call-id') ?? null
  const quoted = /^\{"callId":("(?:[^"\\]|\\.)*")/.exec(Buffer.from(bytes).toString())?.[1]
  return quoted === undefined ? null : (JSON.parse(quoted) as string)
}
