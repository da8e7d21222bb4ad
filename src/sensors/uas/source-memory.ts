// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint } from '../../core/event.ts'
import { RecentMap } from '../../core/recent-map.ts'
import { type LimitKey, sourceKey } from '../reply-limit.ts'

const MEMORY_MS = 10 * 60_000
const SOURCE_COUNT_MAX = 20_000
const WRONG_COUNT_MAX = 3 // in WRONG_MS; then echoes of that address count for nothing as long
const WRONG_MS = 60_000

type Wrong = { count: number; since: number }

/**
 * Which sources of datagrams are where they say they are, since they returned a token that only a reply of ours carried:
 * remembered for 10 minutes by address and port, as the token is. Whoever guesses at tokens is not believed for a minute.
 */
export class SourceMemory {
  readonly #provenAt = new RecentMap<LimitKey, number>(SOURCE_COUNT_MAX)
  readonly #wrong = new RecentMap<LimitKey, Wrong>(SOURCE_COUNT_MAX)

  /** Whether the memory holds anything: a flood of forged datagrams need not look further. */
  get isEmpty(): boolean {
    return this.#provenAt.count === 0
  }

  isProven(source: Endpoint, now: number): boolean {
    if (this.isEmpty) return false
    const at = this.#provenAt.get(endpointKey(source))
    return at !== undefined && Math.abs(now - at) <= MEMORY_MS
  }

  /** A right token came back. False when so many wrong ones came before that it may have been guessed. */
  prove(source: Endpoint, now: number): boolean {
    const wrong = this.#wrong.get(sourceKey(source.ip))
    if (wrong !== undefined && wrong.count >= WRONG_COUNT_MAX && Math.abs(now - wrong.since) <= WRONG_MS) return false
    this.#provenAt.set(endpointKey(source), now)
    return true
  }

  /** A token came that we never gave. */
  doubt(source: Endpoint, now: number): void {
    const key = sourceKey(source.ip)
    const wrong = this.#wrong.get(key)
    if (wrong === undefined || Math.abs(now - wrong.since) > WRONG_MS) this.#wrong.set(key, { count: 1, since: now })
    else if (++wrong.count === WRONG_COUNT_MAX) {
      wrong.since = now // a whole minute from the last of them on
      this.#provenAt.set(endpointKey(source), Number.NEGATIVE_INFINITY)
    }
  }
}

/** An IPv4 address and its port are one number of 48 bits. */
function endpointKey({ ip, port }: Endpoint): LimitKey {
  const key = ip.includes(':') ? ip : sourceKey(ip)
  return typeof key === 'number' ? key * 65_536 + port : `${key} ${port}`
}
