// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, readAddress, writeAddress } from '../../core/address.ts'
import type { Endpoint } from '../../core/event.ts'
import type { Device } from './device.ts'

const TEXTS_COUNT = 8192 // of the last IPv4 addresses, a power of 2

/** Texts of IPv4 addresses by their number: a flood has few sources, and a text costs more than parsing a message. */
const textOf = { numbers: new Uint32Array(TEXTS_COUNT), texts: new Array<string>(TEXTS_COUNT).fill('0.0.0.0') }

/** Who sent the datagram that is being handled. One object is used again and again: copy what is to be kept. */
export class DatagramSource {
  /** 16 bytes; IPv4 in its mapped form. */
  readonly address = new Uint8Array(ADDRESS_SIZE)
  port = 0
  #ip: string | null = null

  /** Canonical text. */
  get ip(): string {
    this.#ip ??= this.isIpv4 ? ipv4Text(this.ipv4) : readAddress(this.address, 0)
    return this.#ip
  }

  get isIpv4(): boolean {
    const { address } = this
    return address[10] === 0xff && address[11] === 0xff && address[8] === 0 && this.#startsWithZeros()
  }

  /** An IPv4 address as a number of 32 bits, unsigned. */
  get ipv4(): number {
    const { address } = this
    return ((address[12]! << 24) | (address[13]! << 16) | (address[14]! << 8) | address[15]!) >>> 0
  }

  setText(ip: string, port: number): void {
    writeAddress(ip, this.address, 0)
    this.#ip = ip
    this.port = port
  }

  setIpv4(bytes: Uint8Array, at: number, port: number): void {
    const { address } = this
    address.fill(0, 0, 10)
    address[10] = 0xff
    address[11] = 0xff
    for (let i = 0; i < 4; i++) address[12 + i] = bytes[at + i]!
    this.#ip = null
    this.port = port
  }

  setIpv6(bytes: Uint8Array, at: number, port: number): void {
    for (let i = 0; i < ADDRESS_SIZE; i++) this.address[i] = bytes[at + i]!
    this.#ip = null
    this.port = port
  }

  get endpoint(): Endpoint {
    return { ip: this.ip, port: this.port }
  }

  #startsWithZeros(): boolean {
    for (let i = 0; i < 10; i++) if (this.address[i] !== 0) return false
    return true
  }
}

function ipv4Text(number: number): string {
  const slot = (number ^ (number >>> 13)) & (TEXTS_COUNT - 1)
  if (textOf.numbers[slot] === number) return textOf.texts[slot]!
  const text = `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
  textOf.numbers[slot] = number
  textOf.texts[slot] = text
  return text
}

/** Where datagrams arrive: an own address and port, as text and in 16 bytes. */
export class DatagramTarget {
  readonly endpoint: Endpoint
  readonly address = new Uint8Array(ADDRESS_SIZE)
  /** Which device answers here, once somebody has looked it up. */
  device: Device | null = null

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    writeAddress(endpoint.ip, this.address, 0)
  }
}

/** A datagram with its circumstances, as it is to be kept. Good during the call only. */
export type ReceivedDatagram = {
  readonly at: number // ms since epoch
  readonly bytes: Buffer // it lies there from start to end
  readonly start: number
  readonly end: number
  readonly source: DatagramSource
  readonly target: DatagramTarget
  readonly isPassive: boolean
  readonly validation: 0 | 1 // 1: its source returned a token of ours (`echo`)
  readonly status: number // of the first response; 0: none
  readonly moreStatuses: readonly number[] // of further ones
  readonly sentSize: number // bytes of all of them
}
