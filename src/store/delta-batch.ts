// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, packAddress, readAddress } from '../core/address.ts'
import { type Delta, validationAt, validationRank } from './delta.ts'

const ROW_SIZE = 2 * 8 + 3 * 4 + 1 // bytes of the numbers of a row

/**
 * What many events add to indicators, in columns of one buffer that changes threads without being copied. The rows of
 * addresses come first; then those of numbers, each with its value and a form in `texts`: '' for the number itself,
 * whose row stands before those of its forms. Within each, the row that changed last is the last.
 */
export type DeltaBatch = {
  readonly rowCount: number
  readonly addressCount: number
  readonly addresses: Uint8Array<ArrayBuffer> // 16 bytes each
  readonly texts: string[] // value and form of each row that is no address
  readonly counts: Uint32Array<ArrayBuffer>
  readonly repeatCounts: Uint32Array<ArrayBuffer>
  readonly firstAt: Float64Array<ArrayBuffer>
  readonly lastAt: Float64Array<ArrayBuffer>
  readonly validations: Uint8Array<ArrayBuffer> // ranks
  readonly tagMasks: Uint32Array<ArrayBuffer>
}

export function createDeltaBatch(addressCount: number, rowCount: number): DeltaBatch {
  const buffer = new ArrayBuffer(rowCount * ROW_SIZE + addressCount * ADDRESS_SIZE)
  const words = rowCount * 2 * 8
  const rest = words + rowCount * 3 * 4
  return {
    rowCount,
    addressCount,
    firstAt: new Float64Array(buffer, 0, rowCount),
    lastAt: new Float64Array(buffer, rowCount * 8, rowCount),
    counts: new Uint32Array(buffer, words, rowCount),
    repeatCounts: new Uint32Array(buffer, words + rowCount * 4, rowCount),
    tagMasks: new Uint32Array(buffer, words + rowCount * 8, rowCount),
    validations: new Uint8Array(buffer, rest, rowCount),
    addresses: new Uint8Array(buffer, rest + rowCount, addressCount * ADDRESS_SIZE),
    texts: [],
  }
}

/** The deltas in their order, but for that of kinds and forms; an address that is none is left out. */
export function batchOf(deltas: readonly Delta[]): DeltaBatch {
  const packed = new Uint8Array(ADDRESS_SIZE)
  const addresses = deltas.filter(({ kind, value }) => kind === 'ip-address' && packAddress(value, packed, 0))
  const ofNumbers = deltas.filter(({ kind }) => kind === 'phone-number')
  const numbers = ofNumbers.filter(({ form }) => form === '')
  const forms = ofNumbers.filter(({ form }) => form !== '')
  const rows = [...addresses, ...numbers, ...forms]
  const batch = createDeltaBatch(addresses.length, rows.length)
  for (const [row, delta] of rows.entries()) {
    if (row < addresses.length) packAddress(delta.value, batch.addresses, row * ADDRESS_SIZE)
    else batch.texts.push(delta.value, delta.form)
    batch.counts[row] = delta.count
    batch.repeatCounts[row] = delta.repeatCount
    batch.firstAt[row] = delta.firstAt
    batch.lastAt[row] = delta.lastAt
    batch.validations[row] = validationRank(delta.validation)
    batch.tagMasks[row] = delta.tagMask
  }
  return batch
}

/** The rows as deltas, in their order. */
export function deltasOfBatch(batch: DeltaBatch): Delta[] {
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const isAddress = row < batch.addressCount
    const text = 2 * (row - batch.addressCount)
    return {
      kind: isAddress ? 'ip-address' : 'phone-number',
      value: isAddress ? readAddress(batch.addresses, row * ADDRESS_SIZE) : (batch.texts[text] ?? ''),
      form: isAddress ? '' : (batch.texts[text + 1] ?? ''),
      count: batch.counts[row]!,
      repeatCount: batch.repeatCounts[row]!,
      firstAt: batch.firstAt[row]!,
      lastAt: batch.lastAt[row]!,
      validation: validationAt(batch.validations[row]!),
      tagMask: batch.tagMasks[row]!,
    }
  })
}
