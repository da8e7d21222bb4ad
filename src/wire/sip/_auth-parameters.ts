// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isBlank, isToken } from './_bytes.ts'
import { quotedEnd } from './_list.ts'

const VALUE_SIZE_MAX = 8192 // characters; a header line has no more, unless it is folded
const PARAMETER_COUNT_MAX = 32 // RFC 7616 knows 12

/**
 * The parameters behind `Digest`, names in lower case, values without quotes and escapes; null when that is not the
 * scheme. RFC 3261 §25.1, RFC 7616 §3.3, read as clients write it: any white space around the signs, commas doubled or
 * left out, quotes where none belong and none where they do. The first of a name counts. What cannot be read is
 * left out up to the next comma or space; what lies beyond the limits is not read.
 */
export function parseDigestParameters(value: string): Map<string, string> | null {
  const text = value.slice(0, VALUE_SIZE_MAX)
  const start = skip(text, 0)
  if (text.slice(start, start + SCHEME.length).toLowerCase() !== SCHEME) return null
  let at = start + SCHEME.length
  if (at < text.length && !isBlank(text.charCodeAt(at))) return null
  const parameters = new Map<string, string>()
  while (parameters.size < PARAMETER_COUNT_MAX) {
    at = skip(text, at)
    if (at >= text.length) break
    at = readParameter(text, at, parameters)
  }
  return parameters
}

const SCHEME = 'digest'

/** Adds the parameter at `from`; the offset to go on at. */
function readParameter(text: string, from: number, parameters: Map<string, string>): number {
  const nameEnd = endOf(text, from, '=,"')
  const name = text.slice(from, nameEnd).toLowerCase()
  const equals = skipBlank(text, nameEnd)
  if (text[equals] !== '=' || !isToken(name)) return endOf(text, Math.max(equals, from + 1), ',')
  const start = skipBlank(text, equals + 1)
  const isQuoted = text[start] === '"'
  // A quote that is not closed reaches to the end, as in a message that was cut.
  const end = isQuoted ? quotedEnd(text, start) : endOf(text, start, ',')
  const value = isQuoted ? withoutEscapes(text.slice(start + 1, end - 1)) : text.slice(start, end)
  if (!parameters.has(name)) parameters.set(name, value)
  return end
}

/** Where one of the signs or white space stands first, or the end. */
function endOf(text: string, from: number, signs: string): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) > 0x20 && !signs.includes(text[at]!)) at++
  return at
}

function skip(text: string, from: number): number {
  let at = from
  while (at < text.length && (text.charCodeAt(at) <= 0x20 || text[at] === ',')) at++
  return at
}

function skipBlank(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

function withoutEscapes(text: string): string {
  return text.replace(/\\([\s\S])/g, '$1')
}

/** As a quoted string. RFC 3261 §25.1. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
