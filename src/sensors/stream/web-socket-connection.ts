// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { RequestHead } from '../../wire/http/request-head.ts'
import { parseMessage } from '../../wire/sip/message.ts'
import type { Boundary, StreamPeer } from '../boundary.ts'
import { type LimitKey, sourceKey } from '../reply-limit.ts'
import { ClosablePath, EMPTY, type HeldConnection, NON_SIP_SIZE_MAX, type StreamDeps, unanswered } from './held.ts'
import type { Allowance } from './input.ts'

const MESSAGE_SIZE_MAX = 65_536
const FRAGMENTS_MAX = 256 // of one message
const PARTS_MAX = 1_024 // in which one frame arrives
const PART_SIZE = 1_024 // bytes framed at once: with no frame longer than them, all that is done ahead of its turn
const PING = Buffer.from('\r\n\r\n')
const PONG = '\r\n'
const CLOSE = { unsupportedData: 1003 } as const // RFC 6455 §7.4.1

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MESSAGE_SIZE_MAX,
  maxFragments: FRAGMENTS_MAX,
  maxBufferedChunks: PARTS_MAX,
  skipUTF8Validation: true, // what is no text is evidence, too
  handleProtocols: () => 'sip',
})

export type UpgradeRequest = { readonly head: RequestHead; readonly request: Uint8Array }

/** One WebSocket after its request: each message is one of SIP (RFC 7118 §5), answered in order. */
export class WebSocketConnection implements HeldConnection {
  readonly sourceKey: LimitKey
  readonly #socket: Socket
  readonly #peer: StreamPeer
  readonly #deps: StreamDeps
  readonly #request: Uint8Array
  readonly #frames: Frames
  readonly #webSocket: WebSocket
  readonly #openedAt: number
  #activeAt: number
  #messageStartedAt: number | null = null
  #closingAt: number | null = null
  #isGone = false // the socket is closed
  #isOver = false
  #chunk: Uint8Array = EMPTY // received, and not framed yet
  #open: Uint8Array = EMPTY // the first bytes since the last frame that told something, as they came
  #openSize = 0
  #recordedCount = 0
  #receivedCount = 0
  #allowance: Allowance = { messageCount: 0, size: 0 }

  /** The socket has what followed the request. */
  constructor(socket: Socket, peer: StreamPeer, deps: StreamDeps, { head, request }: UpgradeRequest) {
    this.#socket = socket
    this.#peer = peer
    this.sourceKey = sourceKey(peer.source.ip)
    this.#deps = deps
    this.#request = request
    this.#openedAt = this.#activeAt = deps.monotonicNow()
    this.#frames = new Frames(socket)
    this.#webSocket = upgrade(head, socket, this.#frames)
    this.#webSocket.on('message', (data) => this.#contain(() => this.#take(data as Buffer)))
    for (const event of ['ping', 'pong'] as const) this.#webSocket.on(event, () => this.#contain(() => this.#tick()))
    this.#webSocket.on('error', () => this.#contain(() => this.#takeBroken()))
    socket.on('data', (bytes) => this.#contain(() => this.#receive(bytes as Buffer)))
    socket.on('drain', () => this.#contain(() => this.#readOn()))
    socket.on('end', () => this.#contain(() => this.#onGone()))
    socket.on('close', () => this.#contain(() => this.#onGone()))
    socket.resume()
  }

  sweep(now: number): void {
    if (this.#isOverdue(now)) this.destroy()
  }

  destroy(): void {
    this.#contain(() => {
      this.#conclude()
      this.#socket.destroy()
    })
  }

  work(allowance: Allowance): boolean {
    this.#contain(() => this.#work(allowance))
    return this.#isOver || this.#chunk.length === 0
  }

  #isOverdue(now: number): boolean {
    const { limits } = this.#deps
    if (this.#closingAt !== null) return now - this.#closingAt >= limits.lingerMs
    if (this.#chunk.length > 0) return false // it waits for us
    const started = this.#messageStartedAt
    if (started !== null) return now - started >= limits.messageMs || this.#isTooSlow(now - started)
    if (this.#receivedCount === 0) return now - this.#openedAt >= limits.firstByteMs
    return now - this.#activeAt >= (this.#socket.isPaused() ? limits.messageMs : limits.idleMs)
  }

  #isTooSlow(elapsedMs: number): boolean {
    const { messageRateGraceMs, messageRateMin } = this.#deps.limits
    return elapsedMs >= messageRateGraceMs && this.#openSize * 1000 < messageRateMin * elapsedMs
  }

  #receive(bytes: Buffer): void {
    if (this.#isOver) return
    this.#activeAt = this.#deps.monotonicNow()
    this.#receivedCount++
    this.#deps.connections.touch(this)
    this.#socket.pause()
    this.#chunk = bytes
    this.#deps.turns.add(this)
  }

  /** Gives frames away part by part; what they hold comes back as events, and each takes from the allowance. */
  #work(allowance: Allowance): void {
    if (this.#isOver) return
    this.#allowance = allowance
    while (this.#chunk.length > 0 && allowance.messageCount > 0 && allowance.size > 0) {
      const part = this.#chunk.subarray(0, PART_SIZE)
      this.#chunk = this.#chunk.subarray(part.length)
      allowance.size -= part.length
      this.#openSize += part.length
      if (this.#open.length < NON_SIP_SIZE_MAX) {
        this.#open = Buffer.concat([this.#open, part.subarray(0, NON_SIP_SIZE_MAX - this.#open.length)])
      }
      this.#frames.push(part)
    }
    if (this.#chunk.length > 0) return
    const now = this.#deps.monotonicNow()
    if (this.#openSize > 0) this.#messageStartedAt ??= now
    this.#activeAt = now // the time that it waited for us is not held against it
    if (this.#isGone) this.#conclude()
    else this.#readOn()
  }

  /** A frame told something: what was open is complete. */
  #tick(): void {
    this.#allowance.messageCount--
    this.#open = EMPTY
    this.#openSize = 0
    this.#messageStartedAt = null
  }

  #take(message: Buffer): void {
    this.#tick()
    if (this.#closingAt !== null || this.#isOver) return
    if (message.equals(PING)) {
      if (this.#deps.boundary.mayAnswer(this.#peer)) this.#webSocket.send(PONG) // RFC 7118 §6
    } else if (isBlank(message)) return
    else if (parseMessage(message).kind === 'non-sip') {
      this.#record(unanswered(message.subarray(0, NON_SIP_SIZE_MAX), message.length))
      this.#end(CLOSE.unsupportedData)
    } else this.#record({ message, evidence: message, size: message.length, oversize: false })
  }

  /** Not a frame, or more than one message may have. The other side was told so by a Close frame. */
  #takeBroken(): void {
    if (this.#closingAt !== null || this.#isOver) return
    this.#record(unanswered(this.#open, this.#openSize))
    this.#end()
  }

  #record(packet: Parameters<Boundary['stream']>[1]): void {
    this.#recordedCount++
    this.#deps.boundary.stream(this.#peer, packet, this)
  }

  push(bytes: Uint8Array): boolean {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN || !this.#socket.writable) return false
    this.#webSocket.send(bytes, { binary: false })
    return true
  }

  /** For answers that come in a later turn. They do not wait for a peer that takes none. */
  readonly path = new ClosablePath(
    (bytes) => this.#socket.writableLength <= this.#deps.limits.unsentSizeMax && this.push(bytes),
  )

  /** A peer that does not take its answers is not read from until it does. */
  #readOn(): void {
    const { limits } = this.#deps
    if (this.#chunk.length === 0 && this.#socket.writableLength <= limits.unsentSizeMax) this.#socket.resume()
  }

  #end(code?: number): void {
    this.#closingAt = this.#deps.monotonicNow()
    this.#webSocket.close(code)
  }

  #onGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    if (this.#chunk.length === 0) this.#conclude()
  }

  #conclude(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.path.close()
    this.#deps.connections.remove(this)
    const wasOpen = this.#webSocket.readyState === this.#webSocket.OPEN // and not ended by a Close frame
    this.#webSocket.terminate()
    this.#socket.destroySoon()
    if (this.#closingAt !== null) return
    if (this.#openSize > 0 && wasOpen) this.#record(unanswered(this.#open, this.#openSize))
    else if (this.#recordedCount === 0) this.#record(unanswered(this.#request, this.#request.length))
  }

  #contain(task: () => void): void {
    try {
      task()
    } catch (error) {
      const wasOver = this.#isOver
      this.#isOver = true
      this.#socket.destroy()
      this.#deps.boundary.bug(this.#open, error)
      this.#deps.connections.remove(this)
      if (!wasOver) this.#record(unanswered(this.#open, this.#openSize))
    }
  }
}

/** The socket as `ws` sees it: it gets bytes when it is the connection's turn, and not when they come. */
class Frames extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#socket.write(bytes) // what it cannot send yet is counted there, by its connection
    done()
  }

  override _final(done: () => void): void {
    this.#socket.end()
    done()
  }
}

function upgrade(head: RequestHead, socket: Socket, frames: Frames): WebSocket {
  const request = new IncomingMessage(socket)
  request.method = head.method
  request.url = head.target
  request.headers = Object.fromEntries(head.fields)
  let opened: WebSocket | undefined
  server.handleUpgrade(request, frames, Buffer.alloc(0), (webSocket) => {
    opened = webSocket
  })
  if (opened === undefined) throw new Error('A request for a WebSocket was refused that had been looked at')
  return opened
}

/** Line ends alone, which keep a connection alive and ask for nothing. */
function isBlank(message: Uint8Array): boolean {
  return message.every((byte) => byte === 0x0d || byte === 0x0a)
}
