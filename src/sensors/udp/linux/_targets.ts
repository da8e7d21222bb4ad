// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readAddress } from '../../../core/address.ts'
import { DatagramTarget } from '../datagram.ts'

const TARGET_COUNT_MAX = 1024 // addresses remembered; more than any machine has
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IPPROTO_IPV6 = 41
const IPV6_PKTINFO = 50
const CMSG_DATA = 16
export const PKTINFO_SIZE = { v4: 28, v6: 36 } // bytes of a control message with it

/**
 * Which of the own addresses a datagram reached, out of its control message:
 * in_pktinfo: 0 i32 interface  4 own address  8 address in the IP header; in6_pktinfo: 0 address  16 u32 interface.
 */
export class Targets {
  readonly #port: number
  readonly #unknown: DatagramTarget
  readonly #known = new Map<string, DatagramTarget>()
  #lastKey = -1
  #last: DatagramTarget

  /** `unknown` stands for those that the system does not tell. */
  constructor(unknown: DatagramTarget) {
    this.#unknown = unknown
    this.#last = unknown
    this.#port = unknown.endpoint.port
  }

  ofIpv4(control: Buffer, at: number, size: number): DatagramTarget {
    if (size < PKTINFO_SIZE.v4 || !isMessage(control, at, IPPROTO_IP, IP_PKTINFO)) return this.#unknown
    const key = control.readUInt32LE(at + CMSG_DATA + 8)
    if (key === this.#lastKey) return this.#last
    const octets = control.subarray(at + CMSG_DATA + 8, at + CMSG_DATA + 12)
    this.#last = this.#targetOf([...octets].join('.'))
    this.#lastKey = key
    return this.#last
  }

  ofIpv6(control: Buffer, at: number, size: number): DatagramTarget {
    if (size < PKTINFO_SIZE.v6 || !isMessage(control, at, IPPROTO_IPV6, IPV6_PKTINFO)) return this.#unknown
    return this.#targetOf(readAddress(control, at + CMSG_DATA))
  }

  #targetOf(ip: string): DatagramTarget {
    const known = this.#known.get(ip)
    if (known !== undefined) return known
    if (this.#known.size >= TARGET_COUNT_MAX) this.#known.clear()
    const target = new DatagramTarget({ ip, port: this.#port })
    this.#known.set(ip, target)
    return target
  }
}

function isMessage(control: Buffer, at: number, level: number, type: number): boolean {
  return control.readInt32LE(at + 8) === level && control.readInt32LE(at + 12) === type
}

/** Whether the datagram was sent to one address of ours, and to nobody else: a broadcast or multicast is not answered. */
export function isUnicastTarget(control: Buffer, at: number, size: number, isIpv6: boolean): boolean {
  if (isIpv6) {
    const isKnown = size >= PKTINFO_SIZE.v6 && isMessage(control, at, IPPROTO_IPV6, IPV6_PKTINFO)
    return isKnown && control[at + CMSG_DATA] !== 0xff
  }
  if (size < PKTINFO_SIZE.v4 || !isMessage(control, at, IPPROTO_IP, IP_PKTINFO)) return false
  return control.readUInt32LE(at + CMSG_DATA + 4) === control.readUInt32LE(at + CMSG_DATA + 8)
}

/** Turns it into the control message of the reply, which leaves from the address that was reached, by whatever way leads back. */
export function asReplyControl(control: Buffer, at: number, isIpv6: boolean): number {
  if (!isIpv6) {
    control.writeInt32LE(0, at + CMSG_DATA) // no interface: the routes decide
    return PKTINFO_SIZE.v4
  }
  const isLinkLocal = control[at + CMSG_DATA] === 0xfe && (control[at + CMSG_DATA + 1]! & 0xc0) === 0x80
  if (!isLinkLocal) control.writeUInt32LE(0, at + CMSG_DATA + 16)
  return PKTINFO_SIZE.v6
}
