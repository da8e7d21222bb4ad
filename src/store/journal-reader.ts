// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { closeSync, openSync } from 'node:fs'
import { BlockTable, type PackedPlace } from './block-table.ts'
import { readRecord, recordSizeAt, type StoredRecord } from './record.ts'
import { listSegments, readBlock, SEGMENT_HEADER_SIZE, type Segment, visitBlocks } from './segment.ts'

const TABLES_MAX = 32 // segments whose block tables are kept
const PLACES_MAX = 262_144 // blocks in those tables together
const BLOCKS_MAX = 32 // unpacked blocks kept

export type JournalEntry = { readonly id: number; readonly record: StoredRecord }

/** `complete`: a later segment exists, so nothing more will be written to this one. */
type Table = {
  readonly segment: Segment
  readonly fd: number
  readonly blocks: BlockTable
  end: number
  complete: boolean
  usedAt: number
  isClosed: boolean
}

/**
 * Reads the journal beside its writer, in any thread. Holds nothing that a restart would miss: block tables and a few
 * unpacked blocks, both bounded.
 */
export class JournalReader implements Disposable {
  readonly #dir: string
  readonly #tables = new Map<string, Table>()
  readonly #blocks = new Map<number, { table: Table; records: Buffer }>() // by first id
  readonly #placesMax: number
  #uses = 0 // a clock for which table was used last
  #segments: Segment[] = []

  constructor(dir: string, placesMax = PLACES_MAX) {
    this.#dir = dir
    this.#placesMax = placesMax
  }

  /** How many blocks the tables hold places of. */
  get placeCount(): number {
    let count = 0
    for (const { blocks } of this.#tables.values()) count += blocks.count
    return count
  }

  /** Up to `limit` records with ids above `after`, oldest first; fewer only at the end. */
  read(after: number, limit: number, upTo = Number.POSITIVE_INFINITY): JournalEntry[] {
    return [...this.entries(after, limit, upTo)]
  }

  /** As `read`, one after the other; between two of them others may be read. */
  *entries(after: number, limit: number, upTo = Number.POSITIVE_INFINITY): Generator<JournalEntry, void, undefined> {
    this.refresh()
    let from = after
    let left = limit
    const start = Math.max(0, this.#segmentIndex(after))
    const segments = this.#segments
    for (let i = start; i < segments.length && left > 0; i++) {
      let table = this.#refreshed(segments[i])
      // Ids only rise: what a failing disk had written twice is read once.
      for (let b = table?.blocks.indexOf(from + 1) ?? 0; table !== null && left > 0; b++) {
        const place = table.blocks.place(b)
        if (place === null || place.firstId > upTo) break
        if (table.isClosed) table = this.#refreshed(segments[i])
        if (table === null) break
        for (const entry of this.#recordsOf(table, place, { after: from, upTo })) {
          yield entry
          from = entry.id
          if (--left === 0) return
        }
      }
    }
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
    const place = table?.blocks.place(table.blocks.indexOf(id))
    if (table === undefined || place === undefined || place === null) return null
    table.usedAt = ++this.#uses
    const [entry] = this.#recordsOf(table, place, { after: id - 1, upTo: id })
    return entry?.record ?? null
  }

  #getRead(id: number): StoredRecord | null {
    const [entry] = this.read(id - 1, 1, id)
    return entry?.id === id ? entry.record : null
  }

  *#recordsOf(
    table: Table,
    place: PackedPlace,
    range: { after: number; upTo: number },
  ): Generator<JournalEntry, void, undefined> {
    const records = this.#unpacked(table, place)
    if (records === null) return
    const input = new DataView(records.buffer, records.byteOffset, records.byteLength)
    let id = place.firstId
    for (let at = 0; at < records.length && id <= range.upTo; id++) {
      const size = recordSizeAt(records, at, input)
      if (size === 0) return
      if (id > range.after) yield { id, record: readRecord(records, at, input) }
      at += size
    }
  }

  #unpacked(table: Table, place: PackedPlace): Buffer | null {
    const key = place.firstId
    const kept = this.#blocks.get(key)
    if (kept !== undefined) return kept.records
    const records = readBlock(table.fd, place)
    if (records === null) return null
    this.#blocks.set(key, { table, records })
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
    if (table !== undefined) table.usedAt = ++this.#uses
    if (table?.complete) return table
    try {
      if (table === undefined) {
        const fd = openSync(segment.path, 'r')
        table = {
          segment,
          fd,
          blocks: new BlockTable(),
          end: SEGMENT_HEADER_SIZE,
          complete: false,
          usedAt: ++this.#uses,
          isClosed: false,
        }
        this.#tables.set(segment.path, table)
      }
      const { blocks } = table
      table.end = visitBlocks(segment.path, { from: table.end, afterId: blocks.lastId }, (p) => blocks.add(p)).end
      table.complete = segment !== this.#segments.at(-1)
      this.#evict()
      return table
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return null // expired between the listing and now
    }
  }

  /** Lets go of the tables not used for longest; the one in use stays, however large it is. */
  #evict(): void {
    while (this.#tables.size > 1 && (this.#tables.size > TABLES_MAX || this.placeCount > this.#placesMax)) {
      this.#forget([...this.#tables.values()].reduce((a, b) => (a.usedAt <= b.usedAt ? a : b)))
    }
  }

  #forget(table: Table): void {
    closeSync(table.fd)
    table.isClosed = true
    this.#tables.delete(table.segment.path)
    for (const [key, block] of this.#blocks) if (block.table === table) this.#blocks.delete(key)
  }
}
