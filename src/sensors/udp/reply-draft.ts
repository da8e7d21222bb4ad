// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Where a piece of a reply lies. */
export const PIECE = { packet: 0, fixed: 1, scratch: 2 } as const

const PIECE_SIZE = 3 // numbers a piece: where, start, end
export const PIECE_COUNT_MAX = 24

/** A text that never changes, as a place in the buffer of all of them. */
export type FixedText = { readonly start: number; readonly end: number }

/** The texts that replies are made of, in one buffer, which the system may be pointed at. */
export class FixedTexts {
  #bytes = Buffer.alloc(0)
  #isTaken = false

  add(text: string): FixedText {
    if (this.#isTaken) throw new Error('Cannot add a text: the system is pointed at the buffer already')
    const start = this.#bytes.length
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(text, 'latin1')])
    return { start, end: this.#bytes.length }
  }

  /** All of them; from then on it stays where it is. */
  take(): Buffer {
    this.#isTaken = true
    return this.#bytes
  }
}

/**
 * One reply in pieces, which lie in the packet it answers, among the fixed texts, or in a scratch buffer: whoever can
 * send pieces copies none. The scratch buffer is the sender's; pieces in it stay until the sender empties it.
 */
export class ReplyDraft {
  readonly fixed: Buffer
  readonly scratch: Buffer
  readonly pieces = new Int32Array(PIECE_COUNT_MAX * PIECE_SIZE)
  #packet: Buffer = Buffer.alloc(0)
  pieceCount = 0
  size = 0 // bytes
  /** Where the scratch buffer is free. */
  scratchEnd = 0

  constructor(fixed: Buffer, scratchSize: number) {
    this.fixed = fixed
    this.scratch = Buffer.alloc(scratchSize)
  }

  /** Begins a reply to what lies in `packet`; what others left in the scratch buffer stays. */
  begin(packet: Buffer): void {
    this.#packet = packet
    this.pieceCount = 0
    this.size = 0
  }

  /**
   * A part of the packet. Where the fixed text put before it stands before it in the packet as well, both are taken from
   * there, and what follows each other there becomes one piece: up to 8 pieces the system takes without asking for memory.
   */
  packet(start: number, end: number): void {
    const last = (this.pieceCount - 1) * PIECE_SIZE
    if (last < 0 || end === start) {
      this.#piece(PIECE.packet, start, end)
      return
    }
    let from = start
    if (this.pieces[last] === PIECE.fixed && this.#standsBefore(last, start)) {
      const size = this.pieces[last + 2]! - this.pieces[last + 1]!
      from -= size
      this.pieceCount--
      this.size -= size
    }
    const before = (this.pieceCount - 1) * PIECE_SIZE
    if (before >= 0 && this.pieces[before] === PIECE.packet && this.pieces[before + 2] === from) {
      this.pieces[before + 2] = end
      this.size += end - from
    } else this.#piece(PIECE.packet, from, end)
  }

  #standsBefore(piece: number, at: number): boolean {
    const first = this.pieces[piece + 1]!
    let i = this.pieces[piece + 2]! - 1
    for (let j = at - 1; i >= first; i--, j--) if (this.fixed[i] !== this.#packet[j]) return false
    return true
  }

  text({ start, end }: FixedText): void {
    this.#piece(PIECE.fixed, start, end)
  }

  /** A text of ASCII, made now. */
  write(text: string): void {
    const start = this.scratchEnd
    for (let i = 0; i < text.length; i++) this.scratch[start + i] = text.charCodeAt(i)
    this.scratchEnd = start + text.length
    this.#piece(PIECE.scratch, start, this.scratchEnd)
  }

  copy(bytes: Uint8Array): void {
    const start = this.scratchEnd
    this.scratch.set(bytes, start)
    this.scratchEnd = start + bytes.length
    this.#piece(PIECE.scratch, start, this.scratchEnd)
  }

  hasRoom(size: number): boolean {
    return this.scratchEnd + size <= this.scratch.length
  }

  /** The reply in one. */
  toBuffer(): Buffer {
    const whole = Buffer.allocUnsafe(this.size)
    const places = [this.#packet, this.fixed, this.scratch]
    let size = 0
    for (let base = 0; base < this.pieceCount * PIECE_SIZE; base += PIECE_SIZE) {
      size += places[this.pieces[base]!]!.copy(whole, size, this.pieces[base + 1]!, this.pieces[base + 2]!)
    }
    return whole
  }

  #piece(place: number, start: number, end: number): void {
    if (end === start) return
    if (this.pieceCount === PIECE_COUNT_MAX) throw new RangeError(`A reply has at most ${PIECE_COUNT_MAX} pieces`)
    const base = this.pieceCount++ * PIECE_SIZE
    this.pieces[base] = place
    this.pieces[base + 1] = start
    this.pieces[base + 2] = end
    this.size += end - start
  }
}
