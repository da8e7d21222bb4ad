// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { INDICATOR_KINDS } from '../core/indicator.ts'
import { type Delta, validationAt } from './delta.ts'

export type HourRow = {
  kind: number
  hour: number
  value: string
  form: string
  count: number
  repeat_count: number
  first_at: number
  last_at: number
  validation: number
  tag_mask: number
}

export function deltaOfRow(row: HourRow): Delta {
  return {
    kind: INDICATOR_KINDS[row.kind] ?? 'ip-address',
    value: row.value,
    form: row.form,
    count: row.count,
    repeatCount: row.repeat_count,
    firstAt: row.first_at,
    lastAt: row.last_at,
    validation: validationAt(row.validation),
    tagMask: row.tag_mask,
  }
}

/** The statements of a day's file, made once. */
export function prepareAll(
  db: DatabaseSync,
  limits: { rowsPerMinute: number },
): Record<
  | 'consumed'
  | 'setConsumed'
  | 'fold'
  | 'repeat'
  | 'rowsOf'
  | 'insert'
  | 'hour'
  | 'hasHour'
  | 'hoursAt'
  | 'hoursOf'
  | 'expiredHours'
  | 'deleteHour'
  | 'numberRows'
  | 'setNumberRows'
  | 'deleteSources'
  | 'deleteEvents',
  StatementSync
> {
  return {
    consumed: db.prepare('SELECT consumed FROM meta'),
    setConsumed: db.prepare('UPDATE meta SET consumed = ?'),
    fold: db.prepare('UPDATE events SET count = count + 1, last_at = max(last_at, ?) WHERE fold = ?'),
    repeat: db.prepare('UPDATE events SET repeat_count = repeat_count + 1 WHERE fold = ?'),
    // No source has more rows a minute than this looks at, so its newest rows hold all of the minute.
    rowsOf: db.prepare(
      `SELECT count(*) AS count FROM (SELECT at, summary FROM events WHERE source_ip = ? ORDER BY id DESC LIMIT ${2 * limits.rowsPerMinute})
       WHERE at >= ? AND at < ? AND summary = 0`,
    ),
    insert: db.prepare(
      `INSERT INTO events (id, fold, at, last_at, count, repeat_count, summary, kind, transport, source_ip, source_port,
         destination_ip, destination_port, validation, collected_method, method, called_number, e164, other_number, user_agent, tag_mask)
       VALUES (?, ?, ?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    hour: db.prepare(
      `INSERT INTO indicator_hours (kind, value, form, hour, count, repeat_count, first_at, last_at, validation, tag_mask)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count, repeat_count = repeat_count + excluded.repeat_count,
         first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
         validation = max(validation, excluded.validation), tag_mask = tag_mask | excluded.tag_mask`,
    ),
    hasHour: db.prepare('SELECT 1 FROM indicator_hours WHERE kind = ? AND value = ? AND form = ? AND hour = ?'),
    hoursAt: db.prepare('SELECT * FROM indicator_hours WHERE hour = ?'),
    hoursOf: db.prepare('SELECT * FROM indicator_hours WHERE kind = ? AND value = ? AND form = ?'),
    expiredHours: db.prepare('SELECT * FROM indicator_hours WHERE hour < ? LIMIT ?'),
    deleteHour: db.prepare('DELETE FROM indicator_hours WHERE kind = ? AND value = ? AND form = ? AND hour = ?'),
    numberRows: db.prepare('SELECT count FROM source_numbers WHERE hour = ? AND source_ip = ?'),
    setNumberRows: db.prepare(
      'INSERT INTO source_numbers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count',
    ),
    deleteSources: db.prepare('DELETE FROM source_numbers WHERE hour < ?'),
    deleteEvents: db.prepare(
      'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? AND last_at < ? LIMIT ?)',
    ),
  }
}
