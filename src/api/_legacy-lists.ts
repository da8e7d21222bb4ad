// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Indicator } from '../core/indicator.ts'
import type { Indicators } from '../store/types.ts'
import { formsOf, newestForms } from './_newest.ts'
import { seenLastWriter } from './_seen-last.ts'

// Whoever asks for the next piece holds up all else meanwhile, so that a piece must take well under a millisecond.
const PIECE_LENGTH = 64 * 1024 // characters
const LOOKED_AT_A_TIME = 500 // numbers

type Keys = { readonly total: string; readonly list: string; readonly value: string }
type Row = { readonly value: string; readonly lastSeenAt: number; readonly count: number }

const IP_ADDRESSES: Keys = { total: 'ip_addresses_total', list: 'ip_addresses', value: 'ip_address' }
const NUMBERS: Keys = { total: 'called_numbers_total', list: 'called_numbers', value: 'called_number' }

/** The body of /ip-addresses, in pieces. */
export function ipAddressesText(indicators: Indicators): Generator<string, void, undefined> {
  return listText(IP_ADDRESSES, indicators.count('ip-address'), indicators.all('ip-address'))
}

/** The body of /numbers, in pieces: each dialled form is a row. An empty piece is a step on the way. */
export function* numbersText(indicators: Indicators): Generator<string, void, undefined> {
  const toCount = indicators.all('phone-number') // both are of this moment, whenever they are read
  const toList = indicators.all('phone-number')
  const { total, severalForms } = yield* countForms(toCount)
  yield* listText(NUMBERS, total, formRows(toList, severalForms))
}

/** As many forms of each number as were counted, the most frequent ones: a form dialled since may not take a row. */
function* formRows(
  numbers: Iterable<Indicator>,
  severalForms: ReadonlyMap<string, number>,
): Generator<Row | null, void, undefined> {
  const counted = function* (): Generator<Indicator, void, undefined> {
    for (const number of numbers) {
      yield { ...number, dialled: number.dialled.slice(0, severalForms.get(number.value) ?? 1) }
    }
  }
  for (const form of newestForms(counted(), LOOKED_AT_A_TIME)) yield form === null ? null : { ...form, value: form.raw }
}

type Counted = { readonly total: number; readonly severalForms: ReadonlyMap<string, number> }

/** The forms of all numbers together, and those of each number that has more than one. */
function* countForms(numbers: Iterable<Indicator>): Generator<string, Counted, undefined> {
  const severalForms = new Map<string, number>()
  let numberCount = 0
  let total = 0
  for (const number of numbers) {
    const formCount = formsOf(number).length
    total += formCount
    if (formCount > 1) severalForms.set(number.value, formCount)
    if (++numberCount % LOOKED_AT_A_TIME === 0) yield ''
  }
  return { total, severalForms }
}

/**
 * A list as text: the total stands first; the rows are those of the moment for which it was counted. Null in place of a
 * row says that the search for the next one takes longer than a piece may.
 */
function* listText(keys: Keys, total: number, rows: Iterable<Row | null>): Generator<string, void, undefined> {
  let text = `{\n  "${keys.total}": ${total},\n  "${keys.list}": [`
  let separator = ''
  const seenLast = seenLastWriter()
  for (const row of rows) {
    if (row !== null) {
      text += `${separator}\n${rowText(keys.value, row, seenLast(row.lastSeenAt))}`
      separator = ','
      if (text.length < PIECE_LENGTH) continue
    }
    yield text
    text = ''
  }
  yield `${text}\n  ]\n}`
}

const rowText = (key: string, { value, count }: Row, seenLast: string): string =>
  `    {\n      "${key}": ${JSON.stringify(value)},\n      "seen_last": "${seenLast}",\n      "seen_count": "${count}"\n    }`
