// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { trimBlank } from './_bytes.ts'

/**
 * The values of a comma-separated header, trimmed. Commas inside quoted strings and angle brackets do not separate
 * (RFC 3261 §7.3.1, §25.1). An unclosed quote or bracket reaches to the end. Empty values are left out.
 */
export function splitList(value: string): string[] {
  const items: string[] = []
  let from = 0
  for (let comma = listItemEnd(value, 0); ; comma = listItemEnd(value, from)) {
    const item = trimBlank(value.slice(from, comma))
    if (item !== '') items.push(item)
    if (comma >= value.length) return items
    from = comma + 1
  }
}

/** The offset of the comma that ends the value that starts at `from`, or the length. */
export function listItemEnd(value: string, from: number): number {
  let inAngles = false
  for (let at = from; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if (character === 0x22 && !inAngles) at = quotedEnd(value, at) - 1
    else if (character === 0x3c) inAngles = true
    else if (character === 0x3e) inAngles = false
    else if (character === 0x2c && !inAngles) return at
  }
  return value.length
}

/** The offset after the quote that closes the quoted string at `open`; above the length when none does. RFC 3261 §25.1. */
export function quotedEnd(value: string, open: number): number {
  for (let at = open + 1; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if (character === 0x5c) at++
    else if (character === 0x22) return at + 1
  }
  return value.length + 1
}
