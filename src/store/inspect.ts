// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'
import { dayPath, indexDir, listDays } from './day-files.ts'
import { DAY_SCHEMA_VERSION, schemaVersion } from './day-schema.ts'
import { lockStateDir } from './lock.ts'
import { journalDir, listSegments, listSideFiles, type Scan, SEGMENT_HEADER_SIZE, scanSegment } from './segment.ts'

export type Finding = { readonly level: 'ok' | 'warn' | 'error'; readonly what: string; readonly wayOut?: string }
export type Inspection = { readonly ok: boolean; readonly findings: readonly Finding[] }

/** Reads all that a stopped node keeps and checks it, without changing anything. */
export async function inspectStore(dir: string): Promise<Inspection> {
  const findings: Finding[] = []
  if (!existsSync(dir)) {
    findings.push({ level: 'ok', what: `${dir} does not exist yet; the first start makes it` })
    return { ok: true, findings }
  }
  try {
    using _lock = lockStateDir(dir)
    findings.push(...inspectJournal(journalDir(dir)), ...inspectIndex(indexDir(dir)))
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error
    const running = error.code === 'STATE_LOCKED'
    findings.push({
      level: running ? 'ok' : 'error',
      what: running ? `${dir} is held by a running node` : error.message,
    })
  }
  return { ok: findings.every(({ level }) => level !== 'error'), findings }
}

function inspectJournal(dir: string): Finding[] {
  if (!existsSync(dir)) return []
  const segments = listSegments(dir)
  const findings: Finding[] = []
  let records = 0
  for (const segment of segments) {
    const scan = scanSegment(segment.path, { verify: true })
    records += scan.blocks.reduce((sum, { header }) => sum + header.recordCount, 0)
    findings.push(...inspectSegment(segment.path, scan))
  }
  for (const { path, kind } of listSideFiles(dir)) {
    if (kind === 'torn') continue // what a kill leaves; the start told of it, and nothing durable is in it
    findings.push({
      level: 'warn',
      what: `journal: ${path} could not be read by an earlier start and was put aside`,
      wayOut: 'it goes after 7 days; check the disk, and restore a backup of the file if you have one',
    })
  }
  findings.push({ level: 'ok', what: `journal: ${records} records in ${segments.length} hours, checksums read` })
  return findings
}

function inspectSegment(path: string, { blocks, damagedSize, end, fileSize, header }: Scan): Finding[] {
  const findings: Finding[] = []
  if (header === 'mendable') {
    findings.push({
      level: 'warn',
      what: `journal: the header of ${path} is damaged; its events are read`,
      wayOut: 'the next start mends it; check the disk',
    })
  }
  if (header === 'lost' && fileSize > SEGMENT_HEADER_SIZE) {
    findings.push({
      level: 'error',
      what: `journal: ${path} cannot be read: its header and its first block are damaged`,
      wayOut: 'the next start puts it aside; check the disk, and restore a backup of the file if you have one',
    })
    return findings
  }
  if (damagedSize > 0) {
    findings.push({
      level: 'error',
      what: `journal: ${damagedSize} bytes of ${path} are damaged`,
      wayOut:
        'the events in them are lost, all others are read; check the disk, and restore a backup of the file if you have one',
    })
  }
  if (end < fileSize) {
    findings.push({
      level: 'warn',
      what: `journal: ${path} ends in a torn block`,
      wayOut: blocks.length > 0 ? 'the next start cuts it' : 'the next start puts the file aside',
    })
  }
  return findings
}

function inspectIndex(dir: string): Finding[] {
  if (!existsSync(dir)) return []
  return listDays(dir).map((day) => inspectDay(dir, day))
}

function inspectDay(dir: string, day: string): Finding {
  const wayOut = 'run "sentrypeer reindex": it is made again from the journal'
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(dayPath(dir, day), { readOnly: true })
    const result = String(db.prepare('PRAGMA quick_check').get()?.quick_check ?? 'no answer')
    if (result !== 'ok') return { level: 'error', what: `index: ${day}: ${result}`, wayOut }
    const version = schemaVersion(db)
    if (version > DAY_SCHEMA_VERSION) {
      return {
        level: 'error',
        what: `index: ${day} has version ${version}, this program knows ${DAY_SCHEMA_VERSION}`,
        wayOut: 'update sentrypeer',
      }
    }
    if (version < DAY_SCHEMA_VERSION) {
      return {
        level: 'warn',
        what: `index: ${day} has version ${version}, which this program does not read`,
        wayOut: 'the next start makes it again from the journal',
      }
    }
    return { level: 'ok', what: `index: ${day} is sound` }
  } catch (error) {
    return { level: 'error', what: `index: ${day}: ${(error as Error).message}`, wayOut }
  } finally {
    db?.close()
  }
}
