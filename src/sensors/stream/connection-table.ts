// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { LimitKey } from '../reply-limit.ts'
import type { HeldConnection } from './held.ts'
import type { StreamLimits } from './limits.ts'

/** The open connections of all stream sensors. A new one always gets in; the one that was idle longest makes room. */
export class ConnectionTable {
  readonly #limits: Pick<StreamLimits, 'connectionCountMax' | 'perSourceMax'>
  readonly #onShed: () => void
  readonly #all = new Set<HeldConnection>() // longest idle first
  readonly #bySource = new Map<LimitKey, Set<HeldConnection>>() // likewise

  constructor(limits: Pick<StreamLimits, 'connectionCountMax' | 'perSourceMax'>, onShed: () => void = () => {}) {
    this.#limits = limits
    this.#onShed = onShed
  }

  get count(): number {
    return this.#all.size
  }

  /** Takes a connection in, or a further stage of one that was just removed; one that has to go for it is closed. */
  enter(connection: HeldConnection): void {
    const siblings = this.#bySource.get(connection.sourceKey) ?? new Set()
    const full = siblings.size >= this.#limits.perSourceMax ? siblings : this.#all
    const shed = full === siblings || full.size >= this.#limits.connectionCountMax ? first(full) : null
    if (shed !== null) this.remove(shed)
    siblings.add(connection)
    this.#bySource.set(connection.sourceKey, siblings)
    this.#all.add(connection)
    if (shed === null) return
    this.#onShed()
    shed.destroy()
  }

  /** Bytes came: it is the least idle now. */
  touch(connection: HeldConnection): void {
    const siblings = this.#bySource.get(connection.sourceKey)
    for (const set of [this.#all, siblings]) if (set?.delete(connection)) set.add(connection)
  }

  remove(connection: HeldConnection): void {
    if (!this.#all.delete(connection)) return
    const siblings = this.#bySource.get(connection.sourceKey)
    siblings?.delete(connection)
    if (siblings?.size === 0) this.#bySource.delete(connection.sourceKey)
  }

  [Symbol.iterator](): Iterator<HeldConnection> {
    return [...this.#all][Symbol.iterator]()
  }
}

function first(set: Set<HeldConnection>): HeldConnection {
  return set.values().next().value!
}
