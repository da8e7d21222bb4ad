// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/*
 * A queue of records between two threads in shared memory: one writes, one reads, nobody waits. Records lie end to end;
 * one that would not fit before the end of the memory starts at its beginning instead.
 *
 * The header, each field in a cache line of its own:
 *     0 u32 head: bytes written since the start, modulo 2³²     64 u32 tail: bytes read
 *   128 u32 where the bytes before the last return to the beginning end: once set, it holds until the reader is past it
 *   192 i32 1 while the reader sleeps and wants to be rung for
 *    32 u32 and 96 u32: of the bytes written and read, those that a return to the beginning left unused
 *   256 f64 records taken, 264 records lost, 272 how busy the writer is, 0 to 1 (written by the writer alone)
 */
const HEADER_SIZE = 320
const HEAD = 0
const TAIL = 16
const WRAP = 32
const SLEEPING = 48
const HEAD_UNUSED = 8
const TAIL_UNUSED = 24
const COUNTERS_AT = 256
const TAKEN = 0
const LOST = 1
const BUSY = 2

/** Once the reader has caught up, writing starts again at the beginning, so that a quiet ring touches little memory. */
const REWIND_FROM_SIZE = 65_536

export type RingCounters = {
  readonly takenCount: number
  readonly lostCount: number // since the ring was full
}

/** `capacity` is a power of two, in bytes, and more than twice the largest record. */
export function createRing(capacity: number): SharedArrayBuffer {
  if (capacity < 2 || (capacity & (capacity - 1)) !== 0) throw new RangeError(`${capacity} is no power of two`)
  return new SharedArrayBuffer(HEADER_SIZE + capacity)
}

/** What both ends share. */
class Ring {
  /** The records' memory; offsets are into this. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  readonly capacity: number
  protected readonly header: Int32Array<SharedArrayBuffer>
  protected readonly counts: Float64Array<SharedArrayBuffer>

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new Uint8Array(buffer, HEADER_SIZE)
    this.capacity = this.bytes.length
    this.header = new Int32Array(buffer, 0, COUNTERS_AT / 4)
    this.counts = new Float64Array(buffer, COUNTERS_AT, 3)
  }

  /**
   * Bytes of records that are published and not yet read. While the other thread goes on it may tell too little, never
   * too much: what is read here last was written first.
   */
  get usedSize(): number {
    const head = Atomics.load(this.header, HEAD)
    const headUnused = Atomics.load(this.header, HEAD_UNUSED)
    const tailUnused = Atomics.load(this.header, TAIL_UNUSED)
    const size = (head - Atomics.load(this.header, TAIL) - (headUnused - tailUnused)) | 0
    return Math.max(0, size)
  }

  get counters(): RingCounters {
    const [takenCount = 0, lostCount = 0] = this.counts
    return { takenCount, lostCount }
  }
}

/** The end that writes. Records become visible with `publish`. */
export class RingWriter extends Ring {
  readonly #ring: () => void
  readonly #rewindFromSize: number
  #head: number // what is written; more than what is published
  #tail: number // as last seen; the reader can only be further on
  #rewoundAt = -1 // the head when it last returned to the beginning; −1: not yet

  /** `ring` wakes the reader. */
  constructor(buffer: SharedArrayBuffer, ring: () => void, rewindFromSize = REWIND_FROM_SIZE) {
    super(buffer)
    this.#ring = ring
    this.#rewindFromSize = rewindFromSize
    this.#head = Atomics.load(this.header, HEAD)
    this.#tail = Atomics.load(this.header, TAIL)
  }

  /** Where in `bytes` a record of that size may be written now; -1 when there is no room for it. */
  reserve(size: number): number {
    const offset = this.#head & (this.capacity - 1)
    const restSize = this.capacity - offset
    const isTooLarge = size > restSize
    const wantsRewind = isTooLarge || (offset >= this.#rewindFromSize && this.#isEmpty())
    if (wantsRewind && this.#hasRoom(restSize + size)) return this.#rewind(offset, restSize)
    if (isTooLarge) return -1
    return this.#hasRoom(size) || this.#mayOvertake(size, restSize) ? offset : -1
  }

  /** The record of that size stands where `reserve` said. */
  add(size: number): void {
    this.#head = (this.#head + size) | 0
    if ((this.#head & (this.capacity - 1)) === 0) Atomics.store(this.header, WRAP, this.capacity)
    this.counts[TAKEN]!++
  }

  countLost(): void {
    this.counts[LOST]!++
  }

  /** How busy the thread is that writes, 0 to 1. */
  tellBusy(share: number): void {
    this.counts[BUSY] = share
  }

  publish(): void {
    if (Atomics.load(this.header, HEAD) === this.#head) return
    Atomics.store(this.header, HEAD, this.#head)
    if (Atomics.exchange(this.header, SLEEPING, 0) === 1) this.#ring()
  }

  #rewind(offset: number, restSize: number): number {
    Atomics.store(this.header, WRAP, offset)
    Atomics.add(this.header, HEAD_UNUSED, restSize)
    this.#rewoundAt = this.#head
    this.#head = (this.#head + restSize) | 0
    return 0
  }

  /**
   * While the reader has yet to follow to the beginning and left nothing unread behind, all of the memory up to its end
   * is free, save that nothing may reach the end: only one return to the beginning can be told at a time.
   */
  #mayOvertake(size: number, restSize: number): boolean {
    return this.#tail === this.#rewoundAt && size < restSize
  }

  /** Never while something is written but not published: the reader would miss where it ends. */
  #isEmpty(): boolean {
    return Atomics.load(this.header, HEAD) === this.#head && Atomics.load(this.header, TAIL) === this.#head
  }

  #hasRoom(size: number): boolean {
    const isKnown = ((this.#head - this.#tail) >>> 0) + size <= this.capacity
    if (isKnown) return true
    this.#tail = Atomics.load(this.header, TAIL)
    return ((this.#head - this.#tail) >>> 0) + size <= this.capacity
  }
}

/** The end that reads. */
export class RingReader extends Ring {
  #tail: number

  constructor(buffer: SharedArrayBuffer) {
    super(buffer)
    this.#tail = Atomics.load(this.header, TAIL)
  }

  /** How busy the thread is that writes, as it told last. */
  get writerBusyShare(): number {
    return this.counts[BUSY] ?? 0
  }

  /** The place behind all that is published now, for `isRead`. */
  get end(): number {
    return Atomics.load(this.header, HEAD)
  }

  /** Whether all before that place was released. */
  isRead(end: number): boolean {
    return ((this.#tail - end) | 0) >= 0
  }

  /** The next records, whole and end to end in `bytes`; null when there are none. They stay until `release`. */
  next(): { start: number; end: number } | null {
    for (;;) {
      const usedSize = (Atomics.load(this.header, HEAD) - this.#tail) >>> 0
      if (usedSize === 0) return null
      const start = this.#tail & (this.capacity - 1)
      const restSize = this.capacity - start
      if (usedSize < restSize) return { start, end: start + usedSize }
      const end = Atomics.load(this.header, WRAP)
      if (end > start) return { start, end }
      this.release(restSize)
      Atomics.add(this.header, TAIL_UNUSED, restSize) // after it, or `usedSize` would tell a full ring in between
    }
  }

  /** So many bytes behind the last release may be written over. */
  release(size: number): void {
    this.#tail = (this.#tail + size) | 0
    Atomics.store(this.header, TAIL, this.#tail)
  }

  /** Asks to be rung for at the next record; false when one is there already. */
  sleep(): boolean {
    Atomics.store(this.header, SLEEPING, 1)
    if (Atomics.load(this.header, HEAD) === this.#tail) return true
    Atomics.store(this.header, SLEEPING, 0)
    return false
  }
}
