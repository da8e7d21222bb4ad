// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { canonicalIp } from '../../core/address.ts'
import type { Endpoint } from '../../core/event.ts'
import type { SensorLog } from '../boundary.ts'
import { systemCode } from '../listen-error.ts'
import { seldom } from '../seldom.ts'
import type { ReplyPath } from '../uas/delivery.ts'
import { DatagramSource, DatagramTarget } from './datagram.ts'
import type { DatagramHandler, ReplyPort } from './datagrams.ts'
import { ReplyDraft } from './reply-draft.ts'

const RECEIVE_BUFFER_SIZE = 4 * 1024 * 1024 // bytes asked for: about a second of a heavy scan
const RECEIVE_BUFFER_SIZE_MIN = 65_536
const TROUBLE_LOG_MS = 60_000 // at most one log line of trouble in so long
const SCRATCH_SIZE = 262_144 // bytes: more than the replies to one datagram have
const UNSENT_SIZE_MAX = 4 * 1024 * 1024 // bytes handed to the system and not reported back yet

export type UdpDeps = {
  readonly handle: DatagramHandler
  /** The texts that the drafts of replies refer to. */
  readonly fixed: Buffer
  readonly onSendError: () => void
  readonly now: () => number
  readonly log: SensorLog
}

export type UdpSocket = AsyncDisposable & { readonly endpoint: Endpoint; readonly receiveBufferSize: number }

/**
 * One socket on one address. Throws the system's own error when it cannot bind.
 * `address` may carry a zone (fe80::1%eth0), and `port` be 0. IPv6 sockets take IPv6 only.
 */
export async function listenUdp(address: string, port: number, deps: UdpDeps): Promise<UdpSocket> {
  const isIpv6 = address.includes(':')
  const socket = createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    ipv6Only: isIpv6,
    // What we send to are addresses already. Without this, node asks dns.lookup() on each send.
    lookup: (literal, _options, callback) => callback(null, literal, isIpv6 ? 6 : 4),
  })
  try {
    const listening = once(socket, 'listening') // before bind(), which may emit it at once
    socket.bind({ address, port, exclusive: true })
    await listening
  } catch (error) {
    socket.close()
    throw error
  }
  const bound = socket.address()
  const endpoint = { ip: canonicalIp(bound.address) ?? bound.address, port: bound.port }
  receive(socket, endpoint, deps)
  return {
    endpoint,
    receiveBufferSize: askForReceiveBuffer(socket),
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

function receive(socket: Socket, endpoint: Endpoint, deps: UdpDeps): void {
  const target = new DatagramTarget(endpoint)
  const source = new DatagramSource()
  const sender = new Sender(socket, deps)
  socket.on('message', (bytes, from) => {
    sender.begin(bytes, from)
    source.setText(from.family === 'IPv4' ? from.address : (canonicalIp(from.address) ?? from.address), from.port)
    deps.handle(bytes, 0, bytes.length, source, target, sender)
  })
  // An ICMP answer to something we sent, for instance. The socket goes on.
  const warnSeldom = seldom(TROUBLE_LOG_MS, deps.now)
  socket.on('error', (error) => {
    deps.onSendError()
    warnSeldom(() => deps.log.warn({ err: error, ...endpoint }, 'A UDP socket reported an error; it goes on'))
  })
}

/** Sends to the source of the datagram that is being handled, and nowhere else. */
class Sender implements ReplyPort {
  readonly draft: ReplyDraft
  readonly #socket: Socket
  readonly #deps: UdpDeps
  #unsentSize = 0
  #leftSize = 0 // bytes that may still be sent to a source that is not proven
  #to: RemoteInfo | null = null

  constructor(socket: Socket, deps: UdpDeps) {
    this.#socket = socket
    this.#deps = deps
    this.draft = new ReplyDraft(deps.fixed, SCRATCH_SIZE)
  }

  begin(packet: Buffer, from: RemoteInfo): void {
    this.#leftSize = packet.length
    this.#to = from
    this.draft.scratchEnd = 0
  }

  send(isProven: boolean): boolean {
    const { size } = this.draft
    if (this.#to === null) return false
    if (!isProven && size > this.#leftSize) return false // the byte rule, once more where bytes leave
    this.#leftSize -= size
    return this.#sendTo(this.#to, this.draft.toBuffer())
  }

  path(): ReplyPath {
    const to = this.#to
    return { send: (bytes) => to !== null && this.#sendTo(to, bytes) }
  }

  #sendTo(to: RemoteInfo, bytes: Uint8Array): boolean {
    const size = bytes.length
    if (this.#unsentSize + size > UNSENT_SIZE_MAX) return false
    try {
      this.#unsentSize += size
      this.#socket.send(bytes, to.port, to.address, (error) => {
        this.#unsentSize -= size
        if (error) this.#deps.onSendError() // ECONNREFUSED, EMSGSIZE, EACCES for a broadcast address: theirs to bear
      })
      return true
    } catch {
      this.#unsentSize -= size
      return false // closed, for instance: the caller counts it as a send error
    }
  }
}

/** Asks for a large receive buffer and returns what the system gave, which Linux reports doubled. */
function askForReceiveBuffer(socket: Socket): number {
  for (let size = RECEIVE_BUFFER_SIZE; size >= RECEIVE_BUFFER_SIZE_MIN; size /= 2) {
    try {
      socket.setRecvBufferSize(size)
      break
    } catch (error) {
      // Some systems refuse a size above their limit instead of giving less. Node wraps the code.
      if (systemCode(error) !== 'ERR_SOCKET_BUFFER_SIZE') throw error
    }
  }
  return socket.getRecvBufferSize()
}

/** Says what to do when the receive buffer came out smaller than asked for. */
export function warnOfSmallBuffer(size: number, log: SensorLog): void {
  if (size >= RECEIVE_BUFFER_SIZE) return
  log.warn(
    { receiveBufferSize: size, wantedSize: RECEIVE_BUFFER_SIZE },
    'The system gave UDP a smaller receive buffer than asked for, so bursts may be lost: sysctl net.core.rmem_max=4194304',
  )
}
