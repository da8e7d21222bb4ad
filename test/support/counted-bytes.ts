// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Bytes that count how often one of them was looked at, so that a test can bound work instead of time. */
export function countedBytes(bytes: Buffer): { readonly bytes: Buffer; readCount(): number } {
  let count = 0
  const counted = new Proxy(bytes, {
    get(target, property) {
      if (typeof property === 'string' && /^[0-9]+$/.test(property)) {
        count++
        return target[Number(property)]
      }
      if (property === 'toString') {
        return (encoding: BufferEncoding, start: number, end: number) => {
          count += end - start
          return target.toString(encoding, start, end)
        }
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { bytes: counted, readCount: () => count }
}
