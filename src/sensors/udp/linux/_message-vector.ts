// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Libc } from './_libc.ts'

/*
 * The structures of recvmmsg(2) and sendmmsg(2) on 64-bit little-endian Linux.
 *   mmsghdr  64 bytes:  0 name pointer  8 u32 name size  16 iovec pointer  24 u64 iovecs  32 control pointer
 *                      40 u64 control size  48 i32 flags  56 u32 bytes received or sent
 *   iovec    16 bytes:  0 pointer  8 u64 size
 *   sockaddr_in  16 bytes:  0 u16 family  2 u16 port, big endian  4 address
 *   sockaddr_in6 28 bytes:  0 u16 family  2 u16 port, big endian  8 address  24 u32 scope
 *   cmsghdr: 0 u64 size  8 i32 level  12 i32 type  16 data
 */
const HEADER_SIZE = 64
const IOVEC_SIZE = 16
export const NAME_SIZE = 32 // room for either form of an address
export const CONTROL_SIZE = 64 // room for one message of packet information
const TWO_32 = 4_294_967_296

/** Memory that the system is pointed at. It stays referenced, and so in its place, as long as this does. */
export class Pinned {
  readonly bytes: Buffer
  readonly words: Uint32Array
  readonly pointer: bigint // to the first byte
  readonly address: number // the same; addresses have 48 bits, so a number holds them exactly

  constructor(libc: Libc, bytes: Buffer) {
    this.bytes = bytes
    this.pointer = libc.addressOf(bytes)
    this.address = Number(this.pointer)
    this.words =
      bytes.byteOffset % 4 === 0
        ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
        : new Uint32Array()
  }

  /** Writes an address, of 64 bits, at that byte. */
  point(at: number, address: number): void {
    this.words[at >> 2] = address >>> 0
    this.words[(at >> 2) + 1] = (address / TWO_32) | 0
  }
}

/** The headers of so many messages, with room for the address and the control message of each. */
export class MessageVector {
  readonly headers: Pinned
  readonly iovecs: Pinned
  readonly names: Pinned
  readonly controls: Pinned

  constructor(libc: Libc, count: number, iovecCount: number) {
    const pin = (size: number) => new Pinned(libc, Buffer.alloc(size))
    this.headers = pin(count * HEADER_SIZE)
    this.iovecs = pin(iovecCount * IOVEC_SIZE)
    this.names = pin(count * NAME_SIZE)
    this.controls = pin(count * CONTROL_SIZE)
  }

  setName(index: number, address: number, size: number): void {
    this.headers.point(index * HEADER_SIZE, address)
    this.headers.words[(index * HEADER_SIZE + 8) >> 2] = size
  }

  setIovecs(index: number, first: number, count: number): void {
    this.headers.point(index * HEADER_SIZE + 16, this.iovecs.address + first * IOVEC_SIZE)
    this.headers.words[(index * HEADER_SIZE + 24) >> 2] = count
  }

  setControl(index: number, address: number, size: number): void {
    this.headers.point(index * HEADER_SIZE + 32, address)
    this.headers.words[(index * HEADER_SIZE + 40) >> 2] = size
  }

  setIovec(index: number, address: number, size: number): void {
    this.iovecs.point(index * IOVEC_SIZE, address)
    this.iovecs.words[(index * IOVEC_SIZE + 8) >> 2] = size
  }

  /** Bytes received. */
  sizeOf(index: number): number {
    return this.headers.words[(index * HEADER_SIZE + 56) >> 2]!
  }

  controlSizeOf(index: number): number {
    return this.headers.words[(index * HEADER_SIZE + 40) >> 2]!
  }

  /** Where the headers from that one on lie. */
  pointerAt(index: number): bigint {
    return this.headers.pointer + BigInt(index * HEADER_SIZE)
  }
}
