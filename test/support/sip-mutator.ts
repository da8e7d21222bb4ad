// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Whole numbers from a seed: the same seed, the same numbers. */
export type Random = { below(limit: number): number }

/** xorshift32; fast, and good enough to choose mutations by. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1
  return {
    below(limit) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % limit
    },
  }
}

/** Pieces that make a parser turn: separators, ends of lines, numbers at their bounds, headers that matter. */
const PIECES = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    '\r\n ',
    '\n\t',
    ':',
    ';',
    ',',
    '<',
    '>',
    '"',
    '\\',
    '@',
    '=',
    '%',
    '%0d%0a',
  ],
  ...['-1', '0', '70', '255', '256', '2147483648', '99999999999999999999', '\xff', '\x80', '\x7f', '[::1]', '[', ']'],
  ...[
    'sip:',
    'sips:',
    'tel:',
    'SIP/2.0',
    'SIP/2.0 200 OK\r\n',
    'INVITE ',
    ';tag=',
    ';rport',
    ';rport=1',
    ';received=8.8.8.8',
    ';lr',
  ],
  ...[
    'Via: SIP/2.0/UDP 192.0.2.9;rport\r\n',
    'Content-Length: 5\r\n',
    'l:0\r\n',
    'CSeq: 1 INVITE\r\n',
    'To: <sip:0046500729221@a>\r\n',
  ],
].map((text) => Buffer.from(text, 'latin1'))

const SIZE_MAX = 20_000 // bytes

/** One to four changes to a message; now and then with parts of another one. */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (let changes = 1 + random.below(4); changes > 0; changes--) mutated = mutateOnce(mutated, other, random)
  return mutated.subarray(0, SIZE_MAX)
}

function mutateOnce(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, from + random.below(1 + random.below(64)))
  const replaceBy = (...parts: Buffer[]) => Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(to)])
  switch (random.below(8)) {
    case 0:
      if (from < bytes.length) bytes[from] = random.below(256)
      return bytes
    case 1:
      if (from < bytes.length) bytes[from]! ^= 1 << random.below(8)
      return bytes
    case 2:
      return replaceBy()
    case 3:
      return replaceBy(bytes.subarray(from, to), bytes.subarray(from, to))
    case 4:
      return bytes.subarray(0, from)
    case 5: {
      const start = random.below(other.length + 1)
      return replaceBy(other.subarray(start, start + random.below(200)))
    }
    case 6:
      return replaceBy(...Array.from({ length: 1 + random.below(80) }, () => PIECES[random.below(PIECES.length)]!))
    default:
      return replaceBy(PIECES[random.below(PIECES.length)]!)
  }
}
