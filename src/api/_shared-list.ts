// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Readable } from 'node:stream'
import type { Pace } from './_pace.ts'

const GONE = Buffer.alloc(0)

/**
 * A long text, made a piece at a time when the first of its readers needs the piece, and held for the others. Once it is
 * closed nobody joins, and what all have read is let go.
 */
export class SharedList {
  readonly #text: Iterator<string>
  readonly #pace: Pace
  readonly #readers = new Set<ListReader>()
  readonly #pieces: Buffer[] = []
  #goneCount = 0 // pieces let go, from the beginning
  #heldSize = 0
  #isOpen = true
  #atEnd = false

  /** `text` gives piece by piece; an empty one says that its work is not done yet. */
  constructor(text: Iterator<string>, pace: Pace) {
    this.#text = text
    this.#pace = pace
  }

  /** Bytes. */
  get heldSize(): number {
    return this.#heldSize
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isUsed(): boolean {
    return this.#isOpen || this.#readers.size > 0
  }

  /** From the beginning, for as long as it is open. `onStep` is called after each piece made, and when it is left. */
  read(onStep: () => void): Readable {
    const reader = new ListReader(this, this.#pace, onStep)
    this.#readers.add(reader)
    return reader
  }

  close(): void {
    this.#isOpen = false
    this.#letGo()
  }

  /** Ends whoever is furthest behind with that error, so that what is held for it alone can go. */
  endSlowest(error: Error): void {
    let slowest: ListReader | undefined
    for (const reader of this.#readers) if (slowest === undefined || reader.at < slowest.at) slowest = reader
    if (slowest === undefined) return
    this.leave(slowest)
    slowest.destroy(error)
  }

  /** The next piece for a reader; '' when there is none yet, null at the end. */
  take(reader: ListReader): Buffer | '' | null {
    const piece = this.#pieces[reader.at] ?? this.#make()
    if (piece === '' || piece === null) return piece
    reader.at++
    this.#letGo()
    return piece
  }

  leave(reader: ListReader): void {
    this.#readers.delete(reader)
    this.#letGo()
  }

  #make(): Buffer | '' | null {
    if (this.#atEnd) return null
    const { done, value } = this.#text.next()
    this.#atEnd = done === true
    if (this.#atEnd) return null
    if (value === '') return ''
    const piece = Buffer.from(value)
    this.#pieces.push(piece)
    this.#heldSize += piece.length
    return piece
  }

  #letGo(): void {
    if (this.#isOpen) return
    let from = this.#pieces.length
    for (const { at } of this.#readers) from = Math.min(from, at)
    for (; this.#goneCount < from; this.#goneCount++) {
      this.#heldSize -= this.#pieces[this.#goneCount]!.length
      this.#pieces[this.#goneCount] = GONE
    }
  }
}

/** One client's way through a list. */
class ListReader extends Readable {
  at = 0 // pieces taken
  readonly #list: SharedList
  readonly #pace: Pace
  readonly #onStep: () => void

  constructor(list: SharedList, pace: Pace, onStep: () => void) {
    super({ highWaterMark: 1 }) // a piece is made when the one before has left
    this.#list = list
    this.#pace = pace
    this.#onStep = onStep
  }

  override _read(): void {
    this.#pace.wait(this.#give)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pace.forget(this.#give)
    this.#list.leave(this)
    this.#onStep()
    done(error)
  }

  readonly #give = (): void => {
    try {
      const piece = this.#list.take(this)
      if (piece === '') this.#pace.wait(this.#give)
      else this.push(piece)
      this.#onStep()
    } catch (error) {
      this.destroy(error as Error)
    }
  }
}
