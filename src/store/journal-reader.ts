// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, openSync } from 'node:fs'
import { readRecord, recordSizeAt, type StoredRecord } from './record.ts'
import { type BlockPlace, listSegments, readBlock, SEGMENT_HEADER_SIZE, type Segment, scanSegment } from './segment.ts'

const TABLES_MAX = 32 // segments whose block tables are kept
const BLOCKS_MAX = 32 // unpacked blocks kept

export type JournalEntry = { readonly id: number; readonly record: StoredRecord }

/** `complete`: a later segment exists, so nothing more will be written to this one. */
type Table = { segment: Segment; fd: number; blocks: BlockPlace[]; end: number; complete: boolean }

/**
 * Reads the journal beside its writer, in any thread. Holds nothing that a restart would miss: block tables and a few
 * unpacked blocks, both bounded.
 */
export class JournalReader implements Disposable {
  readonly #dir: string
  readonly #tables = new Map<string, Table>()
  readonly #blocks = new Map<number, Buffer>() // by first id
  #segments: Segment[] = []

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Up to `limit` records with ids above `after`, oldest first; fewer only at the end. */
  read(after: number, limit: number, upTo = Number.POSITIVE_INFINITY): JournalEntry[] {
    this.refresh()
    const entries: JournalEntry[] = []
    const start = Math.max(0, this.#segmentIndex(after))
    for (let i = start; i < this.#segments.length && entries.length < limit; i++) {
      const table = this.#refreshed(this.#segments[i])
      if (table === null) continue
      for (let b = blockIndex(table.blocks, after + 1); b < table.blocks.length && entries.length < limit; b++) {
        const place = table.blocks[b]
        if (place === undefined || place.header.firstId > upTo) break
        this.#collect(table, place, { after, upTo, limit }, entries)
      }
    }
    return entries
  }

  /** Looks at the folder again, and lets go of segments that are gone. `get` alone does not look. */
  refresh(): void {
    this.#segments = listSegments(this.#dir)
    const present = new Set(this.#segments.map(({ path }) => path))
    for (const table of this.#tables.values()) if (!present.has(table.segment.path)) this.#forget(table)
  }

  /** One record, or null when it is expired, damaged or was never there. */
  get(id: number): StoredRecord | null {
    return this.#getKnown(id) ?? this.#getRead(id)
  }

  [Symbol.dispose](): void {
    for (const table of this.#tables.values()) closeSync(table.fd)
    this.#tables.clear()
    this.#blocks.clear()
  }

  /** From the tables at hand, without a look at the folder: a page of rows costs no system call a row. */
  #getKnown(id: number): StoredRecord | null {
    const segment = this.#segments[this.#segmentIndex(id - 1)]
    const table = segment && this.#tables.get(segment.path)
    const place = table?.blocks[blockIndex(table.blocks, id)]
    if (table === undefined || place === undefined) return null
    const entries: JournalEntry[] = []
    this.#collect(table, place, { after: id - 1, upTo: id, limit: 1 }, entries)
    return entries[0]?.record ?? null
  }

  #getRead(id: number): StoredRecord | null {
    const [entry] = this.read(id - 1, 1, id)
    return entry?.id === id ? entry.record : null
  }

  #collect(
    table: Table,
    place: BlockPlace,
    range: { after: number; upTo: number; limit: number },
    entries: JournalEntry[],
  ): void {
    const records = this.#unpacked(table, place)
    if (records === null) return
    let id = place.header.firstId
    for (let at = 0; at < records.length && entries.length < range.limit && id <= range.upTo; id++) {
      const size = recordSizeAt(records, at)
      if (size === 0) return
      if (id > range.after) entries.push({ id, record: readRecord(records, at) })
      at += size
    }
  }

  #unpacked(table: Table, place: BlockPlace): Buffer | null {
    const key = place.header.firstId
    const kept = this.#blocks.get(key)
    if (kept !== undefined) return kept
    const records = readBlock(table.fd, place)
    if (records === null) return null
    this.#blocks.set(key, records)
    if (this.#blocks.size > BLOCKS_MAX) this.#blocks.delete(this.#blocks.keys().next().value ?? 0)
    return records
  }

  /** The last segment that starts at or before the record after `after`. */
  #segmentIndex(after: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#segments[middle]?.firstId ?? 0) <= after + 1) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The segment's block table, read on from where it ended; null when the file is gone. */
  #refreshed(segment: Segment | undefined): Table | null {
    if (segment === undefined) return null
    let table = this.#tables.get(segment.path)
    if (table?.complete) return table
    try {
      if (table === undefined) {
        table = { segment, fd: openSync(segment.path, 'r'), blocks: [], end: SEGMENT_HEADER_SIZE, complete: false }
        this.#keep(table)
      }
      const scan = scanSegment(segment.path, { from: table.end })
      for (const place of scan.blocks) table.blocks.push(place)
      table.end = scan.end
      table.complete = segment !== this.#segments.at(-1)
      return table
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return null // expired between the listing and now
    }
  }

  #keep(table: Table): void {
    this.#tables.set(table.segment.path, table)
    if (this.#tables.size <= TABLES_MAX) return
    const [oldest] = this.#tables.values()
    if (oldest !== undefined) this.#forget(oldest)
  }

  #forget(table: Table): void {
    closeSync(table.fd)
    this.#tables.delete(table.segment.path)
    for (const place of table.blocks) this.#blocks.delete(place.header.firstId)
  }
}

/** The index of the block that holds `id`, or of the first one behind it. */
function blockIndex(blocks: readonly BlockPlace[], id: number): number {
  let low = 0
  let high = blocks.length
  while (low < high) {
    const middle = (low + high) >> 1
    const header = blocks[middle]?.header
    if (header !== undefined && header.firstId + header.recordCount <= id) low = middle + 1
    else high = middle
  }
  return low
}
