// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const DROPOUT_MAX = 3000 // packets that may be missing at once. RFC 3550 §A.1
const WINDOW_SIZE = 32 // packets of which it is known whether they came, counted back from the highest
const CYCLE = 0x10000

/**
 * Counts what became of the packets of one source, from their sequence numbers of 16 bits. RFC 3550 §A.1, §A.3. A
 * number far away counts for nothing until the one behind it follows: then the sender has begun anew.
 */
export class SequenceCounter {
  #base = 0 // the first number, extended beyond 16 bits
  #highest = 0 // likewise
  #window = 0 // bit n: whether the packet n before the highest came
  #receivedCount = 0 // since the base, each once
  #lostBefore = 0
  #next = -1 // the number that would confirm a new beginning
  #isEmpty = true
  /** Packets that came after one with a higher number. */
  lateCount = 0
  /** Packets that came again. */
  duplicateCount = 0

  /** Packets that never came, so far. */
  get lostCount(): number {
    if (this.#isEmpty) return 0
    return this.#lostBefore + this.#highest - this.#base + 1 - this.#receivedCount
  }

  packet(sequence: number): void {
    if (this.#isEmpty) {
      this.#begin(sequence, 1)
      return
    }
    const ahead = distance(this.#highest, sequence)
    if (ahead > 0 && ahead <= DROPOUT_MAX) this.#advance(ahead)
    else if (ahead <= 0 && ahead > -WINDOW_SIZE) this.#fill(-ahead)
    else if (sequence === this.#next) this.#begin(sequence, 2)
    else this.#next = (sequence + 1) % CYCLE
  }

  /** Starts to count at a packet; `count` of them are there already, that one last. */
  #begin(sequence: number, count: number): void {
    this.#lostBefore = this.lostCount
    this.#isEmpty = false
    this.#highest = sequence + CYCLE // so that what was sent before the first can still be told
    this.#base = this.#highest - count + 1
    this.#receivedCount = count
    this.#window = 2 ** count - 1
    this.#next = -1
  }

  #advance(count: number): void {
    this.#highest += count
    this.#receivedCount++
    this.#window = count >= WINDOW_SIZE ? 1 : ((this.#window << count) | 1) >>> 0
    this.#next = -1
  }

  #fill(before: number): void {
    const bit = 2 ** before
    if ((this.#window & bit) >>> 0 === bit) {
      this.duplicateCount++
      return
    }
    this.#window = (this.#window | bit) >>> 0
    this.lateCount++
    this.#receivedCount++
    this.#base = Math.min(this.#base, this.#highest - before)
  }
}

/** How far a number of 16 bits is ahead of another, −32,768 to 32,767. */
function distance(from: number, to: number): number {
  const ahead = (((to - from) % CYCLE) + CYCLE) % CYCLE
  return ahead < CYCLE / 2 ? ahead : ahead - CYCLE
}
