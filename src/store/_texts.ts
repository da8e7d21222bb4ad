// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Endpoint } from '../core/event.ts'

/** Texts of a day that have a number; those that come later stand in each row whole. */
export const TEXTS_MAX = 4096

/** The texts that many rows of a day share. */
export class Texts {
  readonly #ids = new Map<string, bigint>()
  readonly #insert: StatementSync
  #last: Endpoint & { readonly shared: bigint | string } = { ip: '', port: 0, shared: '' }

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare('INSERT INTO texts VALUES (?, ?)')
    for (const { id, text } of db.prepare('SELECT id, text FROM texts').all())
      this.#ids.set(String(text), BigInt(Number(id)))
  }

  /** Events mostly came to the same socket as the one before. */
  shareEndpoint({ ip, port }: Endpoint): bigint | string {
    if (ip === this.#last.ip && port === this.#last.port) return this.#last.shared
    this.#last = { ip, port, shared: this.share(`${port} ${ip}`) }
    return this.#last.shared
  }

  /** The text's number, or the text itself when there is none left. */
  share(text: string): bigint | string {
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    if (this.#ids.size >= TEXTS_MAX) return text
    const id = BigInt(this.#ids.size + 1)
    this.#insert.run(id, text)
    // A part of a string keeps the whole alive: the table holds a copy, not a message.
    this.#ids.set(Buffer.from(text, 'utf8').toString('utf8'), id)
    return id
  }
}
