// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readFileSync } from 'node:fs'
import { ADDRESS_SIZE, writeAddress } from '../../core/address.ts'
import type { Endpoint } from '../../core/event.ts'

const TABLES = ['/proc/net/udp', '/proc/net/udp6']
const READ_MS = 1000 // the tables are read at most once in so long

export type KernelDropsDeps = {
  readonly endpoints: () => readonly Endpoint[]
  readonly monotonicNow: () => number
  /** The text of one table; throws where the system has none. */
  readonly readTable?: (path: string) => string
}

/**
 * Datagrams that Linux dropped since our receive buffers were full: they came, and nobody saw them. Linux tells them in
 * the last column of its socket tables; other systems tell nothing, and the count stays 0.
 */
export class KernelDrops {
  readonly #deps: KernelDropsDeps
  readonly #readTable: (path: string) => string
  readonly #dropsOf = new Map<string, number>() // a socket that is closed keeps what it had
  #readAt = Number.NEGATIVE_INFINITY

  constructor(deps: KernelDropsDeps) {
    this.#deps = deps
    this.#readTable = deps.readTable ?? ((path) => readFileSync(path, 'latin1'))
  }

  count(): number {
    const now = this.#deps.monotonicNow()
    if (now - this.#readAt >= READ_MS) {
      this.#readAt = now
      this.#read()
    }
    let sum = 0
    for (const drops of this.#dropsOf.values()) sum += drops
    return sum
  }

  #read(): void {
    const own = new Set(this.#deps.endpoints().map(tableAddress))
    for (const path of process.platform === 'linux' ? TABLES : []) {
      let table: string
      try {
        table = this.#readTable(path)
      } catch {
        continue // a system without IPv6 has no table of it, and a locked down one has none
      }
      for (const line of table.split('\n')) {
        const columns = line.trim().split(/\s+/)
        const address = columns[1] ?? ''
        const drops = Number(columns.at(-1))
        if (own.has(address) && Number.isFinite(drops)) this.#dropsOf.set(address, drops)
      }
    }
  }
}

/** An endpoint as the table writes it: each 32 bits of the address in the machine's order, then the port, in hex. */
export function tableAddress({ ip, port }: Endpoint): string {
  const bytes = new Uint8Array(ADDRESS_SIZE)
  writeAddress(ip, bytes, 0)
  const words = new Uint32Array(bytes.buffer)
  const shown = ip.includes(':') ? words : words.subarray(3)
  const hex = [...shown].map((word) => word.toString(16).padStart(8, '0')).join('')
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}
