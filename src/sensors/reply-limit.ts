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
  readonly #buckets: RecentMap<LimitKey, Bucket>
  readonly #rate: number
  readonly #burst: number

  constructor(rate: number, burst: number, countMax: number) {
    this.#buckets = new RecentMap(countMax)
    this.#rate = rate
    this.#burst = burst
  }

  /** The bucket with the tokens that it has by now. */
  at(key: LimitKey, now: number): Bucket {
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
    const total = this.#total.at(0, now)
    if (total.tokens < count) return false
    readKeys(address)
    const source = this.#sources.at(limitKeys.source, now)
    if (source.tokens < count) return false
    const prefix = this.#prefixes.at(limitKeys.prefix, now)
    if (prefix.tokens < count) return false
    total.tokens -= count
    source.tokens -= count
    prefix.tokens -= count
    return true
  }

  giveBack(address: string, count: number, now: number): void {
    readKeys(address)
    this.#total.at(0, now).tokens += count
    this.#sources.at(limitKeys.source, now).tokens += count
    this.#prefixes.at(limitKeys.prefix, now).tokens += count
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

/** Numbers for IPv4, since a flood of it should find its bucket at little cost; texts for IPv6. */
export type LimitKey = number | string

/** Under what the address read last is counted. */
export const limitKeys: { source: LimitKey; prefix: LimitKey } = { source: 0, prefix: 0 }

const scratch = new Uint8Array(ADDRESS_SIZE)

/** Fills `limitKeys`. Two IPv6 addresses of one /64 are one source. */
export function readKeys(address: string): void {
  writeAddress(address, scratch, 0)
  if (!address.includes(':')) {
    const prefix = (scratch[12]! << 16) | (scratch[13]! << 8) | scratch[14]!
    limitKeys.prefix = prefix
    limitKeys.source = ((prefix << 8) | scratch[15]!) >>> 0
    return
  }
  const hex = Buffer.from(scratch.buffer, 0, 8).toString('hex')
  limitKeys.source = hex
  limitKeys.prefix = hex.slice(0, 12)
}

/** Under what a source is counted. */
export function sourceKey(address: string): LimitKey {
  readKeys(address)
  return limitKeys.source
}
