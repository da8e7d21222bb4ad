// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Socket } from 'node:net'
import { type Frame, StreamFramer } from '../wire/sip/framing.ts'
import type { Boundary, StreamPeer } from './boundary.ts'
import type { StreamLimits } from './stream-limits.ts'

const NON_SIP_SIZE_MAX = 512 // bytes kept of a stream that is not SIP
const EMPTY = new Uint8Array()
const PONG = Buffer.from('\r\n')

type BadFrame = Extract<Frame, { kind: 'bad' }>

export type StreamDeps = {
  readonly now: () => number
  readonly boundary: Pick<Boundary, 'stream' | 'mayPong'>
  readonly limits: StreamLimits
  readonly onActive: (connection: StreamConnection) => void
  readonly onClosed: (connection: StreamConnection) => void
}

/**
 * One connection: frames what comes, answers in order, and ends. Whatever arrived is recorded once, under the address
 * of this very socket, also when the connection ends in the middle of a message or without a byte.
 */
export class StreamConnection {
  readonly peer: StreamPeer
  readonly #socket: Socket
  readonly #deps: StreamDeps
  readonly #framer = new StreamFramer()
  readonly #openedAt: number
  #activeAt: number
  #messageStartedAt: number | null = null
  #closingAt: number | null = null // when our side was closed; what still comes is thrown away
  #closed = false
  #recordedCount = 0
  #receivedSize = 0
  #head: Uint8Array = EMPTY // the first bytes, until something is recorded
  #out: Uint8Array[] = []

  constructor(socket: Socket, peer: StreamPeer, deps: StreamDeps) {
    this.#socket = socket
    this.peer = peer
    this.#deps = deps
    this.#openedAt = this.#activeAt = deps.now()
    socket.on('data', (bytes) => this.#receive(bytes as Buffer))
    socket.on('drain', () => socket.resume())
    socket.on('end', () => this.#finish())
    socket.on('error', () => {}) // a reset, for instance: 'close' follows and records what there was
    socket.on('close', () => this.#onClose())
  }

  get activeAt(): number {
    return this.#activeAt
  }

  /** Ends it when one of its times is up. */
  sweep(now: number): void {
    const { limits } = this.#deps
    const started = this.#messageStartedAt
    const overdue =
      this.#closingAt !== null
        ? now - this.#closingAt >= limits.lingerMs
        : this.#receivedSize === 0
          ? now - this.#openedAt >= limits.firstByteMs
          : started !== null
            ? now - started >= limits.messageMs || this.#isTooSlow(now - started)
            : now - this.#activeAt >= (this.#socket.isPaused() ? limits.messageMs : limits.idleMs)
    if (overdue) this.destroy()
  }

  /** Closes at once. What had arrived is recorded. */
  destroy(): void {
    this.#socket.destroy()
    this.#onClose()
  }

  #isTooSlow(elapsedMs: number): boolean {
    const { messageRateGraceMs, messageRateMin } = this.#deps.limits
    return elapsedMs >= messageRateGraceMs && this.#framer.pendingSize * 1000 < messageRateMin * elapsedMs
  }

  #receive(bytes: Buffer): void {
    if (this.#closingAt !== null || this.#closed) return
    const now = this.#deps.now()
    this.#activeAt = now
    this.#receivedSize += bytes.length
    if (this.#recordedCount === 0 && this.#head.length < NON_SIP_SIZE_MAX) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, NON_SIP_SIZE_MAX - this.#head.length)])
    }
    this.#deps.onActive(this)
    const frames = this.#framer.push(bytes)
    for (const [index, frame] of frames.entries()) this.#take(frame, frames[index - 1], frames[index + 1])
    this.#flush()
    if (this.#framer.pendingSize === 0) this.#messageStartedAt = null
    else if (this.#messageStartedAt === null || frames.length > 0) this.#messageStartedAt = now
  }

  #take(frame: Frame, before: Frame | undefined, after: Frame | undefined): void {
    if (frame.kind === 'ping') {
      if (this.#deps.boundary.mayPong(this.peer)) this.#out.push(PONG)
    } else if (frame.kind === 'message') {
      // Without a usable Content-Length the framer cuts at the blank line; what it could not frame is then the body.
      const rest = after?.kind === 'bad' && endsMessage(after) ? after : null
      const evidence = rest === null ? frame.bytes : Buffer.concat([frame.bytes, rest.bytes])
      const oversize = rest?.reason === 'message-too-large'
      this.#record({ message: frame.bytes, evidence, size: evidence.length, oversize })
    } else {
      if (before?.kind !== 'message' || !endsMessage(frame)) this.#recordBad(frame)
      this.#end()
    }
  }

  #recordBad({ bytes, reason }: BadFrame): void {
    const size = bytes.length
    if (reason === 'headers-too-large' || reason === 'message-too-large') {
      this.#record({ message: bytes, evidence: bytes, size, oversize: true })
    } else {
      this.#record({ message: EMPTY, evidence: bytes.subarray(0, NON_SIP_SIZE_MAX), size, oversize: false })
    }
  }

  #record(packet: Parameters<Boundary['stream']>[1]): void {
    this.#recordedCount++
    this.#head = EMPTY
    this.#deps.boundary.stream(this.peer, packet, (bytes) => {
      if (!this.#socket.writable) return false
      this.#out.push(bytes)
      return true
    })
  }

  /** All answers to one segment leave in one write; a peer that does not take them is not read from until it does. */
  #flush(): void {
    if (this.#out.length === 0 || !this.#socket.writable) return
    const out = this.#out
    this.#out = []
    this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out))
    if (this.#socket.writableLength > this.#deps.limits.unsentSizeMax) this.#socket.pause()
  }

  /** Our last word; the peer gets a moment to take it, which a reset would cut short. */
  #end(): void {
    const hasAnswer = this.#out.length > 0
    this.#flush()
    this.#closingAt = this.#deps.now()
    if (hasAnswer) this.#socket.end()
    else this.#socket.destroySoon()
  }

  /** The peer closed its side; it still gets the answers to what it had sent. */
  #finish(): void {
    this.#recordRest()
    if (this.#closingAt === null) this.#end()
  }

  #recordRest(): void {
    const pending = this.#framer.pending
    if (pending.length > 0) {
      this.#record({ message: EMPTY, evidence: pending, size: pending.length, oversize: false })
    } else if (this.#recordedCount === 0) {
      this.#record({ message: EMPTY, evidence: this.#head, size: this.#receivedSize, oversize: false })
    }
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#closingAt === null) this.#recordRest()
    this.#deps.onClosed(this)
  }
}

/** Whether the frame says that the length of the message before it is unknown or too large. */
function endsMessage({ reason }: BadFrame): boolean {
  return reason !== 'tls' && reason !== 'not-sip' && reason !== 'headers-too-large'
}
