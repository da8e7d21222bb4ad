// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Frame, StreamFramer } from '../../wire/sip/framing.ts'

const PART_SIZE = 4_096 // bytes framed at once: with no message longer than them, all that is framed ahead of its turn
const EMPTY = new Uint8Array()

/** What may still be worked on in one turn of the event loop. Both go down, and end a little below zero. */
export type Allowance = { messageCount: number; size: number }

/** A frame with its neighbours, which are known as far as one message reaches. */
export type PlacedFrame = {
  readonly frame: Frame
  readonly before: Frame | undefined
  readonly after: Frame | undefined
}

/** What one connection received, framed only as fast as it is taken out, so that no segment costs one turn too much. */
export class StreamInput {
  readonly #framer = new StreamFramer()
  #chunk: Uint8Array = EMPTY // received and not framed yet
  #frames: readonly Frame[] = []
  #taken = 0 // of those
  #part: Uint8Array = EMPTY // being framed just now

  /** Takes what arrived. Only to be called when what came before was taken out: this holds one chunk. */
  give(chunk: Uint8Array): void {
    this.#chunk = chunk
  }

  /** Whether something can be taken out, or framed. */
  get hasWork(): boolean {
    return this.#taken < this.#frames.length || this.#chunk.length > 0
  }

  /** Bytes of a message that is not complete. */
  get pendingSize(): number {
    return this.#framer.pendingSize
  }

  /** The next frame, at the cost of the allowance; null when that is used up, or more bytes are needed. */
  next(allowance: Allowance): PlacedFrame | null {
    while (this.#taken === this.#frames.length) {
      if (this.#chunk.length === 0 || allowance.size <= 0) return null
      const part = this.#chunk.subarray(0, PART_SIZE)
      this.#chunk = this.#chunk.subarray(part.length)
      allowance.size -= part.length
      this.#taken = 0
      this.#part = part
      this.#frames = this.#framer.push(part)
      this.#part = EMPTY
    }
    if (allowance.messageCount <= 0) return null
    allowance.messageCount--
    const at = this.#taken++
    const frames = this.#frames
    if (this.#taken === frames.length) {
      this.#frames = []
      this.#taken = 0
    }
    return { frame: frames[at]!, before: frames[at - 1], after: frames[at + 1] }
  }

  /** Everything that was not taken out, in its order, without the keep-alives; afterwards nothing is left. */
  takeRest(): Uint8Array {
    const parts: Uint8Array[] = []
    for (const frame of this.#frames.slice(this.#taken)) if (frame.kind !== 'ping') parts.push(frame.bytes)
    parts.push(this.#framer.pending, this.#chunk)
    this.#frames = []
    this.#taken = 0
    this.#chunk = EMPTY
    return Buffer.concat(parts)
  }

  /** Forgets what is not to be taken out any more, and returns what met a bug in being framed. */
  clear(): Uint8Array {
    const part = this.#part
    this.#frames = []
    this.#taken = 0
    this.#chunk = this.#part = EMPTY
    return part
  }
}
