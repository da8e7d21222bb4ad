// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SQLInputValue } from 'node:sqlite'
import {
  COLLECTED_METHODS,
  type CollectedMethod,
  type Endpoint,
  EVENT_KINDS,
  type EventKind,
  TRANSPORTS,
  type Transport,
} from '../core/event.ts'
import { SOURCE_VALIDATIONS, type SourceValidation } from '../core/validation.ts'
import { type PackedAddress, packAddress, unpackAddress } from './_packed-address.ts'
import type { Texts } from './_texts.ts'
import { type IndexFacts, indexText, numberOf } from './index-facts.ts'

/*
 * What a row of the table `events` holds. `id` counts from the start of the day in microseconds, as ids do; `lag` is by
 * how much the event is older than its id, and `span` how much younger the last event of the row, both in ms. `facts`:
 *   bits 0–2 kind  3–5 transport  6–7 validation  8 collected method  9 summary  from 10 tags
 * Texts that many rows share are numbers of `texts`. A column of more than one type takes a bigint for a whole number,
 * since SQLite is given any other number as a float. `e164` is a number when all but so many characters of `called` are it.
 */
const TRANSPORT_SHIFT = 3
const VALIDATION_SHIFT = 6
const COLLECTED_SHIFT = 8
const SUMMARY_SHIFT = 9
const TAG_SHIFT = 10
const ID_PER_MS = 1000

const SUMMARY_FACT = 1 << SUMMARY_SHIFT

const text = (column: string): string =>
  `CASE typeof(${column}) WHEN 'integer' THEN (SELECT text FROM texts WHERE texts.id = ${column}) ELSE ${column} END`

export const SQL = {
  /** Ms since the start of the day. */
  at: 'id / 1000 - lag',
  lastAt: 'id / 1000 - lag + span',
  e164: `CASE typeof(e164) WHEN 'integer' THEN '+' || substr(called, e164 + 1) ELSE e164 END`,
  transport: `(facts >> ${TRANSPORT_SHIFT}) & 7`,
  tagMask: `facts >> ${TAG_SHIFT}`,
} as const

export const COLUMNS = `n, id, lag, span, count, repeat_count, facts, source, source_port, ${text('destination')} AS destination,
  ${text('method')} AS method, ${text('user_agent')} AS user_agent, called, ${SQL.e164} AS e164, other`

/** As many columns without a text: enough to count rows of a source. */
export const COUNT_COLUMNS = `n, id, lag, span, count, repeat_count, facts, source, source_port, '' AS destination`

export const INSERT_ROW = `INSERT INTO events VALUES (${Array.from({ length: 15 }, () => '?').join(', ')})`

/** The row as it lies in the file, shared texts read. */
export type StoredRow = {
  readonly n: number
  readonly id: number
  readonly lag: number
  readonly span: number
  readonly count: number
  readonly repeat_count: number
  readonly facts: number
  readonly source: PackedAddress
  readonly source_port: number
  readonly destination: string
  readonly method: string | null
  readonly user_agent: string | null
  readonly called: string | null
  readonly e164: string | null
  readonly other: string | null
}

export type EventRow = {
  readonly n: number
  readonly id: number
  readonly at: number
  readonly lastAt: number
  readonly count: number
  readonly repeatCount: number
  readonly isSummary: boolean
  readonly kind: EventKind
  readonly transport: Transport
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly validation: SourceValidation
  readonly collectedMethod: CollectedMethod
  readonly method: string | null
  readonly userAgent: string | null
  readonly calledNumber: string | null
  readonly e164: string | null
  readonly otherNumber: string | null // the second number dialled, as `normalizeNumber` gives its value
  readonly tagMask: number
}

export type RowCounts = Pick<EventRow, 'at' | 'lastAt' | 'count' | 'repeatCount'>

/** An event as a row before it has a number, in words that the row and its key share. */
export type RowFacts = Omit<EventRow, 'n' | 'isSummary' | 'lastAt' | 'count' | 'repeatCount'>

export function rowFacts(event: IndexFacts): RowFacts {
  const other = event.calledNumbers[1]
  return {
    id: event.id,
    at: event.at,
    kind: event.kind,
    transport: event.transport,
    source: event.source,
    destination: event.destination,
    validation: event.validation,
    collectedMethod: event.collectedMethod,
    method: indexText(event.method),
    userAgent: indexText(event.userAgent),
    calledNumber: indexText(event.calledNumber),
    e164: event.e164,
    otherNumber: other === undefined ? null : numberOf(other),
    tagMask: event.tagMask,
  }
}

export type Packing = { readonly dayStartAt: number; readonly texts: Texts }

/** The values of a new row. */
export function packRow(
  n: number,
  row: RowFacts,
  counts: RowCounts,
  isSummary: boolean,
  { dayStartAt, texts }: Packing,
): SQLInputValue[] {
  const id = row.id - dayStartAt * ID_PER_MS
  const { method, userAgent, calledNumber, e164 } = row
  const source = packAddress(row.source.ip)
  return [
    n,
    id,
    Math.trunc(id / ID_PER_MS) - (row.at - dayStartAt),
    counts.lastAt - row.at,
    counts.count,
    counts.repeatCount,
    packFacts(row) | (isSummary ? SUMMARY_FACT : 0),
    typeof source === 'number' ? BigInt(source) : source,
    row.source.port,
    texts.shareEndpoint(row.destination),
    method === null ? null : texts.share(method),
    userAgent === null ? null : texts.share(userAgent),
    calledNumber,
    e164 === null ? null : packE164(e164, calledNumber ?? ''),
    row.otherNumber,
  ]
}

function packFacts(row: RowFacts): number {
  return (
    EVENT_KINDS.indexOf(row.kind) |
    (TRANSPORTS.indexOf(row.transport) << TRANSPORT_SHIFT) |
    (SOURCE_VALIDATIONS.indexOf(row.validation) << VALIDATION_SHIFT) |
    (COLLECTED_METHODS.indexOf(row.collectedMethod) << COLLECTED_SHIFT) |
    (row.tagMask << TAG_SHIFT)
  )
}

/** SQLite's substr() counts other characters otherwise, and ends at a NUL. */
const PLAIN = /^[+0-9]*$/

function packE164(e164: string, called: string): bigint | string {
  const prefixSize = called.length - e164.length + 1
  return called.endsWith(e164.slice(1)) && PLAIN.test(called.slice(0, prefixSize)) ? BigInt(prefixSize) : e164
}

export function unpackRow(row: StoredRow, dayStartAt: number): EventRow {
  const at = dayStartAt + Math.trunc(row.id / ID_PER_MS) - row.lag
  const portEnd = row.destination.indexOf(' ')
  return {
    n: row.n,
    id: row.id + dayStartAt * ID_PER_MS,
    at,
    lastAt: at + row.span,
    count: row.count,
    repeatCount: row.repeat_count,
    isSummary: (row.facts & SUMMARY_FACT) !== 0,
    kind: named(EVENT_KINDS, row.facts & 7),
    transport: named(TRANSPORTS, (row.facts >> TRANSPORT_SHIFT) & 7),
    source: { ip: unpackAddress(row.source), port: row.source_port },
    destination: { ip: row.destination.slice(portEnd + 1), port: Number(row.destination.slice(0, portEnd)) },
    validation: named(SOURCE_VALIDATIONS, (row.facts >> VALIDATION_SHIFT) & 3),
    collectedMethod: named(COLLECTED_METHODS, (row.facts >> COLLECTED_SHIFT) & 1),
    method: row.method,
    userAgent: row.user_agent,
    calledNumber: row.called,
    e164: row.e164,
    otherNumber: row.other,
    tagMask: row.facts >> TAG_SHIFT,
  }
}

function named<T extends string>(table: readonly T[], index: number): T {
  const name = table[index]
  if (name === undefined) throw new RangeError(`Cannot read the index: ${index} is none of ${table.join(', ')}`)
  return name
}

/** The numbers by which a row is found, each once: as dialled, as E.164, and the value of the second one. */
export function rowNumbers(row: Pick<EventRow, 'calledNumber' | 'e164' | 'otherNumber'>): string[] {
  const numbers: string[] = []
  for (const number of [row.calledNumber, row.e164, row.otherNumber])
    if (number !== null && !numbers.includes(number)) numbers.push(number)
  return numbers
}
