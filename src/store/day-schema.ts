// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync } from 'node:sqlite'
import { DaemonError } from '../core/errors.ts'

/** Each entry takes a day's file from the version of its place to the next; never edited once released. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (consumed INTEGER NOT NULL) STRICT;
   INSERT INTO meta VALUES (0);
   CREATE TABLE events (
     id INTEGER PRIMARY KEY,
     fold INTEGER NOT NULL UNIQUE,
     at INTEGER NOT NULL,
     last_at INTEGER NOT NULL,
     count INTEGER NOT NULL,
     repeat_count INTEGER NOT NULL,
     summary INTEGER NOT NULL,
     kind TEXT NOT NULL,
     transport TEXT NOT NULL,
     source_ip TEXT NOT NULL,
     source_port INTEGER NOT NULL,
     destination_ip TEXT NOT NULL,
     destination_port INTEGER NOT NULL,
     validation TEXT NOT NULL,
     collected_method TEXT NOT NULL,
     method TEXT,
     called_number TEXT,
     e164 TEXT,
     other_number TEXT,
     user_agent TEXT,
     tag_mask INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX events_source_ip ON events (source_ip);
   CREATE INDEX events_called_number ON events (called_number) WHERE called_number IS NOT NULL;
   CREATE INDEX events_e164 ON events (e164) WHERE e164 IS NOT NULL;
   CREATE INDEX events_other_number ON events (other_number) WHERE other_number IS NOT NULL;
   CREATE INDEX events_method ON events (method);
   CREATE INDEX events_user_agent ON events (user_agent);
   CREATE TABLE indicator_hours (
     kind INTEGER NOT NULL,
     value TEXT NOT NULL,
     form TEXT NOT NULL,
     hour INTEGER NOT NULL,
     count INTEGER NOT NULL,
     repeat_count INTEGER NOT NULL,
     first_at INTEGER NOT NULL,
     last_at INTEGER NOT NULL,
     validation INTEGER NOT NULL,
     tag_mask INTEGER NOT NULL,
     PRIMARY KEY (kind, value, form, hour)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE source_numbers (
     hour INTEGER NOT NULL,
     source_ip TEXT NOT NULL,
     count INTEGER NOT NULL,
     PRIMARY KEY (hour, source_ip)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX indicator_hours_hour ON indicator_hours (hour);`,
]

export const DAY_SCHEMA_VERSION = MIGRATIONS.length

export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0)
}

/** Brings a day's file to this program's version, each step in a transaction of its own. */
export function migrate(db: DatabaseSync, path: string): void {
  const version = schemaVersion(db)
  if (version > DAY_SCHEMA_VERSION) {
    throw new DaemonError(
      'STATE_TOO_NEW',
      `${path} has version ${version}, this program knows ${DAY_SCHEMA_VERSION}: update it, or start with another --state-dir`,
    )
  }
  for (let step = version; step < DAY_SCHEMA_VERSION; step++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[step]}; PRAGMA user_version = ${step + 1}; COMMIT`)
  }
}
