// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { canonicalIp } from '../core/address.ts'
import { documentationAddress } from './documentation-address.ts'

const IPV4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)/g
const IPV6 = /[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,8}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?/gi

export type ReplacedAddress = { readonly from: string; readonly to: string; readonly count: number }

/**
 * Puts addresses for documentation in the place of our own, of the same length where there is one: in any spelling, and
 * as scanners hide it in a tag. What was replaced once is replaced likewise ever after.
 */
export class OwnAddresses {
  readonly own: ReadonlySet<string>
  readonly #replaced = new Map<string, { to: string; count: number }>()

  /** `own`: in canonical text. */
  constructor(own: Iterable<string>) {
    this.own = new Set(own)
  }

  get replaced(): ReplacedAddress[] {
    return [...this.#replaced].map(([from, { to, count }]) => ({ from, to, count })).filter(({ count }) => count > 0)
  }

  replace(text: string): string {
    const swap = (written: string) => this.#swap(written)
    let result = text.replace(IPV6, swap).replace(IPV4, swap)
    for (const ip of this.own) if (!ip.includes(':')) result = this.#swapHex(result, ip)
    return result
  }

  #swap(written: string): string {
    const start = written.startsWith(':') && !written.startsWith('::') ? 1 : 0 // as in `sip:` before an address
    // An address that lost its brackets has its port for one more group.
    for (const end of [written.length, Math.max(start, written.lastIndexOf(':'))]) {
      const bare = written.slice(start, end)
      const ip = canonicalIp(bare)
      if (ip === null || !this.own.has(ip)) continue
      const isMapped = bare.includes(':') && !ip.includes(':')
      const entry = this.#entry(ip, isMapped ? ip.length : bare.length)
      entry.count++
      return `${written.slice(0, start)}${isMapped ? '::ffff:' : ''}${entry.to}${written.slice(end)}`
    }
    return written
  }

  #entry(ip: string, length: number): { to: string; count: number } {
    const known = this.#replaced.get(ip)
    if (known !== undefined) return known
    const taken = new Set([...this.#replaced.values()].map(({ to }) => to))
    const to = documentationAddress(ip.includes(':'), length, (address) => taken.has(address) || this.own.has(address))
    const entry = { to, count: 0 }
    this.#replaced.set(ip, entry)
    return entry
  }

  /** svmap writes the address that it scans into its From tag, in hexadecimal digits, and those as hexadecimal again. */
  #swapHex(text: string, ip: string): string {
    const twice = (address: string) => Buffer.from(hexOf(address)).toString('hex')
    let result = text
    for (const write of [twice, hexOf]) {
      const wanted = new RegExp(write(ip), 'gi')
      result = result.replace(wanted, () => {
        const entry = this.#entry(ip, ip.length)
        entry.count++
        return write(entry.to)
      })
    }
    return result
  }
}

const hexOf = (ip: string): string => Buffer.from(ip.split('.').map(Number)).toString('hex')
