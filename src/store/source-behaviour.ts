// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { BEHAVIOURS, type Behaviour } from '../core/tags.ts'
import { tagMask } from './delta.ts'
import { type Facts, KIND } from './facts.ts'
import { KeyedHash } from './keyed-hash.ts'

/** From when on a source is said to do something. A phone that is set up wrong once, and rings no more, does none of it. */
export const BEHAVIOUR_LIMITS = {
  windowMs: 600_000, // it begins with the first request of a source that counts, and then anew
  credentialCount: 5, // requests with credentials in a window: register-bruteforce
  registerCount: 10, // REGISTERs for one user in a window: likewise
  userCount: 5, // users asked for in a window: extension-enum
  floodMs: 1000,
  floodCount: 100, // messages in that time, above which it is a flood
} as const

const WAY_COUNT = 4 // places in which a source may be
const PLACE_COUNT = 65_536 // sources remembered, a power of 2
const USERS_KEPT = BEHAVIOUR_LIMITS.userCount - 1 // with one more it is known what the source does

// The words of a place, which are a line of the processor's cache. A time is its ms since epoch modulo 2^32.
const LAST_AT = 0
const SECOND_AT = 1
const WINDOW_AT = 2
const MESSAGES = 3
const CREDENTIALS = 4
const USERS = 5
const USER_HASHES = 6
const REGISTERS = USER_HASHES + USERS_KEPT // by user
const WORD_COUNT = 16

const PROBES = tagMask(['options-scan', 'register-probe', 'invite-probe'])
const NUMBER_SIZE_MIN = 7 // digits
const WORD_SIZE = 4 // bytes
const USER_SIZE_MAX = 128 // bytes of a user that tell it from others

const bitOf = (behaviour: Behaviour): number => 1 << BEHAVIOURS.indexOf(behaviour)
const BRUTEFORCE = bitOf('register-bruteforce')
const ENUM = bitOf('extension-enum')
const FLOOD = bitOf('flood')

/**
 * What each source did lately: an IPv4 address, or the /64 of an IPv6 address. A source has one of four places, told by a
 * hash that nobody outside can foresee; a new one takes the place of the one that was quiet for longest. All memory,
 * under 5 MB, is set aside at the start.
 */
export class SourceBehaviour {
  readonly #hash = new KeyedHash()
  readonly #keys = new Int32Array(2 * PLACE_COUNT)
  readonly #words = new Int32Array(PLACE_COUNT * WORD_COUNT)
  #viewed: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#viewed.buffer)

  /**
   * Notes an event from the address that stands at `addressAt` in `records`, and returns what its source is doing, a bit
   * for each of BEHAVIOURS. `at`: ms since epoch.
   */
  note(records: DataView, addressAt: number, at: number, facts: Facts): number {
    const now = at | 0
    const place = this.#placeOf(records, addressAt, now) * WORD_COUNT
    this.#words[place + LAST_AT] = now
    let behaviours = this.#isFlood(place, now) ? FLOOD : 0
    if (facts.kind !== KIND['sip-request']) return behaviours
    const user = this.#userOf(facts)
    if (!facts.hasCredentials && user === 0) return behaviours
    this.#openWindow(place, now)
    if (facts.hasCredentials && this.#hasGuessed(place)) behaviours |= BRUTEFORCE
    if (user !== 0) behaviours |= this.#noteUser(place, user, facts.isRegister)
    return behaviours
  }

  #placeOf(records: DataView, addressAt: number, now: number): number {
    const isIpv6 = records.getInt32(addressAt) !== 0 || records.getInt32(addressAt + 4) !== 0
    this.#hash.read(records, addressAt, addressAt + (isIpv6 ? 8 : 16))
    const { low, high } = this.#hash
    const first = low & (PLACE_COUNT - 1) & -WAY_COUNT
    for (let place = first; place < first + WAY_COUNT; place++)
      if (this.#keys[2 * place] === low && this.#keys[2 * place + 1] === high) return place
    return this.#take(first, low, high, now)
  }

  /** Gives a new source the place that was quiet for longest. */
  #take(first: number, low: number, high: number, now: number): number {
    let quietest = first
    for (let place = first + 1; place < first + WAY_COUNT; place++)
      if (this.#quietMs(place, now) > this.#quietMs(quietest, now)) quietest = place
    this.#keys[2 * quietest] = low
    this.#keys[2 * quietest + 1] = high
    this.#words.fill(0, quietest * WORD_COUNT, (quietest + 1) * WORD_COUNT)
    return quietest
  }

  #quietMs(place: number, now: number): number {
    return (now - this.#words[place * WORD_COUNT + LAST_AT]!) >>> 0
  }

  #isFlood(place: number, now: number): boolean {
    const words = this.#words
    if (words[place + MESSAGES] === 0 || isOver(words[place + SECOND_AT]!, now, BEHAVIOUR_LIMITS.floodMs)) {
      words[place + SECOND_AT] = now
      words[place + MESSAGES] = 0
    }
    return ++words[place + MESSAGES]! > BEHAVIOUR_LIMITS.floodCount
  }

  #openWindow(place: number, now: number): void {
    const words = this.#words
    const isNew = words[place + CREDENTIALS] === 0 && words[place + USERS] === 0
    if (!isNew && !isOver(words[place + WINDOW_AT]!, now, BEHAVIOUR_LIMITS.windowMs)) return
    words[place + WINDOW_AT] = now
    words.fill(0, place + CREDENTIALS, place + WORD_COUNT)
  }

  #hasGuessed(place: number): boolean {
    return ++this.#words[place + CREDENTIALS]! >= BEHAVIOUR_LIMITS.credentialCount
  }

  #noteUser(place: number, user: number, isRegister: boolean): number {
    const words = this.#words
    const known = words[place + USERS]!
    let i = 0
    while (i < known && words[place + USER_HASHES + i] !== user) i++
    if (i === USERS_KEPT) return ENUM
    if (i === known) {
      words[place + USERS] = known + 1
      words[place + USER_HASHES + i] = user
    }
    if (!isRegister) return 0
    return ++words[place + REGISTERS + i]! >= BEHAVIOUR_LIMITS.registerCount ? BRUTEFORCE : 0
  }

  /**
   * A number for the user that a probe asks for; 0 when there is none, or when it is a number that is called. A SUBSCRIBE
   * for each of its lamps is what a telephone sends.
   */
  #userOf({ tagMask: tags, asked, isRegister }: Facts): number {
    if (asked.isAbsent || (tags & PROBES) === 0) return 0
    if (asked.end - asked.start <= WORD_SIZE) return wordOf(asked.bytes, asked.start, asked.end) || 1
    if (!isRegister && isNumber(asked.bytes, asked.start, asked.end)) return 0
    if (asked.bytes !== this.#viewed) {
      this.#viewed = asked.bytes
      this.#view = new DataView(asked.bytes.buffer, asked.bytes.byteOffset, asked.bytes.byteLength)
    }
    this.#hash.read(this.#view, asked.start, Math.min(asked.end, asked.start + USER_SIZE_MAX))
    return this.#hash.low || 1
  }
}

/** Whether a window is over; also when the clock stepped back by as much. */
const isOver = (began: number, now: number, sizeMs: number): boolean => Math.abs((now - began) | 0) >= sizeMs

/** Most users are so short that their bytes are the number. */
function wordOf(bytes: Uint8Array, start: number, end: number): number {
  let word = 0
  for (let at = start; at < end; at++) word = (word << 8) | bytes[at]!
  return word
}

function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  let digitCount = 0
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) digitCount++
  return digitCount >= NUMBER_SIZE_MIN
}
