// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { latin1 } from './_bytes.ts'
import type { SipMessage } from './message.ts'

/**
 * The names of the header lines in order, as received and with spaces between them. One that follows itself stands
 * once, since proxies in the way add to Via and Record-Route.
 */
export function headerNames(message: SipMessage): string {
  const names: string[] = []
  for (let index = 0; index < message.fieldCount; index++) {
    const name = latin1(message.bytes, message.nameStart(index), message.nameEnd(index))
    if (name !== names.at(-1)) names.push(name)
  }
  return names.join(' ')
}
