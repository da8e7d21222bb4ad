// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const TEXTS_PER_PIECE = 8192
const SIZE_MAX = 0xffff

/** Short texts of one character a byte as bytes, some thousands a piece, each behind its size. */
export function* saveTexts(texts: readonly string[], count: number): Generator<Uint8Array> {
  for (let from = 0; from < count; from += TEXTS_PER_PIECE) {
    const some = texts.slice(from, Math.min(count, from + TEXTS_PER_PIECE))
    const bytes = Buffer.alloc(some.reduce((size, text) => size + 2 + text.length, 0))
    let at = 0
    for (const text of some) {
      const size = Math.min(text.length, SIZE_MAX)
      at = bytes.writeUInt16LE(size, at)
      at += bytes.write(text, at, size, 'latin1')
    }
    yield bytes.subarray(0, at)
  }
}

export function loadTexts(next: () => Uint8Array<ArrayBuffer>, count: number): string[] {
  const texts: string[] = []
  while (texts.length < count) {
    const piece = next()
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readUInt16LE(at)
      texts.push(bytes.toString('latin1', at + 2, at + 2 + size))
      at += 2 + size
    }
  }
  return texts
}
