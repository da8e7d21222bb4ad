// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE } from '../core/address.ts'
import { isResearchAddress } from '../core/research-scanners.ts'
import { DeltaWindow } from './delta-window.ts'
import type { DialledForms } from './dialled-forms.ts'
import { Facts, KIND } from './facts.ts'
import type { JournalWriter } from './journal-writer.ts'
import { KeyedHash } from './keyed-hash.ts'
import { RawSampler } from './raw-sampler.ts'
import {
  copyEventHead,
  EVENT_FIELD,
  isRawShed,
  markBehaviours,
  RECORD,
  RECORD_SIZE_MAX,
  RTP,
  rawStartOf,
  sizeOfRecord,
  UDP,
} from './record.ts'
import { Repeats } from './repeats.ts'
import { lastShed, writeShed } from './shed.ts'
import { SourceBehaviour } from './source-behaviour.ts'

const TYPE_AT = 4
const KEPT_ODD_SIZE = 2048 // bytes of a record that is not shortened when the shortened message would tell something else

/**
 * The way of an event record into the journal: what it tells is read out of its bytes, a retransmission becomes a small
 * record that points to its event, and what it adds to indicators is summed in `window`, which the caller empties
 * before it is full. No object is made for an event, since this is done some hundred thousand times a second.
 */
export class Intake {
  readonly #journal: JournalWriter
  readonly #facts: Facts
  readonly #shortFacts: Facts
  #isAltered = false // whether the journal has a message that tells something else than what was received
  readonly #repeats = new Repeats()
  readonly #behaviour = new SourceBehaviour()
  readonly #sampler = new RawSampler()
  readonly #hash = new KeyedHash()
  readonly #short = new Uint8Array(RECORD_SIZE_MAX)
  readonly #shortView = new DataView(this.#short.buffer)
  readonly window = new DeltaWindow()
  /** Whether messages are shortened: not, save the first few of each source, or all. */
  shortens: 'none' | 'most' | 'all' = 'none'
  lastId: number
  repeatCount = 0
  shedRawCount = 0

  /** `forms` may be shared with who reads the same messages in this thread. */
  constructor(journal: JournalWriter, forms?: DialledForms) {
    this.#journal = journal
    this.#facts = new Facts(forms)
    this.#shortFacts = new Facts(forms)
    this.lastId = journal.position
  }

  /** Takes the event record that stands at `at` in `bytes`, which `records` shows as well; returns its size. */
  take(bytes: Uint8Array, records: DataView, at: number, now: number): number {
    if (bytes[at + TYPE_AT] !== RECORD.event) throw new Error('sensors hand over events only')
    const size = sizeOfRecord(records, at)
    const transport = bytes[at + EVENT_FIELD.transport]!
    this.#facts.read(bytes, rawStartOf(records, at), at + size, transport)
    const canRepeat = transport === UDP && isSip(this.#facts.kind)
    const happenedAt = records.getFloat64(at + EVENT_FIELD.at, true)
    if (canRepeat && this.#repeats.find(records, at)) {
      this.#takeRepeat(records, at, happenedAt, now)
      return size
    }
    const source = at + EVENT_FIELD.source
    const behaviours = transport === RTP ? 0 : this.#behaviour.note(records, source, happenedAt, this.#facts)
    if (behaviours !== 0) markBehaviours(records, at, behaviours)
    this.lastId = this.#append(bytes, records, at, size, now)
    if (canRepeat && !this.#isAltered) this.#repeats.remember(this.lastId, happenedAt)
    const validation = bytes[at + EVENT_FIELD.validation]!
    const facts = this.#isAltered ? this.#shortFacts : this.#facts
    facts.addTags(behaviours, isResearchAddress(records, source))
    this.window.addEvent(records, source, happenedAt, validation, facts)
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
    const happenedAt = records.getFloat64(at + EVENT_FIELD.at, true)
    const isShed = isRawShed(records, at)
    this.#isAltered = false
    if (isShed) this.shedRawCount++
    if (!isShed && this.shortens !== 'none' && !this.#isKeptWhole(bytes, records, at, size)) {
      const shortSize = this.#shorten(bytes, records, at, size)
      if (shortSize < size && this.#mayShorten(bytes, at, { size, shortSize })) {
        this.shedRawCount++
        return this.#journal.appendRecord(this.#short, 0, shortSize, happenedAt, now)
      }
    }
    return this.#journal.appendRecord(bytes, at, size, happenedAt, now)
  }

  /**
   * Lookups and the index tell the same: what is counted is what the journal has. A message so odd that its shortened
   * copy tells something else is kept whole, or when it is large counted as that copy.
   */
  #mayShorten(bytes: Uint8Array, at: number, sizes: { size: number; shortSize: number }): boolean {
    if (this.#facts.isPlain && !lastShed.isCut) return true
    const transport = bytes[at + EVENT_FIELD.transport]!
    this.#shortFacts.read(this.#short, rawStartOf(this.#shortView, 0), sizes.shortSize, transport)
    if (this.#shortFacts.isLike(this.#facts)) return true
    this.#isAltered = sizes.size > KEPT_ODD_SIZE
    return this.#isAltered
  }

  #isKeptWhole(bytes: Uint8Array, records: DataView, at: number, size: number): boolean {
    if (bytes[at + EVENT_FIELD.transport] === RTP) return true // a summary, which is small
    if (this.shortens === 'all') return false
    const happenedAt = records.getFloat64(at + EVENT_FIELD.at, true)
    const isForgeable = bytes[at + EVENT_FIELD.validation] === 0
    const rawSize = at + size - rawStartOf(records, at)
    const source = this.#hash.number(records, at + EVENT_FIELD.source, at + EVENT_FIELD.source + ADDRESS_SIZE)
    return this.#sampler.keeps(happenedAt, isForgeable, rawSize, source)
  }

  /** Puts the record with a shortened message into `#short`, and returns its size. */
  #shorten(bytes: Uint8Array, records: DataView, at: number, size: number): number {
    const rawStart = rawStartOf(records, at)
    const shortStart = rawStart - at
    const rawSize = writeShed(bytes, rawStart, at + size, this.#short, shortStart)
    copyEventHead(records, at, this.#shortView, 0, rawSize)
    return shortStart + rawSize
  }
}

const isSip = (kind: number): boolean => kind === KIND['sip-request'] || kind === KIND['sip-response']
