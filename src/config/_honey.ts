// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { open } from 'node:fs/promises'

const SQLITE_MAGIC = 'SQLite format 3\0'

/**
 * What to tell somebody who named a database file of the original, of which only the folder is used here.
 * `name` is how they named it: `-f` or the variable.
 */
export async function databaseNotice(name: string, path: string, stateDir: string): Promise<string> {
  const start = `${name} ${path}: the state of this node is kept in its folder, ${stateDir}`
  const count = await countHoney(path)
  if (count === null) return `${start}; the file itself is not used`
  return `${start}; what the original wrote into it (${count} ${count === 1 ? 'record' : 'records'}) stays there: this version does not import it`
}

/** How many rows the original's one table holds, or null when the file is not such a database. */
async function countHoney(path: string): Promise<number | null> {
  if (!(await isSqlite(path))) return null
  const { DatabaseSync } = await import('node:sqlite')
  try {
    using database = new DatabaseSync(path, { readOnly: true })
    const row = database.prepare('SELECT count(*) AS count FROM honey').get()
    return Number(row?.count)
  } catch {
    return null // another program's database, or a broken one: not ours to judge, since it is not used
  }
}

async function isSqlite(path: string): Promise<boolean> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SQLITE_MAGIC.length), 0, SQLITE_MAGIC.length, 0)
    return bytesRead === SQLITE_MAGIC.length && buffer.toString('latin1') === SQLITE_MAGIC
  } catch {
    return false // there is no such file yet, or it cannot be read: nothing to say of it
  }
}
