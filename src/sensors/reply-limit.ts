// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, writeAddress } from '../core/address.ts'
import { RecentMap } from '../core/recent-map.ts'

/** Replies per second. The byte rule is not among these: it cannot be changed. */
export type ReplyLimitConfig = {
  readonly source: { readonly rate: number; readonly burst: number }
  readonly prefix: { readonly rate: number }
  readonly total: { readonly rate: number }
  readonly off: boolean
}

const SOURCE_COUNT_MAX = 65_536 // buckets of addresses, per kind of validation
const PREFIX_COUNT_MAX = 16_384
const VALIDATED_FACTOR = 10

type Bucket = { tokens: number; at: number }

/** Token buckets by key. One that was not used lately is forgotten, and is full when it is made again. */
class Buckets {
  readonly #buckets: RecentMap<string, Bucket>
  readonly #rate: number
  readonly #burst: number

  constructor(rate: number, burst: number, countMax: number) {
    this.#buckets = new RecentMap(countMax)
    this.#rate = rate
    this.#burst = burst
  }

  /** The bucket with the tokens that it has by now. */
  at(key: string, now: number): Bucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = { tokens: this.#burst, at: now }
      this.#buckets.set(key, bucket)
    } else {
      const elapsedMs = Math.max(0, now - bucket.at) // a clock set back gives nothing and takes nothing
      bucket.tokens = Math.min(this.#burst, bucket.tokens + (elapsedMs * this.#rate) / 1000)
      bucket.at = now
    }
    return bucket
  }

  get count(): number {
    return this.#buckets.count
  }
}

/** The limits for one kind of source: per source (IPv4 address, IPv6 /64), per prefix (/24, /48) and for all together. */
class Limits {
  readonly #sources: Buckets
  readonly #prefixes: Buckets
  readonly #total: Buckets

  constructor(config: ReplyLimitConfig, factor: number) {
    const { source, prefix, total } = config
    this.#sources = new Buckets(source.rate * factor, source.burst * factor, SOURCE_COUNT_MAX)
    this.#prefixes = new Buckets(prefix.rate * factor, prefix.rate * factor, PREFIX_COUNT_MAX)
    this.#total = new Buckets(total.rate * factor, total.rate * factor, 1)
  }

  take(address: string, count: number, now: number): boolean {
    const keys = limitKeys(address)
    const buckets = [this.#sources.at(keys.source, now), this.#prefixes.at(keys.prefix, now), this.#total.at('', now)]
    if (buckets.some((bucket) => bucket.tokens < count)) return false
    for (const bucket of buckets) bucket.tokens -= count
    return true
  }

  giveBack(address: string, count: number, now: number): void {
    const keys = limitKeys(address)
    for (const bucket of [
      this.#sources.at(keys.source, now),
      this.#prefixes.at(keys.prefix, now),
      this.#total.at('', now),
    ])
      bucket.tokens += count
  }

  get tableSize(): number {
    return this.#sources.count + this.#prefixes.count
  }
}

/**
 * How often the sensors may reply. Validated sources have tables of their own with ten times the rates,
 * so that forged datagrams cannot use up the replies of a connection.
 */
export class ReplyLimiter {
  readonly #off: boolean
  readonly #unvalidated: Limits
  readonly #validated: Limits

  constructor(config: ReplyLimitConfig) {
    this.#off = config.off
    this.#unvalidated = new Limits(config, 1)
    this.#validated = new Limits(config, VALIDATED_FACTOR)
  }

  /** Takes tokens for so many replies, or none at all and says false. */
  take(address: string, count: number, now: number, validated: boolean): boolean {
    if (this.#off) return true
    return (validated ? this.#validated : this.#unvalidated).take(address, count, now)
  }

  /** Returns what `take` gave for replies that were not sent. */
  giveBack(address: string, count: number, now: number, validated: boolean): void {
    if (!this.#off) (validated ? this.#validated : this.#unvalidated).giveBack(address, count, now)
  }

  /** Buckets held now. */
  get tableSize(): number {
    return this.#unvalidated.tableSize + this.#validated.tableSize
  }
}

const scratch = new Uint8Array(ADDRESS_SIZE)

/** Under what an address is counted. Two IPv6 addresses of one /64 are one source. */
export function limitKeys(address: string): { source: string; prefix: string } {
  if (!address.includes(':')) return { source: address, prefix: address.slice(0, address.lastIndexOf('.')) }
  writeAddress(address, scratch, 0)
  const hex = Buffer.from(scratch.buffer, 0, 8).toString('hex')
  return { source: hex, prefix: hex.slice(0, 12) }
}
