// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Endpoint } from '../../../core/event.ts'
import { isUnicast } from '../../reply-guard.ts'
import { DatagramSource, DatagramTarget } from '../datagram.ts'
import type { DatagramHandler } from '../datagrams.ts'
import { type Libc, openLibc, systemError } from './_libc.ts'
import { CONTROL_SIZE, MessageVector, NAME_SIZE, Pinned } from './_message-vector.ts'
import { BATCH_COUNT, Replies, type ReplyDeps, type ReplySocket, SLOT_SIZE } from './_replies.ts'
import { isUnicastTarget, Targets } from './_targets.ts'
import { RawUdpSocket } from './_udp-socket.ts'

const ROUND_MAX = 16 // batches of one socket before the next gets its turn
const SOCKET_COUNT_MAX = 512
const POLLFD_SIZE = 8

const MSG_DONTWAIT = 0x40
const POLLIN = 1
const EINTR = 4
const EAGAIN = 11

export type BatchDeps = ReplyDeps & {
  readonly handle: DatagramHandler
  /** Called when what came together has been handled. */
  readonly onBatch: () => void
  readonly onTrouble: (error: Error, endpoint: Endpoint) => void
}

export type BatchSocket = Disposable & {
  readonly endpoint: Endpoint
  readonly receiveBufferSize: number
  /** Datagrams that the system dropped here, since nobody took them in time. */
  dropCount(): number
}

type OpenSocket = BatchSocket &
  ReplySocket & {
    readonly target: DatagramTarget
    readonly targets: Targets | null
  }

let canDo: boolean | undefined

/** Whether this system can receive in batches: tried once, since a call that is there may be forbidden. */
export function canReceiveBatches(): boolean {
  canDo ??= tryBatch()
  return canDo
}

function tryBatch(): boolean {
  const libc = openLibc()
  if (libc === null) return false
  try {
    const socket = new RawUdpSocket(libc, false)
    try {
      const isEmpty = libc.recvmmsg(socket.fd, new MessageVector(libc, 1, 1).headers.pointer, 1, MSG_DONTWAIT, null) < 0
      return isEmpty && libc.errno() === EAGAIN
    } finally {
      socket.close()
    }
  } catch {
    return false // no socket of this kind: node:dgram then says what is wrong
  }
}

/**
 * Receives datagrams 64 a call and sends the replies likewise, which costs a fifth of what Node's own sockets cost. All
 * its sockets share one set of buffers, so it belongs to one thread. It does nothing by itself: whoever owns it calls
 * `turn` again and again.
 */
export class BatchReceiver implements Disposable {
  readonly #libc: Libc
  readonly #deps: BatchDeps
  readonly #arena: Pinned // where datagrams are received
  readonly #incoming: MessageVector
  readonly #replies: Replies
  readonly #polled: Pinned
  readonly #source = new DatagramSource()
  readonly #sockets: OpenSocket[] = []
  #waitedMs = 0
  #sharedAt = performance.now()

  constructor(deps: BatchDeps) {
    const libc = openLibc()
    if (libc === null) throw new Error('Cannot receive in batches: this system has no recvmmsg that Node could call')
    this.#libc = libc
    this.#deps = deps
    this.#arena = new Pinned(libc, Buffer.alloc(BATCH_COUNT * SLOT_SIZE))
    this.#incoming = new MessageVector(libc, BATCH_COUNT, BATCH_COUNT)
    this.#replies = new Replies(libc, this.#arena, this.#incoming, deps)
    this.#polled = new Pinned(libc, Buffer.alloc(SOCKET_COUNT_MAX * POLLFD_SIZE))
    for (let slot = 0; slot < BATCH_COUNT; slot++) {
      this.#incoming.setIovecs(slot, slot, 1)
      this.#incoming.setIovec(slot, this.#arena.address + slot * SLOT_SIZE, SLOT_SIZE)
    }
  }

  /**
   * Binds one more address; 0.0.0.0 and :: take all of their family. `scope`: the interface of a link-local address.
   * `shared`: other threads of this process bind it too, and the system deals out what comes. Throws the system's error.
   */
  listen(ip: string, port: number, { scope = 0, shared = false } = {}): BatchSocket {
    if (this.#sockets.length === SOCKET_COUNT_MAX)
      throw new RangeError(`Cannot listen on more than ${SOCKET_COUNT_MAX}`)
    const raw = new RawUdpSocket(this.#libc, ip.includes(':'))
    try {
      const isForAll = ip === '0.0.0.0' || ip === '::'
      if (shared) raw.share()
      if (isForAll) raw.askForTargets()
      raw.bind(ip, port, scope)
      const endpoint = raw.endpoint()
      const target = new DatagramTarget(endpoint)
      const socket: OpenSocket = {
        raw,
        target,
        targets: isForAll ? new Targets(target) : null,
        hasTargets: isForAll,
        endpoint,
        receiveBufferSize: raw.askForReceiveBuffer(),
        dropCount: () => raw.dropCount(),
        [Symbol.dispose]: () => this.#close(socket),
      }
      this.#sockets.push(socket)
      this.#listPolled()
      return socket
    } catch (error) {
      raw.close()
      throw error
    }
  }

  /** Handles what has come, waiting at most so long for the first of it. Returns how many datagrams there were. */
  turn(waitMs: number): number {
    const askedAt = performance.now()
    const readyCount = this.#libc.poll(this.#polled.pointer, BigInt(this.#sockets.length), waitMs)
    this.#waitedMs += performance.now() - askedAt
    if (readyCount <= 0) return 0
    let count = 0
    for (let index = 0; index < this.#sockets.length; index++) {
      const hasCome = this.#polled.bytes.readInt16LE(index * POLLFD_SIZE + 6) !== 0
      if (hasCome) count += this.#drain(this.#sockets[index]!)
    }
    return count
  }

  /** Lets other threads bind the same addresses from now on. */
  share(): void {
    for (const { raw } of this.#sockets) raw.share()
  }

  /** Deals out what comes among so many threads that bind the same addresses. */
  deal(count: number): void {
    for (const { raw, endpoint } of this.#sockets) {
      try {
        raw.dealByNetwork(count)
      } catch (error) {
        // The system then deals by address and port, which is as good save for the limits of a source with many ports.
        this.#deps.onTrouble(error as Error, endpoint)
      }
    }
  }

  /** Which part of the time since the last call went by with work, 0 to 1: the rest it waited for datagrams. */
  busyShare(): number {
    const now = performance.now()
    const share = 1 - this.#waitedMs / (now - this.#sharedAt)
    this.#waitedMs = 0
    this.#sharedAt = now
    return Math.min(1, Math.max(0, share))
  }

  [Symbol.dispose](): void {
    for (const socket of [...this.#sockets]) socket[Symbol.dispose]()
  }

  #close(socket: OpenSocket): void {
    const index = this.#sockets.indexOf(socket)
    if (index < 0) return
    this.#sockets.splice(index, 1)
    this.#listPolled()
    socket.raw.close()
  }

  #listPolled(): void {
    for (const [index, { raw }] of this.#sockets.entries()) {
      this.#polled.bytes.writeInt32LE(raw.fd, index * POLLFD_SIZE)
      this.#polled.bytes.writeInt16LE(POLLIN, index * POLLFD_SIZE + 4)
    }
  }

  #drain(socket: OpenSocket): number {
    let count = 0
    for (let round = 0; round < ROUND_MAX; round++) {
      const received = this.#receive(socket)
      for (let slot = 0; slot < received; slot++) this.#handle(socket, slot)
      if (received > 0) {
        this.#replies.flush(socket.raw)
        this.#deps.onBatch()
      }
      count += received
      if (received < BATCH_COUNT) break
    }
    return count
  }

  /** How many datagrams the system put into the slots. */
  #receive({ raw, targets, endpoint }: OpenSocket): number {
    const { names, controls } = this.#incoming
    for (let slot = 0; slot < BATCH_COUNT; slot++) {
      this.#incoming.setName(slot, names.address + slot * NAME_SIZE, raw.nameSize)
      this.#incoming.setControl(slot, controls.address + slot * CONTROL_SIZE, targets === null ? 0 : CONTROL_SIZE)
    }
    const received = this.#libc.recvmmsg(raw.fd, this.#incoming.headers.pointer, BATCH_COUNT, MSG_DONTWAIT, null)
    if (received >= 0) return received
    const errno = this.#libc.errno()
    if (errno !== EAGAIN && errno !== EINTR) this.#deps.onTrouble(systemError('recvmmsg', errno), endpoint)
    return 0
  }

  #handle(socket: OpenSocket, slot: number): void {
    const { bytes: names } = this.#incoming.names
    const at = slot * NAME_SIZE
    const port = (names[at + 2]! << 8) | names[at + 3]!
    if (socket.raw.isIpv6) this.#source.setIpv6(names, at + 8, port)
    else this.#source.setIpv4(names, at + 4, port)
    const start = slot * SLOT_SIZE
    const { target, canReply } = this.#targetOf(socket, slot)
    const replyPort = canReply ? this.#replies.to(slot, socket) : null
    this.#deps.handle(this.#arena.bytes, start, start + this.#incoming.sizeOf(slot), this.#source, target, replyPort)
  }

  #targetOf({ targets, target, raw }: OpenSocket, slot: number): { target: DatagramTarget; canReply: boolean } {
    if (targets === null) return { target, canReply: isUnicast(target.endpoint.ip) }
    const { bytes: controls } = this.#incoming.controls
    const at = slot * CONTROL_SIZE
    const size = this.#incoming.controlSizeOf(slot)
    return {
      target: raw.isIpv6 ? targets.ofIpv6(controls, at, size) : targets.ofIpv4(controls, at, size),
      canReply: isUnicastTarget(controls, at, size, raw.isIpv6),
    }
  }
}
