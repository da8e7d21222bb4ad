// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import fc from 'fast-check'

/** A message with some bytes changed, cut out or put in: still mostly a message, so that much of it is answered. */
export function mutatedMessage(originals: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(), fc.nat(3), fc.nat(255), fc.constantFrom('', '\r\n', ' ', ',', ';', ':', 'v:x\r\n'))
  return fc.tuple(fc.constantFrom(...originals), fc.array(change, { maxLength: 8 })).map(([original, changes]) => {
    let bytes = original
    for (const [position, kind, byte, text] of changes) {
      const at = position % (bytes.length + 1)
      const rest = bytes.subarray(kind === 1 ? at + (byte % 20) : at)
      const middle = kind === 0 ? Buffer.from([byte]) : Buffer.from(kind === 2 ? text : '')
      bytes = Buffer.concat([bytes.subarray(0, at), middle, kind === 0 ? rest.subarray(1) : rest])
    }
    return bytes
  })
}
