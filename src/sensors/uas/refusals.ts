// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint } from '../../core/event.ts'
import { limitKeys, readKeys } from '../reply-limit.ts'
import type { TextHmac } from './_text-hmac.ts'

const PREFIX_SIZE = 5 // digits of a dialled number that decide: what a dialer varies to find a way out

/**
 * How a call that goes nowhere ends, in the shares in which a PBX with a dial plan ends them. Most prefixes are not
 * found, so that a dialer goes on to the next one; few ring somewhere and are not answered.
 */
const ENDS = [
  { status: 404, share: 72, rings: false },
  { status: 484, share: 8, rings: false },
  { status: 403, share: 8, rings: false },
  { status: 486, share: 6, rings: true },
  { status: 480, share: 6, rings: true },
] as const

export type Refusal = { readonly status: number; readonly rings: boolean }

/**
 * How calls are refused: always the same for one network and dial prefix, so that asking again gives nothing away, and
 * different from node to node.
 */
export class Refusals {
  readonly #hmac: TextHmac

  constructor(hmac: TextHmac) {
    this.#hmac = hmac
  }

  of(source: Endpoint, dialled: string): Refusal {
    let left = this.number(source, `refusal\n${dialled.replace(/[^0-9]/g, '').slice(0, PREFIX_SIZE)}`, 100)
    return ENDS.find(({ share }) => (left -= share) < 0) ?? ENDS[0]
  }

  /** A number from 0 to below `below` that stays the same for a network and a purpose. */
  number(source: Endpoint, purpose: string, below: number): number {
    readKeys(source.ip)
    const mac = this.#hmac.digest(`${limitKeys.prefix}\n${purpose}`)
    return Number.parseInt(mac.slice(0, 8), 16) % below
  }
}
