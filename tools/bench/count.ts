// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Reads a stopped node's folder back, in a process that never knew the node: `node tools/bench/count.ts STATE_DIR`.
import { closeSync, openSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BLOCK_HEADER_SIZE } from '../../src/store/block.ts'
import { dayPath, indexDir, listDays } from '../../src/store/day-files.ts'
import { RECORD, recordSizeAt } from '../../src/store/record.ts'
import { journalDir, listSegments, readBlock, scanSegment } from '../../src/store/segment.ts'
import type { Kept } from './kept.ts'

/** Unpacks every block, so what is counted is there whole; a record is read as far as its type. */
function countJournal(dir: string): Pick<Kept, 'recordCount' | 'repeatCount' | 'journalSize'> {
  let recordCount = 0
  let repeatCount = 0
  let journalSize = 0
  for (const segment of listSegments(dir)) {
    journalSize += statSync(segment.path).size
    const fd = openSync(segment.path, 'r')
    for (const { at, header } of scanSegment(segment.path).blocks) {
      const records = readBlock(fd, { at, size: BLOCK_HEADER_SIZE + header.storedSize, firstId: header.firstId })
      if (records === null) continue // damaged: lost
      for (let start = 0; start < records.length; start += recordSizeAt(records, start)) {
        recordCount++
        if (records[start + 4] === RECORD.repeat) repeatCount++
      }
    }
    closeSync(fd)
  }
  return { recordCount, repeatCount, journalSize }
}

function countIndex(dir: string): Pick<Kept, 'rowCount' | 'indexedCount' | 'indexSize'> {
  let rowCount = 0
  let indexedCount = 0
  for (const day of listDays(dir)) {
    const db = new DatabaseSync(dayPath(dir, day), { readOnly: true })
    const row = db.prepare('SELECT count(*) AS rows, sum(count + repeat_count) AS events FROM events').get()
    rowCount += Number(row?.rows ?? 0)
    indexedCount += Number(row?.events ?? 0)
    db.close()
  }
  const indexSize = readdirSync(dir).reduce((size, name) => size + statSync(path.join(dir, name)).size, 0)
  return { rowCount, indexedCount, indexSize }
}

const stateDir = process.argv[2]!
const kept: Kept = { ...countJournal(journalDir(stateDir)), ...countIndex(indexDir(stateDir)) }
process.stdout.write(`${JSON.stringify(kept)}\n`)
