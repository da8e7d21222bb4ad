// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'
import { createSecret } from './_key-hash.ts'

/*
 * A day of the index. Rows of events are numbered from 1 in the order of their ids, and come in groups (_postings.ts).
 *
 *   events     one row an event, or several that are alike (_event-row.ts)
 *   texts      what many rows share: a method, a user agent, a destination
 *   keys       which rows of a full group hold an address, a number, a method, a user agent; never needed to tell
 *              which rows there are. The rows behind the last full group are few, and looked at one by one.
 *   groups     what the rows of a full group have between them: times, tags, transports
 *   hour_log, hour_runs   what each hour adds to the indicators (_hour-store.ts)
 *   busy_sources          how many rows of numbers some sources have in the hour that is written
 *
 * The index can be made again, so a file of an older version is not converted: it is removed and made again.
 */
const SCHEMA = `
  CREATE TABLE meta (
    consumed INTEGER NOT NULL,
    secret BLOB NOT NULL,
    fold TEXT NOT NULL
  ) STRICT;
  CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    id INTEGER NOT NULL,
    lag INTEGER NOT NULL,
    span INTEGER NOT NULL,
    count INTEGER NOT NULL,
    repeat_count INTEGER NOT NULL,
    facts INTEGER NOT NULL,
    source ANY NOT NULL,
    source_port INTEGER NOT NULL,
    destination ANY NOT NULL,
    method ANY,
    user_agent ANY,
    called TEXT,
    e164 ANY,
    other TEXT
  ) STRICT;
  CREATE TABLE keys (id INTEGER PRIMARY KEY, postings BLOB NOT NULL) STRICT;
  CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    tag_mask INTEGER NOT NULL,
    transport_mask INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE hour_log (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
  CREATE TABLE hour_runs (id INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
  CREATE TABLE busy_sources (hour INTEGER NOT NULL, ip TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (hour, ip))
    STRICT, WITHOUT ROWID;`

export const DAY_SCHEMA_VERSION = 3

/** A day's file that must be made again, though SQLite can read it. */
export class DayUnusable extends Error {}

export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0)
}

/** Makes a new file one of this version. Throws DayUnusable for an older one, STATE_TOO_NEW for a newer one. */
export function prepareSchema(db: DatabaseSync, path: string, secret?: Uint8Array): void {
  const version = schemaVersion(db)
  if (version === DAY_SCHEMA_VERSION) return
  if (version > DAY_SCHEMA_VERSION) {
    throw new DaemonError(
      'STATE_TOO_NEW',
      `${path} has version ${version}, this program knows ${DAY_SCHEMA_VERSION}: update it, or start with another --state-dir`,
    )
  }
  if (version > 0) throw new DayUnusable(`it is of version ${version}, which this program does not read`)
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA}`)
  db.prepare(`INSERT INTO meta VALUES (0, ?, 'null')`).run(secret ?? createSecret())
  db.exec(`PRAGMA user_version = ${DAY_SCHEMA_VERSION}; COMMIT`)
}
