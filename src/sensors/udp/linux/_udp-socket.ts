// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readAddress, writeAddress } from '../../../core/address.ts'
import type { Endpoint } from '../../../core/event.ts'
import { type Libc, systemError } from './_libc.ts'

const RECEIVE_BUFFER_SIZE_FORCED = 64 * 1024 * 1024 // bytes, where we may have as much as we like: half a second of a flood
const RECEIVE_BUFFER_SIZE = 4 * 1024 * 1024 // bytes asked for where the system has a limit

const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM_CLOEXEC = 0o2000002
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
const MEMINFO_DROPS = 8 // which word of it counts what was dropped
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPV6_RECVPKTINFO = 49
const SO_ATTACH_REUSEPORT_CBPF = 51
const BPF_LD_ABS = 0x20 // a word
const BPF_RSH = 0x74
const BPF_TAX = 0x07
const BPF_XOR_X = 0xac
const BPF_MOD = 0x94
const BPF_RET_A = 0x16
const NETWORK_HEADER = -0x100000 // SKF_NET_OFF: offsets from there are into the IP header
const SOCKADDR_SIZE = { v4: 16, v6: 28 }

/** A UDP socket of the system's own, in a form that recvmmsg takes. */
export class RawUdpSocket {
  readonly fd: number
  readonly isIpv6: boolean
  readonly nameSize: number // bytes of a sockaddr of its family
  readonly #libc: Libc
  readonly #word = Buffer.alloc(4)
  readonly #meminfo = Buffer.alloc(64)
  #dropCount = 0
  #isClosed = false

  /** Throws the system's error when there can be none. */
  constructor(libc: Libc, isIpv6: boolean) {
    this.#libc = libc
    this.isIpv6 = isIpv6
    this.nameSize = isIpv6 ? SOCKADDR_SIZE.v6 : SOCKADDR_SIZE.v4
    this.fd = libc.socket(isIpv6 ? AF_INET6 : AF_INET, SOCK_DGRAM_CLOEXEC, 0)
    if (this.fd < 0) throw systemError('socket', libc.errno())
    try {
      if (isIpv6) this.#set(IPPROTO_IPV6, IPV6_V6ONLY, 1)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** From then on other sockets of this user that ask for the same may bind the same address. */
  share(): void {
    this.#set(SOL_SOCKET, SO_REUSEPORT, 1)
  }

  /** Each datagram then says where it was sent to, which a socket for all addresses does not. */
  askForTargets(): void {
    if (this.isIpv6) this.#set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    else this.#set(IPPROTO_IP, IP_PKTINFO, 1)
  }

  /** `scope`: the number of the interface that a link-local address belongs to. Throws the system's error. */
  bind(ip: string, port: number, scope: number): void {
    const name = Buffer.alloc(SOCKADDR_SIZE.v6)
    const address = new Uint8Array(16)
    writeAddress(ip, address, 0)
    name.writeUInt16LE(this.isIpv6 ? AF_INET6 : AF_INET, 0)
    name.writeUInt16BE(port, 2)
    if (this.isIpv6) {
      name.set(address, 8)
      name.writeUInt32LE(scope, 24)
    } else name.set(address.subarray(12), 4)
    if (this.#libc.bind(this.fd, name, this.nameSize) < 0) throw systemError('bind', this.#libc.errno())
  }

  /** Where it is bound. */
  endpoint(): Endpoint {
    const name = Buffer.alloc(SOCKADDR_SIZE.v6)
    this.#word.writeUInt32LE(name.length)
    if (this.#libc.getsockname(this.fd, name, this.#word) < 0) throw systemError('getsockname', this.#libc.errno())
    const address = new Uint8Array(16)
    if (this.isIpv6) address.set(name.subarray(8, 24))
    else address.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...name.subarray(4, 8)])
    return { ip: readAddress(address, 0), port: name.readUInt16BE(2) }
  }

  /** Asks for a large receive buffer and returns what the system gave, which it reports doubled. */
  askForReceiveBuffer(): number {
    this.#word.writeInt32LE(RECEIVE_BUFFER_SIZE_FORCED)
    if (this.#libc.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, this.#word, 4) < 0) {
      this.#set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_SIZE) // not root; the system then gives what it has a limit for
    }
    const size = Buffer.alloc(4)
    size.writeUInt32LE(4)
    if (this.#libc.getsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, this.#word, size) < 0) return 0
    return this.#word.readInt32LE()
  }

  /**
   * Datagrams that the system dropped here since its buffer was full. SO_RXQ_OVFL tells the same number, but only with
   * the next datagram, so never what a flood lost at its end. Modulo 2³².
   */
  dropCount(): number {
    if (this.#isClosed) return this.#dropCount
    this.#word.writeUInt32LE(this.#meminfo.length)
    const got = this.#libc.getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, this.#meminfo, this.#word)
    if (got >= 0) this.#dropCount = this.#meminfo.readUInt32LE(4 * MEMINFO_DROPS)
    return this.#dropCount
  }

  /**
   * Deals out what comes to all sockets that share this address: by the /24 of the source, or its /48, so that one network
   * has the limits of one thread. A classic BPF program tells the place of the socket among them, in the order of bind().
   */
  dealByNetwork(count: number): void {
    const load = (offset: number) => [BPF_LD_ABS, (NETWORK_HEADER + offset) >>> 0]
    const source = this.isIpv6
      ? [load(12), [BPF_RSH, 16], [BPF_TAX, 0], load(8), [BPF_XOR_X, 0]] // bytes 8–13 of the header: the /48
      : [load(12), [BPF_RSH, 8]]
    const program = [...source, [BPF_MOD, count], [BPF_RET_A, 0]]
    const filter = Buffer.alloc(8 * program.length)
    for (const [i, [code = 0, k = 0]] of program.entries()) {
      filter.writeUInt16LE(code, 8 * i)
      filter.writeUInt32LE(k, 8 * i + 4)
    }
    const sockFprog = Buffer.alloc(16)
    sockFprog.writeUInt16LE(program.length, 0)
    sockFprog.writeBigUInt64LE(this.#libc.addressOf(filter), 8)
    if (this.#libc.setsockopt(this.fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, sockFprog, sockFprog.length) < 0)
      throw systemError('setsockopt', this.#libc.errno())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    if (this.#isClosed) return
    this.dropCount()
    this.#isClosed = true
    this.#libc.close(this.fd)
  }

  #set(level: number, option: number, value: number): void {
    this.#word.writeInt32LE(value)
    if (this.#libc.setsockopt(this.fd, level, option, this.#word, 4) < 0)
      throw systemError('setsockopt', this.#libc.errno())
  }
}
