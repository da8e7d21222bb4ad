// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DeltaWindow } from './delta-window.ts'
import { shedRaw } from './derive.ts'
import { Facts, KIND } from './facts.ts'
import type { JournalWriter } from './journal-writer.ts'
import { RawSampler } from './raw-sampler.ts'
import {
  EVENT_FIELD,
  eventRecordSize,
  isRawShed,
  RECORD,
  rawStartOf,
  readRecord,
  sizeOfRecord,
  UDP,
  writeEventRecord,
} from './record.ts'
import { Repeats } from './repeats.ts'

const TYPE_AT = 4

/**
 * The way of an event record into the journal: what it tells is read out of its bytes, a retransmission becomes a small
 * record that points to its event, and what it adds to indicators is summed in `window`, which the caller empties
 * before it is full. No object is made for an event, since this is done some hundred thousand times a second.
 */
export class Intake {
  readonly #journal: JournalWriter
  readonly #facts = new Facts()
  readonly #repeats = new Repeats()
  readonly #sampler = new RawSampler()
  readonly window = new DeltaWindow()
  /** Whether messages are shortened: not, save the first few of each source, or all. */
  shortens: 'none' | 'most' | 'all' = 'none'
  lastId: number
  repeatCount = 0
  shedRawCount = 0

  constructor(journal: JournalWriter) {
    this.#journal = journal
    this.lastId = journal.position
  }

  /** Takes the event record that stands at `at` in `bytes`, which `records` shows as well; returns its size. */
  take(bytes: Uint8Array, records: DataView, at: number, now: number): number {
    if (bytes[at + TYPE_AT] !== RECORD.event) throw new Error('sensors hand over events only')
    const size = sizeOfRecord(records, at)
    const isDatagram = bytes[at + EVENT_FIELD.transport] === UDP
    this.#facts.read(bytes, rawStartOf(records, at), at + size, isDatagram)
    const canRepeat = isDatagram && isSip(this.#facts.kind)
    const happenedAt = records.getFloat64(at + EVENT_FIELD.at, true)
    if (canRepeat && this.#repeats.find(records, at)) {
      this.#takeRepeat(records, at, happenedAt, now)
      return size
    }
    this.lastId = this.#append(bytes, records, at, size, now)
    if (canRepeat) this.#repeats.remember(this.lastId, happenedAt)
    const validation = bytes[at + EVENT_FIELD.validation]!
    this.window.addEvent(records, at + EVENT_FIELD.source, happenedAt, validation, this.#facts)
    return size
  }

  #takeRepeat(records: DataView, at: number, happenedAt: number, now: number): void {
    const { original } = this.#repeats
    const sentSize = records.getUint32(at + EVENT_FIELD.sentSize, true)
    this.lastId = this.#journal.appendRepeat({ at: happenedAt, repeatOf: original.id, sentSize }, now)
    this.repeatCount++
    this.window.addRepeat(records, at + EVENT_FIELD.source, original.at, this.#facts)
  }

  #append(bytes: Uint8Array, records: DataView, at: number, size: number, now: number): number {
    const isShed = isRawShed(records, at)
    if (isShed) this.shedRawCount++
    if (isShed || this.shortens === 'none') {
      return this.#journal.appendRecord(bytes, at, size, records.getFloat64(at + EVENT_FIELD.at, true), now)
    }
    return this.#appendShort(bytes, at, now)
  }

  #appendShort(bytes: Uint8Array, at: number, now: number): number {
    const record = readRecord(bytes, at)
    if (record.type !== 'event') throw new Error('an event was told by its type')
    const { observation } = record
    if (this.shortens === 'most' && this.#sampler.keeps(observation)) return this.#journal.append(bytes, at, now)
    const short = { ...observation, bytes: shedRaw(observation.bytes) }
    const shortened = new Uint8Array(eventRecordSize(short))
    writeEventRecord(short, shortened, 0, true)
    this.shedRawCount++
    return this.#journal.append(shortened, 0, now)
  }
}

const isSip = (kind: number): boolean => kind === KIND['sip-request'] || kind === KIND['sip-response']
