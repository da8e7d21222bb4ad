// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * What a token looks like, as `as{hex:16}` or `{time}/{hex:32}`: text, and in braces an alphabet with a count of its
 * letters. An alphabet is one of these names, or its letters themselves.
 */
const ALPHABETS: Readonly<Record<string, string>> = {
  hex: '0123456789abcdef',
  HEX: '0123456789ABCDEF',
  digits: '0123456789',
  base64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
}
const DIGEST_SIZE = 64 // hexadecimal digits of the HMAC that a token is made of
const TIME_SPREAD_SECONDS = 60

export type Shape = readonly Segment[]
type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'time' } // seconds since 1970, of about now
  | { readonly kind: 'letters'; readonly alphabet: string; readonly count: number }

/** Throws RangeError, saying what is wrong. */
export function parseShape(text: string): Shape {
  const shape: Segment[] = []
  let end = 0
  for (const match of text.matchAll(/\{(?:time|([^{}:]{2,64}):(\d{1,2}))\}/g)) {
    if (match.index > end) shape.push({ kind: 'text', text: text.slice(end, match.index) })
    const [whole, name, count] = match
    if (name === undefined) shape.push({ kind: 'time' })
    else shape.push({ kind: 'letters', alphabet: ALPHABETS[name] ?? lettersOnce(name), count: Number(count) })
    end = match.index + whole.length
  }
  const rest = text.slice(end)
  if (/[{}]/.test(rest) || shape.some((segment) => segment.kind === 'text' && /[{}]/.test(segment.text))) {
    throw new RangeError(`has a brace that is not of the form {ALPHABET:COUNT}, as in {hex:16}`)
  }
  if (rest !== '') shape.push({ kind: 'text', text: rest })
  if (digitCount(shape) > DIGEST_SIZE) throw new RangeError('is longer than what there is to make a token of')
  return shape
}

function lettersOnce(letters: string): string {
  if (new Set(letters).size < letters.length) throw new RangeError(`has the alphabet ${letters}, with a letter twice`)
  return letters
}

/** How many digits of the HMAC it takes: one a hexadecimal digit, else two a letter. */
export function digitCount(shape: Shape): number {
  let count = 0
  for (const segment of shape) {
    if (segment.kind === 'time') count += 2
    else if (segment.kind === 'letters') count += segment.count * (isHex(segment.alphabet) ? 1 : 2)
  }
  return count
}

/** How many bits of the HMAC can be read back out of such a token, at least. */
export function bitCount(shape: Shape): number {
  let bits = 0
  for (const segment of shape) {
    if (segment.kind !== 'letters') continue
    const { length } = segment.alphabet
    bits += segment.count * (isHex(segment.alphabet) ? 4 : Math.log2(256 / Math.ceil(256 / length)))
  }
  return bits
}

/** Every character that such a token can have. */
export function charactersOf(shape: Shape): string {
  return shape
    .map((segment) =>
      segment.kind === 'text' ? segment.text : segment.kind === 'time' ? '0123456789' : segment.alphabet,
    )
    .join('')
}

/** Writes the digits of an HMAC from `start` on in that shape; the same each time. */
export function dress(shape: Shape, digest: string, start: number, seconds: number): string {
  let text = ''
  let at = start
  for (const segment of shape) {
    if (segment.kind === 'text') text += segment.text
    else if (segment.kind === 'time') {
      text += seconds - (byteAt(digest, at) % TIME_SPREAD_SECONDS)
      at += 2
    } else if (segment.alphabet === ALPHABETS.hex) {
      text += digest.slice(at, at + segment.count)
      at += segment.count
    } else if (segment.alphabet === ALPHABETS.HEX) {
      text += digest.slice(at, at + segment.count).toUpperCase()
      at += segment.count
    } else {
      for (let i = 0; i < segment.count; i++, at += 2) {
        text += segment.alphabet[byteAt(digest, at) % segment.alphabet.length]
      }
    }
  }
  return text
}

function isHex(alphabet: string): boolean {
  return alphabet === ALPHABETS.hex || alphabet === ALPHABETS.HEX
}

function byteAt(digest: string, at: number): number {
  return hexValue(digest.charCodeAt(at)) * 16 + hexValue(digest.charCodeAt(at + 1))
}

/** Of 0 to 9 and a to f in ASCII: the letters are 64 and more, and 1 to 6 in their lowest bits. */
function hexValue(code: number): number {
  return (code & 15) + (code >> 6) * 9
}
