// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { crc32 } from 'node:zlib'
import { ADDRESS_SIZE } from '../core/address.ts'
import type { IndicatorKind } from '../core/indicator.ts'
import { packAddress, unpackAddress } from './_packed-address.ts'
import { DayUnusable } from './day-schema.ts'

/*
 * What an hour adds to one indicator, as bytes; many of them stand one behind another, little endian, after the crc of
 * all that follows it:
 *    0 u32 hash of the address or number  4 u8 flags  5 u24 first seen, ms since the hour began  8 varint tags
 *   address  4 bytes, or 16          number  its text          form  its text, then the number it stands for
 *   then as the flags say: varint count, varint ms from first to last seen; varint repeats; varint rows of numbers
 * A text is its size (u8) and UTF-8. A number is mostly the end of its form: then it is one byte that says how many
 * characters stand before it (from 128 on: and it has a +), else 255 and its text.
 */
const FLAG = { number: 1, form: 2, whole: 4, rows: 4, repeated: 8, ipv6: 64, several: 128 } as const
const VALIDATION_SHIFT = 4
const CRC_SIZE = 4
const FIXED_SIZE = 8
const PLUS = 128
const NO_SUFFIX = 255
const TEXT_SIZE_MAX = 255 // bytes
const SHORT_SIZE_MAX = 32 // characters
const ENTRY_SIZE_MAX = FIXED_SIZE + 2 * (TEXT_SIZE_MAX + 1) + 40

export type HourEntry = {
  readonly hash: number
  readonly kind: IndicatorKind
  readonly value: string
  /** '' for an indicator alone. A form that is the only one of its number, and dialled as often, may stand with it. */
  readonly form: string
  readonly isForm: boolean // it tells of the form alone
  readonly count: number
  readonly repeatCount: number
  readonly firstMs: number // since the hour began
  readonly lastMs: number
  readonly validation: number // its rank
  readonly tagMask: number
  readonly numberRows: number // of an address: rows of numbers that it made
}

/** Gathers entries in one buffer. */
export class EntryWriter {
  #bytes = Buffer.allocUnsafe(4096)
  #size = CRC_SIZE

  get isEmpty(): boolean {
    return this.#size === CRC_SIZE
  }

  add(entry: HourEntry): void {
    if (this.#size + ENTRY_SIZE_MAX > this.#bytes.length) this.#grow()
    const { kind, form } = entry
    const packed = kind === 'ip-address' ? packAddress(entry.value) : null
    const isSeveral = entry.count !== 1 || entry.lastMs !== entry.firstMs
    this.#bytes.writeUInt32LE(entry.hash, this.#size)
    this.#bytes[this.#size + 4] =
      (kind === 'phone-number' ? FLAG.number : 0) |
      (form === '' ? 0 : FLAG.form) |
      (form === '' || entry.isForm ? 0 : FLAG.whole) |
      (entry.numberRows > 0 ? FLAG.rows : 0) |
      (entry.repeatCount > 0 ? FLAG.repeated : 0) |
      (entry.validation << VALIDATION_SHIFT) |
      (typeof packed === 'object' && packed !== null ? FLAG.ipv6 : 0) |
      (isSeveral ? FLAG.several : 0)
    this.#bytes.writeUIntLE(entry.firstMs, this.#size + 5, 3)
    this.#size += FIXED_SIZE
    this.#varint(entry.tagMask)
    if (packed !== null) this.#address(packed)
    else if (form === '') this.#text(entry.value)
    else {
      this.#text(form)
      this.#numberOfForm(entry.value, form)
    }
    if (isSeveral) {
      this.#varint(entry.count)
      this.#varint(entry.lastMs - entry.firstMs)
    }
    if (entry.repeatCount > 0) this.#varint(entry.repeatCount)
    if (entry.numberRows > 0) this.#varint(entry.numberRows)
  }

  /** All that was added; begins anew. */
  finish(): Buffer {
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#size))
    bytes.writeUInt32LE(crc32(bytes.subarray(CRC_SIZE)), 0)
    this.#size = CRC_SIZE
    return bytes
  }

  #grow(): void {
    const grown = Buffer.allocUnsafe(2 * this.#bytes.length)
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }

  #address(packed: number | Uint8Array): void {
    if (typeof packed === 'number') this.#size = this.#bytes.writeInt32LE(packed, this.#size)
    else {
      this.#bytes.set(packed, this.#size)
      this.#size += ADDRESS_SIZE
    }
  }

  #text(text: string): void {
    const size = this.#writeAscii(text) ?? this.#bytes.write(text, this.#size + 1, TEXT_SIZE_MAX, 'utf8')
    this.#bytes[this.#size] = size
    this.#size += 1 + size
  }

  /** Mostly it is some digits, for which a call into the runtime costs more; null for what is not so simple. */
  #writeAscii(text: string): number | null {
    if (text.length > SHORT_SIZE_MAX) return null
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) return null
      this.#bytes[this.#size + 1 + i] = code
    }
    return text.length
  }

  #numberOfForm(value: string, form: string): void {
    const hasPlus = value.startsWith('+')
    const digits = hasPlus ? value.slice(1) : value
    const prefixSize = form.length - digits.length
    const isSuffix = prefixSize >= 0 && prefixSize < NO_SUFFIX - PLUS && form.endsWith(digits)
    this.#bytes[this.#size++] = isSuffix ? prefixSize | (hasPlus ? PLUS : 0) : NO_SUFFIX
    if (!isSuffix) this.#text(value)
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#size++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#size++] = rest
  }
}

/** Throws DayUnusable when the bytes are damaged. */
export function checkEntries(entries: Uint8Array): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  if (entries.length < CRC_SIZE || crc32(entries.subarray(CRC_SIZE)) !== view.getUint32(0, true))
    throw new DayUnusable('counts of an hour have another checksum than was written')
}

/** Reads entries; `wants` lets those pass over whose texts nobody needs. Throws DayUnusable when the bytes are damaged. */
export function readEntries(
  entries: Uint8Array,
  visit: (entry: HourEntry) => void,
  wants: (hash: number) => boolean = () => true,
): void {
  checkEntries(entries)
  const reader = new EntryReader(Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength))
  while (!reader.atEnd) {
    const entry = reader.next(wants)
    if (entry !== null) visit(entry)
  }
}

class EntryReader {
  readonly #bytes: Buffer
  #at = CRC_SIZE

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Null when nobody wants it. */
  next(wants: (hash: number) => boolean): HourEntry | null {
    const start = this.#at
    const hash = this.#bytes.readUInt32LE(start)
    const flags = this.#bytes[start + 4] ?? 0
    this.#at += FIXED_SIZE
    const tagMask = this.#varint()
    const isNumber = (flags & FLAG.number) !== 0
    const isForm = (flags & FLAG.form) !== 0
    const isWanted = wants(hash)
    const keyAt = this.#at
    this.#skipKey(flags)
    const several = (flags & FLAG.several) !== 0
    const firstMs = this.#bytes.readUIntLE(start + 5, 3)
    const count = several ? this.#varint() : 1
    const lastMs = firstMs + (several ? this.#varint() : 0)
    const repeatCount = (flags & FLAG.repeated) === 0 ? 0 : this.#varint()
    const numberRows = isNumber || (flags & FLAG.rows) === 0 ? 0 : this.#varint()
    if (!isWanted) return null
    const form = isForm ? this.#textAt(keyAt) : ''
    return {
      hash,
      kind: isNumber ? 'phone-number' : 'ip-address',
      value: isForm ? this.#numberAt(keyAt + 1 + (this.#bytes[keyAt] ?? 0), form) : this.#valueAt(keyAt, flags),
      form,
      isForm: isForm && (flags & FLAG.whole) === 0,
      count,
      repeatCount,
      firstMs,
      lastMs,
      validation: (flags >> VALIDATION_SHIFT) & 3,
      tagMask,
      numberRows,
    }
  }

  #skipKey(flags: number): void {
    if ((flags & FLAG.number) === 0) {
      this.#at += (flags & FLAG.ipv6) === 0 ? 4 : ADDRESS_SIZE
      return
    }
    this.#at += 1 + (this.#bytes[this.#at] ?? 0)
    if ((flags & FLAG.form) === 0) return
    if (this.#bytes[this.#at++] === NO_SUFFIX) this.#at += 1 + (this.#bytes[this.#at] ?? 0)
  }

  #valueAt(at: number, flags: number): string {
    if ((flags & FLAG.number) !== 0) return this.#textAt(at)
    const isIpv6 = (flags & FLAG.ipv6) !== 0
    return unpackAddress(isIpv6 ? this.#bytes.subarray(at, at + ADDRESS_SIZE) : this.#bytes.readInt32LE(at))
  }

  #textAt(at: number): string {
    const size = this.#bytes[at] ?? 0
    return this.#bytes.toString('utf8', at + 1, at + 1 + size)
  }

  #numberAt(at: number, form: string): string {
    const how = this.#bytes[at] ?? 0
    if (how === NO_SUFFIX) return this.#textAt(at + 1)
    return how >= PLUS ? `+${form.slice(how - PLUS)}` : form.slice(how)
  }

  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
}
