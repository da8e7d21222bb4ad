// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'
import { dayPath, indexDir, listDays } from './day-index.ts'
import { DAY_SCHEMA_VERSION, schemaVersion } from './day-schema.ts'
import { lockStateDir } from './lock.ts'
import { journalDir, listSegments, scanSegment } from './segment.ts'

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
    const { blocks, damagedSize, end, fileSize } = scanSegment(segment.path, { verify: true })
    records += blocks.reduce((sum, { header }) => sum + header.recordCount, 0)
    if (damagedSize > 0) {
      findings.push({
        level: 'error',
        what: `journal: ${damagedSize} bytes of ${segment.path} are damaged`,
        wayOut:
          'the events in them are lost, all others are read; check the disk, and restore a backup of the file if you have one',
      })
    }
    if (end < fileSize) {
      findings.push({
        level: 'warn',
        what: `journal: ${segment.path} ends in a torn block`,
        wayOut: 'the next start cuts it',
      })
    }
  }
  findings.push({ level: 'ok', what: `journal: ${records} records in ${segments.length} hours, checksums read` })
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
    return { level: 'ok', what: `index: ${day} is sound` }
  } catch (error) {
    return { level: 'error', what: `index: ${day}: ${(error as Error).message}`, wayOut }
  } finally {
    db?.close()
  }
}
