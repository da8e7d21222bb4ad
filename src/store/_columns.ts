// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

type Column = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>

export function bytesOf({ buffer, byteOffset, byteLength }: Column): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** `to` with what stood in `from`, which is shorter. */
export function grown<T extends Column>(from: T, to: T): T {
  to.set(from)
  return to
}
