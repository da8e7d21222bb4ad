// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Indicators } from '../store/types.ts'
import { formsOf, newestForms } from './_newest.ts'

const CHUNK_SIZE = 64 * 1024 // characters made at a time
const COUNTED_AT_A_TIME = 5000 // numbers: about a millisecond

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
  return readable(
    (async function* () {
      yield* listText(NUMBERS, await countForms(indicators), formRows(indicators))
    })(),
  )
}

function* formRows(indicators: Indicators): Generator<Row, void, undefined> {
  for (const form of newestForms(indicators.all('phone-number'))) yield { ...form, value: form.raw }
}

async function countForms(indicators: Indicators): Promise<number> {
  let numbers = 0
  let forms = 0
  for (const indicator of indicators.all('phone-number')) {
    forms += formsOf(indicator).length
    if (++numbers % COUNTED_AT_A_TIME === 0) await setImmediate()
  }
  return forms
}

/**
 * A list as text, a piece at a time: the whole could be a hundred megabytes, and between two pieces the node does its
 * other work. The total stands first, so a list that grows on its way out is cut there.
 */
async function* listText(keys: Keys, total: number, rows: Iterable<Row>): AsyncGenerator<string, void, undefined> {
  let text = `{\n  "${keys.total}": ${total},\n  "${keys.list}": [`
  let written = 0
  for (const row of rows) {
    if (written === total) break
    text += `${written === 0 ? '' : ','}\n${rowText(keys.value, row)}`
    written++
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
