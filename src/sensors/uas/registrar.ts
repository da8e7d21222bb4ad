// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint } from '../../core/event.ts'
import { RecentMap } from '../../core/recent-map.ts'
import { limitKeys, readKeys } from '../reply-limit.ts'
import type { OfferedCredentials } from './digest-auth.ts'
import type { Refusals } from './refusals.ts'

const TRIED_COUNT_MAX = 20_000
const FAILURES = { least: 3, spread: 5 } // before a weak password is right

type Tried = { failureCount: number; password: string | null }

/**
 * Whom the device believes. At the level `high` a weak password is right once so many have failed, by network and user:
 * not at once, since testers try an impossible one first; and from then on it is the one that stays right.
 */
export class Registrar {
  readonly #isWeakAccepted: boolean
  readonly #draws: Pick<Refusals, 'number'>
  readonly #tried = new RecentMap<string, Tried>(TRIED_COUNT_MAX)

  constructor(isWeakAccepted: boolean, draws: Pick<Refusals, 'number'>) {
    this.#isWeakAccepted = isWeakAccepted
    this.#draws = draws
  }

  /** Takes one attempt, whose nonce was ours. */
  accepts(source: Endpoint, offered: OfferedCredentials): boolean {
    if (!this.#isWeakAccepted) return false
    readKeys(source.ip)
    const user = offered.user.slice(0, 64)
    const key = `${limitKeys.prefix} ${user}`
    const tried = this.#tried.get(key) ?? { failureCount: 0, password: null }
    this.#tried.set(key, tried)
    const { matchedPassword } = offered
    if (tried.password !== null) return matchedPassword === tried.password
    const needed = FAILURES.least + this.#draws.number(source, `failures\n${user}`, FAILURES.spread)
    if (matchedPassword === null || tried.failureCount < needed) {
      tried.failureCount++
      return false
    }
    tried.password = Buffer.from(matchedPassword).toString() // a part of a string would keep the whole alive
    return true
  }
}
