// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { LimitKey } from '../reply-limit.ts'
import type { StreamConnection } from './connection.ts'
import type { StreamLimits } from './limits.ts'

/** The open connections of all stream sensors. A new one always gets in; the one that was idle longest makes room. */
export class ConnectionTable {
  readonly #limits: Pick<StreamLimits, 'connectionCountMax' | 'perSourceMax'>
  readonly #all = new Set<StreamConnection>() // longest idle first
  readonly #bySource = new Map<LimitKey, Set<StreamConnection>>() // likewise

  constructor(limits: Pick<StreamLimits, 'connectionCountMax' | 'perSourceMax'>) {
    this.#limits = limits
  }

  get count(): number {
    return this.#all.size
  }

  /** Takes a connection in, and returns those that have to go for it. */
  add(connection: StreamConnection): StreamConnection[] {
    const siblings = this.#bySource.get(connection.sourceKey) ?? new Set()
    const shed: StreamConnection[] = []
    if (siblings.size >= this.#limits.perSourceMax) shed.push(first(siblings))
    else if (this.#all.size >= this.#limits.connectionCountMax) shed.push(first(this.#all))
    for (const one of shed) this.remove(one)
    siblings.add(connection)
    this.#bySource.set(connection.sourceKey, siblings)
    this.#all.add(connection)
    return shed
  }

  /** Bytes came: it is the least idle now. */
  touch(connection: StreamConnection): void {
    const siblings = this.#bySource.get(connection.sourceKey)
    for (const set of [this.#all, siblings]) if (set?.delete(connection)) set.add(connection)
  }

  remove(connection: StreamConnection): void {
    if (!this.#all.delete(connection)) return
    const siblings = this.#bySource.get(connection.sourceKey)
    siblings?.delete(connection)
    if (siblings?.size === 0) this.#bySource.delete(connection.sourceKey)
  }

  [Symbol.iterator](): Iterator<StreamConnection> {
    return [...this.#all][Symbol.iterator]()
  }
}

function first(set: Set<StreamConnection>): StreamConnection {
  return set.values().next().value!
}
