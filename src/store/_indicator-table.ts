// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes } from 'node:crypto'
import type { IndicatorKind } from '../core/indicator.ts'

export type Entry = {
  readonly kind: IndicatorKind
  readonly value: string
  readonly slot: number // its place in the table for as long as it lives; taken again by a later entry
  readonly madeAt: number // the touch with which it came
  touch: number // rises with each change, so it orders the entries by their last one
  firstAt: number
  lastAt: number
  count: number
  repeatCount: number
  validation: number // rank
  tagMask: number
  forms: Map<string, { count: number; lastAt: number }> | null
  newer: Entry | null
  older: Entry | null
}

const EVICTION_LOOK_COUNT = 64

/** All indicators of one kind: a map, and a list from the most to the least recently changed through the same entries. */
export class IndicatorTable {
  readonly kind: IndicatorKind
  readonly nonce = randomBytes(6).toString('hex') // a cursor of another process or table means nothing here
  readonly #entries = new Map<string, Entry>()
  readonly #slots: (Entry | null)[] = []
  readonly #freeSlots: number[] = []
  #newest: Entry | null = null
  #oldest: Entry | null = null
  #kept: Entry | null = null // it and all older ones were found worth keeping when room was looked for
  #touch = 0

  constructor(kind: IndicatorKind) {
    this.kind = kind
  }

  get size(): number {
    return this.#entries.size
  }

  get touch(): number {
    return this.#touch
  }

  get slotCount(): number {
    return this.#slots.length
  }

  get newest(): Entry | null {
    return this.#newest
  }

  get oldest(): Entry | null {
    return this.#oldest
  }

  get(value: string): Entry | undefined {
    return this.#entries.get(value)
  }

  at(slot: number): Entry | null {
    return this.#slots[slot] ?? null
  }

  /** The newest of those that were last changed before that touch. */
  newestBelow(touch: number): Entry | null {
    let entry = this.#newest
    while (entry !== null && entry.touch >= touch) entry = entry.older
    return entry
  }

  make(value: string, at: number): Entry {
    const touch = ++this.#touch
    const slot = this.#freeSlots.pop() ?? this.#slots.length
    const entry: Entry = {
      kind: this.kind,
      value,
      slot,
      madeAt: touch,
      touch,
      firstAt: at,
      lastAt: at,
      count: 0,
      repeatCount: 0,
      validation: 0,
      tagMask: 0,
      forms: null,
      newer: null,
      older: null,
    }
    this.#slots[slot] = entry
    this.#entries.set(value, entry)
    this.#putFirst(entry)
    return entry
  }

  move(entry: Entry): void {
    this.#unlink(entry)
    this.#putFirst(entry)
    entry.touch = ++this.#touch
  }

  remove(entry: Entry): void {
    this.#unlink(entry)
    this.#entries.delete(entry.value)
    this.#slots[entry.slot] = null
    this.#freeSlots.push(entry.slot)
  }

  /**
   * The one to let go of: the longest unseen of those that cost a stranger one packet, else the longest unseen of those
   * that anybody could have forged, else the longest unseen. So a flood of made-up values pushes out itself.
   */
  victim(): Entry | null {
    const next = this.skipKept()
    if (next !== null && isCheap(next)) return next
    let victim = this.#oldest
    for (let i = 0; i < EVICTION_LOOK_COUNT && victim !== null && victim.validation > 0; i++) victim = victim.newer
    return victim === null || victim.validation > 0 ? this.#oldest : victim
  }

  /**
   * Goes on past old entries worth keeping, a few at a time: called with each new entry, so that the search is already
   * past them when room runs out. Each is passed once, as it stays worth keeping until its hours expire.
   */
  skipKept(): Entry | null {
    let next = this.#kept === null ? this.#oldest : this.#kept.newer
    for (let i = 0; i < EVICTION_LOOK_COUNT && next !== null && !isCheap(next); i++) {
      this.#kept = next
      next = next.newer
    }
    return next
  }

  #unlink(entry: Entry): void {
    if (entry === this.#kept) this.#kept = entry.older
    if (entry.newer === null) this.#newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === null) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.newer = null
    entry.older = null
  }

  #putFirst(entry: Entry): void {
    entry.older = this.#newest
    if (this.#newest !== null) this.#newest.newer = entry
    this.#newest = entry
    this.#oldest ??= entry
  }
}

/** Whether one packet is all there was: for an address one that anybody could have forged. */
function isCheap(entry: Entry): boolean {
  if (entry.count > 1) return false
  return entry.kind === 'ip-address' ? entry.validation === 0 : (entry.forms?.size ?? 0) <= 1
}
