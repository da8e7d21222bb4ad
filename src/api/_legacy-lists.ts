// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Indicator } from '../core/indicator.ts'
import type { Indicators } from '../store/types.ts'
import { formsOf, newestForms } from './_newest.ts'

// Between two pieces the same thread reads datagrams, 32 at a time, so that a piece must take well under a millisecond.
const CHUNK_SIZE = 16 * 1024 // characters made at a time
const COUNTED_AT_A_TIME = 500 // numbers

type Keys = { readonly total: string; readonly list: string; readonly value: string }
type Row = { readonly value: string; readonly lastSeenAt: number; readonly count: number }

const IP_ADDRESSES: Keys = { total: 'ip_addresses_total', list: 'ip_addresses', value: 'ip_address' }
const NUMBERS: Keys = { total: 'called_numbers_total', list: 'called_numbers', value: 'called_number' }

/** The body of /ip-addresses. */
export function ipAddressesText(indicators: Indicators): Readable {
  return readable(listText(IP_ADDRESSES, indicators.count('ip-address'), indicators.all('ip-address')))
}

/** The body of /numbers: each dialled form is a row. */
export function numbersText(indicators: Indicators): Readable {
  const toCount = indicators.all('phone-number') // both are of this moment, whenever they are read
  const toList = indicators.all('phone-number')
  return readable(
    (async function* () {
      const { total, severalForms } = await countForms(toCount)
      yield* listText(NUMBERS, total, formRows(toList, severalForms))
    })(),
  )
}

/** As many forms of each number as were counted, the most frequent ones: a form dialled since may not take a row. */
function* formRows(
  numbers: Iterable<Indicator>,
  severalForms: ReadonlyMap<string, number>,
): Generator<Row, void, undefined> {
  const counted = function* (): Generator<Indicator, void, undefined> {
    for (const number of numbers) {
      yield { ...number, dialled: number.dialled.slice(0, severalForms.get(number.value) ?? 1) }
    }
  }
  for (const form of newestForms(counted())) yield { ...form, value: form.raw }
}

/** The forms of all numbers together, and those of each number that has more than one. */
async function countForms(numbers: Iterable<Indicator>): Promise<{ total: number; severalForms: Map<string, number> }> {
  const severalForms = new Map<string, number>()
  let numberCount = 0
  let total = 0
  for (const number of numbers) {
    const formCount = formsOf(number).length
    total += formCount
    if (formCount > 1) severalForms.set(number.value, formCount)
    if (++numberCount % COUNTED_AT_A_TIME === 0) await setImmediate()
  }
  return { total, severalForms }
}

/**
 * A list as text, a piece at a time: the whole could be a hundred megabytes, and between two pieces the node does its
 * other work. The total stands first; the rows are those of the moment for which it was counted.
 */
async function* listText(keys: Keys, total: number, rows: Iterable<Row>): AsyncGenerator<string, void, undefined> {
  let text = `{\n  "${keys.total}": ${total},\n  "${keys.list}": [`
  let separator = ''
  for (const row of rows) {
    text += `${separator}\n${rowText(keys.value, row)}`
    separator = ','
    if (text.length < CHUNK_SIZE) continue
    yield text
    text = ''
    await setImmediate()
  }
  yield `${text}\n  ]\n}`
}

function rowText(key: string, { value, lastSeenAt, count }: Row): string {
  const lines = [
    `"${key}": ${JSON.stringify(value)}`,
    `"seen_last": "${seenLast(lastSeenAt)}"`,
    `"seen_count": "${count}"`,
  ]
  return `    {\n      ${lines.join(',\n      ')}\n    }`
}

/** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` in UTC. The original's was local time, and short of digits now and then. */
function seenLast(at: number): string {
  const time = new Date(at).toISOString()
  return `${time.slice(0, 10)} ${time.slice(11, -1)}000000`
}

const readable = (text: AsyncGenerator<string>) => Readable.from(text, { objectMode: false, highWaterMark: CHUNK_SIZE })
