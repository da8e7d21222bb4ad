// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SQLInputValue } from 'node:sqlite'
import { TRANSPORTS } from '../core/event.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS } from '../core/tags.ts'
import { SQL } from './_event-row.ts'
import type { KeyHash } from './_key-hash.ts'
import { packAddress } from './_packed-address.ts'
import { indexText } from './index-facts.ts'
import { RETENTION_MS } from './retention.ts'
import type { EventQuery } from './types.ts'

const FOLD_MS = 60_000 // a row is at most so much older than the last event folded into it

/** What a day must know of a question: SQL that each row must answer to, and what rules out whole groups of rows. */
export type RowFilter = {
  readonly where: string
  readonly values: readonly SQLInputValue[]
  /** A row holds one key of each of these lists. */
  readonly keys: readonly (readonly number[])[]
  readonly groups: { readonly where: string; readonly values: readonly SQLInputValue[] } | null
  /** Ms since the start of the day before which nothing is looked for; what was seen last before `cutoff` is too old. */
  readonly from: number
  readonly cutoff: number
}

/** `now` keeps what is too old out of every answer. */
export function rowFilter(query: EventQuery, deps: { now: number; dayStartAt: number; hash: KeyHash }): RowFilter {
  const rows = new Conditions()
  const groups = new Conditions()
  const keys: number[][] = []
  const cutoff = deps.now - RETENTION_MS - deps.dayStartAt
  rows.add(`${SQL.lastAt} > ?`, cutoff)
  const since = query.since === undefined ? null : query.since - deps.dayStartAt
  if (since !== null) {
    rows.add(`${SQL.lastAt} >= ?`, since)
    groups.add('last_at >= ?', since - FOLD_MS)
  }
  if (query.until !== undefined) {
    rows.add(`${SQL.at} < ?`, query.until - deps.dayStartAt)
    groups.add('first_at < ?', query.until - deps.dayStartAt)
  }
  if (query.ip !== undefined) {
    rows.add('source = ?', packedIp(query.ip))
    keys.push([deps.hash.of('ip', query.ip)])
  }
  addText(rows, 'method', query.method)
  if (query.method !== undefined) keys.push([deps.hash.of('method', indexText(query.method) ?? '')])
  addText(rows, 'user_agent', query.userAgent)
  if (query.userAgent !== undefined) keys.push([deps.hash.of('userAgent', indexText(query.userAgent) ?? '')])
  if (query.number !== undefined) {
    const text = indexText(query.number) ?? ''
    const { value } = normalizeNumber(query.number)
    rows.add(`(called = ? OR ${SQL.e164} = ? OR other = ?)`, text, value, value)
    keys.push([...new Set([text, value])].map((number) => deps.hash.of('number', number)))
  }
  if (query.transport !== undefined) {
    const transport = (TRANSPORTS as readonly string[]).indexOf(query.transport)
    rows.add(`${SQL.transport} = ?`, transport)
    groups.add('transport_mask & ? <> 0', transport < 0 ? 0 : 1 << transport)
  }
  if (query.tag !== undefined) {
    const tag = (TAGS as readonly string[]).indexOf(query.tag)
    const bit = tag < 0 ? 0 : 1 << tag
    rows.add(`${SQL.tagMask} & ? <> 0`, bit)
    groups.add('tag_mask & ? <> 0', bit)
  }
  return {
    where: rows.sql,
    values: rows.values,
    keys,
    groups: groups.count > 0 || keys.length > 0 ? { where: groups.sql, values: groups.values } : null,
    cutoff,
    from: Math.max(cutoff, since ?? Number.NEGATIVE_INFINITY) - 2 * FOLD_MS,
  }
}

class Conditions {
  readonly #parts: string[] = []
  readonly values: SQLInputValue[] = []

  get count(): number {
    return this.#parts.length
  }

  get sql(): string {
    return this.#parts.length === 0 ? '1' : this.#parts.join(' AND ')
  }

  add(sql: string, ...values: SQLInputValue[]): void {
    this.#parts.push(sql)
    this.values.push(...values)
  }
}

/** The column holds the text, or the number that it has in `texts`. */
function addText(rows: Conditions, column: string, wanted: string | undefined): void {
  const text = indexText(wanted ?? null)
  if (text !== null) rows.add(`${column} IN (?, (SELECT id FROM texts WHERE text = ?))`, text, text)
}

/** Text that is no address is that of no row. */
function packedIp(ip: string): SQLInputValue {
  try {
    const packed = packAddress(ip)
    return typeof packed === 'number' ? BigInt(packed) : packed
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return null
  }
}
