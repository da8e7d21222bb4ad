// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Readable } from 'node:stream'
import { Pace } from './_pace.ts'
import { SharedList } from './_shared-list.ts'
import { Problem } from './problem.ts'

export const LIST_LIMITS = {
  lifeMs: 5000, // in which whoever asks for a list gets the same one
  count: 16, // in use; while somebody asks for one name again and again, those of its last 80 seconds
  heldSize: 160 * 1_048_576, // bytes of all lists together: one of a million addresses fits
} as const

/** Long lists by name, each made once for all who ask for it within a few seconds. */
export class SharedLists {
  readonly #heldMax: number
  readonly #pace = new Pace()
  readonly #open = new Map<string, SharedList>()
  readonly #lists = new Set<SharedList>() // in use, oldest first

  constructor({ heldMax = LIST_LIMITS.heldSize as number } = {}) {
    this.#heldMax = heldMax
  }

  /** How many are in use. */
  get count(): number {
    return this.#lists.size
  }

  /** Bytes held for readers. */
  get heldSize(): number {
    let size = 0
    for (const list of this.#lists) size += list.heldSize
    return size
  }

  /** The list of that name as a stream; `make` is asked for its text when nobody was lately. */
  read(name: string, make: () => Iterator<string>): Readable {
    const list = this.#open.get(name) ?? this.#begin(name, make())
    return list.read(() => this.#review(list))
  }

  #begin(name: string, text: Iterator<string>): SharedList {
    const [oldest] = this.#lists
    if (oldest !== undefined && this.#lists.size >= LIST_LIMITS.count) this.#end(oldest)
    const list = new SharedList(text, this.#pace)
    this.#open.set(name, list)
    this.#lists.add(list)
    setTimeout(() => this.#close(list), LIST_LIMITS.lifeMs).unref()
    return list
  }

  #close(list: SharedList): void {
    for (const [name, open] of this.#open) if (open === list) this.#open.delete(name)
    list.close()
    this.#review(list)
  }

  #end(list: SharedList): void {
    this.#close(list)
    while (list.isUsed) list.endSlowest(tooSlow())
    this.#lists.delete(list)
  }

  #review(list: SharedList): void {
    if (!list.isUsed) this.#lists.delete(list)
    while (this.heldSize > this.#heldMax) this.#makeRoom()
  }

  /** Takes from the oldest list that holds something: its openness first, then the reader that is furthest behind. */
  #makeRoom(): void {
    for (const list of this.#lists) {
      if (list.heldSize === 0) continue
      if (list.isOpen) this.#close(list)
      else list.endSlowest(tooSlow())
      return
    }
  }
}

const tooSlow = () => new Problem('BUSY', 'Too much is held for slow readers of lists. Ask again, and read faster')
