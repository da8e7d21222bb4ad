// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const SEGMENT_SHIFT = 14
const SEGMENT_ROWS = 1 << SEGMENT_SHIFT
const ROW_MASK = SEGMENT_ROWS - 1

/*
 * A row is 72 bytes, as 9 numbers of 64 bits or 18 words of 32; what is read together lies together, in a cache line or
 * two:
 *
 *   words 0–3 the key: the bytes of an address, or of a number the first of its forms and how many there are
 *   numbers 2 first at  3 last at  4 count  5 repeat count  6 touch  7 made at     word 16 tag mask  17 rank of validation
 */
const ROW_NUMBERS = 9
const ROW_WORDS = 18
const ROW_SIZE = 72 // bytes
const SEGMENT_SIZE = SEGMENT_ROWS * ROW_SIZE
export const KEY_WORDS = 4
const FIRST_AT = 2
const LAST_AT = 3
const COUNT = 4
const REPEAT_COUNT = 5
const TOUCH = 6
const MADE_AT = 7
const TAG_MASK = 16
const VALIDATION = 17

/** What is known of indicators, a row each, without an object for one. Grows a segment at a time, so nothing is copied. */
export class IndicatorRows {
  readonly #numbers: Float64Array[] = []
  readonly #words: Int32Array[] = []

  #number(slot: number, field: number): number {
    return this.#numbers[slot >> SEGMENT_SHIFT]![(slot & ROW_MASK) * ROW_NUMBERS + field]!
  }

  #setNumber(slot: number, field: number, value: number): void {
    this.#numbers[slot >> SEGMENT_SHIFT]![(slot & ROW_MASK) * ROW_NUMBERS + field] = value
  }

  /** A word of the row; those of the key are the table's to use. */
  word(slot: number, field: number): number {
    return this.#words[slot >> SEGMENT_SHIFT]![(slot & ROW_MASK) * ROW_WORDS + field]!
  }

  setWord(slot: number, field: number, value: number): void {
    this.#words[slot >> SEGMENT_SHIFT]![(slot & ROW_MASK) * ROW_WORDS + field] = value
  }

  /** Begins a row of nothing yet. */
  clear(slot: number, at: number, touch: number): void {
    if (slot >> SEGMENT_SHIFT === this.#numbers.length) this.#add(new ArrayBuffer(SEGMENT_SIZE))
    const numbers = this.#numbers[slot >> SEGMENT_SHIFT]!
    const base = (slot & ROW_MASK) * ROW_NUMBERS
    numbers.fill(0, base, base + ROW_NUMBERS)
    numbers[base + FIRST_AT] = at
    numbers[base + LAST_AT] = at
    numbers[base + TOUCH] = touch
    numbers[base + MADE_AT] = touch
  }

  #add(segment: ArrayBuffer): void {
    this.#numbers.push(new Float64Array(segment))
    this.#words.push(new Int32Array(segment))
  }

  /** The bytes of the first rows, a segment a piece. */
  *save(count: number): Generator<Uint8Array> {
    for (let from = 0; from < count; from += SEGMENT_ROWS) {
      const { buffer } = this.#words[from >> SEGMENT_SHIFT]!
      yield new Uint8Array(buffer, 0, Math.min(SEGMENT_ROWS, count - from) * ROW_SIZE)
    }
  }

  /** Takes over the memory of whole segments, so that it is not needed twice. */
  load(next: () => Uint8Array<ArrayBuffer>, count: number): void {
    for (let from = 0; from < count; from += SEGMENT_ROWS) {
      const { buffer } = next()
      const segment = buffer.byteLength === SEGMENT_SIZE ? buffer : new ArrayBuffer(SEGMENT_SIZE)
      if (segment !== buffer) new Uint8Array(segment).set(new Uint8Array(buffer))
      this.#add(segment)
    }
  }

  firstAt(slot: number): number {
    return this.#number(slot, FIRST_AT)
  }

  lastAt(slot: number): number {
    return this.#number(slot, LAST_AT)
  }

  count(slot: number): number {
    return this.#number(slot, COUNT)
  }

  repeatCount(slot: number): number {
    return this.#number(slot, REPEAT_COUNT)
  }

  validation(slot: number): number {
    return this.word(slot, VALIDATION)
  }

  tagMask(slot: number): number {
    return this.word(slot, TAG_MASK)
  }

  /** Rises with each change, so it orders the rows by their last one; 0 in a row that nothing lives in. */
  touch(slot: number): number {
    return this.#number(slot, TOUCH)
  }

  setTouch(slot: number, touch: number): void {
    this.#setNumber(slot, TOUCH, touch)
  }

  /** The touch with which it came. */
  madeAt(slot: number): number {
    return this.#number(slot, MADE_AT)
  }

  add(
    slot: number,
    count: number,
    repeatCount: number,
    firstAt: number,
    lastAt: number,
    validation: number,
    tagMask: number,
  ): void {
    const numbers = this.#numbers[slot >> SEGMENT_SHIFT]!
    const base = (slot & ROW_MASK) * ROW_NUMBERS
    if (firstAt < numbers[base + FIRST_AT]!) numbers[base + FIRST_AT] = firstAt
    if (lastAt > numbers[base + LAST_AT]!) numbers[base + LAST_AT] = lastAt
    numbers[base + COUNT]! += count
    numbers[base + REPEAT_COUNT]! += repeatCount
    if (validation > this.validation(slot)) this.setWord(slot, VALIDATION, validation)
    this.setWord(slot, TAG_MASK, this.tagMask(slot) | tagMask)
  }

  /** Puts these in place of what was known, save the time of the last event. */
  replace(
    slot: number,
    left: { count: number; repeatCount: number; firstAt: number; validation: number; tagMask: number },
  ): void {
    this.#setNumber(slot, FIRST_AT, left.firstAt)
    this.#setNumber(slot, COUNT, left.count)
    this.#setNumber(slot, REPEAT_COUNT, left.repeatCount)
    this.setWord(slot, VALIDATION, left.validation)
    this.setWord(slot, TAG_MASK, left.tagMask)
  }
}
