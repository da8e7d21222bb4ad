// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { CR, isBlank, LF, latin1, SP } from './_bytes.ts'

/** A value over several lines as one: each line end with the white space around it is one space. RFC 3261 §7.3.1. */
export function unfold(bytes: Uint8Array, start: number, end: number): string {
  const out = Buffer.allocUnsafe(end - start)
  let to = 0
  for (let from = start; from < end; from++) {
    const byte = bytes[from]!
    if (byte !== LF) {
      out[to++] = byte
      continue
    }
    while (to > 0 && (isBlank(out[to - 1]) || out[to - 1] === CR)) to--
    while (from + 1 < end && isBlank(bytes[from + 1])) from++
    if (to > 0) out[to++] = SP
  }
  return latin1(out, 0, to)
}
