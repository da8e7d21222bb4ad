// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Delta, deltasOf, numberValues, repeatDeltas } from './delta.ts'
import { deriveCounted } from './derive.ts'
import type { JournalEntry, JournalReader } from './journal-reader.ts'
import type { LoadedSnapshot } from './messages.ts'
import { hourOf, RETENTION_MS } from './retention.ts'
import { listSegments, readSaltAt, visitBlocks } from './segment.ts'

const READ_COUNT = 500

/** What a snapshot is compared with. */
export type ResumeState = {
  readonly dir: string // of the journal
  readonly reader: JournalReader
  readonly position: number // the id of the newest record
  readonly expiredHour: number // the index may have removed earlier ones
}

/**
 * Whether a snapshot of the indicators is what the journal up to its position says, less the hours that have expired.
 * It is not when any of them reaches back into such an hour: either that expired since then, and what it took away cannot
 * be told, or it had expired before, and this was counted in memory alone: the index holds so many numbers of a source
 * and an hour, and so many days, and tells only of what it held when an hour expires.
 */
export function isCurrent(snapshot: LoadedSnapshot, state: ResumeState, now: number): boolean {
  const { dir, reader, position, expiredHour } = state
  const oldestHour = hourOf(snapshot.oldestAt)
  if (oldestHour < hourOf(now - RETENTION_MS)) return false
  if (oldestHour < expiredHour && (snapshot.expiredHour ?? 0) < expiredHour) return false // the clock was set back
  if (snapshot.salt !== readSaltAt(dir, snapshot.position)) return false // it is of another node
  return snapshot.position === position || (snapshot.position < position && reader.get(snapshot.position) !== null)
}

/** What the records behind a position add to indicators, in their order. */
export function* replay(reader: JournalReader, after: number, upTo: number): Generator<Delta[]> {
  for (let from = after; ; ) {
    const entries = reader.read(from, READ_COUNT, upTo)
    const last = entries.at(-1)
    if (last === undefined) return
    from = last.id
    yield entries.flatMap((entry) => deltasOfEntry(entry, reader))
  }
}

function deltasOfEntry({ id, record }: JournalEntry, reader: JournalReader): Delta[] {
  if (record.type === 'event') return deltasOf(deriveCounted(id, record.observation))
  const { repeatOf } = record.repeat
  const original = reader.get(repeatOf)
  if (original?.type !== 'event') return [] // its block is damaged or gone
  const event = deriveCounted(repeatOf, original.observation)
  return repeatDeltas(event.source.ip, numberValues(event), event.at)
}

/** How many records lie behind a position, told by the headers of the blocks. */
export function countRecords(journalDir: string, after: number, upTo: number): number {
  const segments = listSegments(journalDir)
  let count = 0
  for (const [i, { path, firstId }] of segments.entries()) {
    if (firstId > upTo || (segments[i + 1]?.firstId ?? Number.POSITIVE_INFINITY) <= after + 1) continue
    visitBlocks(path, {}, ({ header }) => {
      const first = Math.max(header.firstId, after + 1)
      const last = Math.min(header.firstId + header.recordCount - 1, upTo)
      count += Math.max(0, last - first + 1)
    })
  }
  return count
}
