// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseDecimal, trimBlank } from './_bytes.ts'
import type { SipMessage } from './message.ts'

/** What all Content-Length lines together say: a size in bytes, or what is wrong. */
export type ContentLength =
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'missing' | 'syntax' | 'conflict' }

/** RFC 3261 §20.14. Values that agree are one, also in a list, as RFC 9110 §8.6 lets HTTP have it. */
export function readContentLength(message: SipMessage): ContentLength {
  let size: number | undefined
  let isConflict = false
  for (let index = message.find('content-length'); index >= 0; index = message.find('content-length', index + 1)) {
    const number = message.number(index)
    for (const value of number >= 0 ? [number] : listedSizes(message.value(index))) {
      if (value === null) return { kind: 'syntax' }
      isConflict ||= size !== undefined && size !== value
      size ??= value
    }
  }
  if (size === undefined) return { kind: 'missing' }
  return isConflict ? { kind: 'conflict' } : { kind: 'size', size }
}

function listedSizes(value: string): (number | null)[] {
  return value.split(',').map((text) => parseDecimal(trimBlank(text)))
}
