// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Socket } from 'node:net'
import type { Frame } from '../../wire/sip/framing.ts'
import type { Boundary, StreamPeer } from '../boundary.ts'
import { type LimitKey, sourceKey } from '../reply-limit.ts'
import {
  ClosablePath,
  EMPTY,
  type HeldConnection,
  NON_SIP_SIZE_MAX,
  type Preamble,
  type StreamDeps,
  unanswered,
} from './held.ts'
import { type Allowance, type PlacedFrame, StreamInput } from './input.ts'

const PONG = Buffer.from('\r\n')

type BadFrame = Extract<Frame, { kind: 'bad' }>

/**
 * One connection: frames what comes, answers in order, and ends. Whatever arrived is recorded once, under the address
 * of this very socket, also when the connection ends in the middle of a message or without a byte. It is not read from
 * while it waits for its turn. A bug that its bytes meet ends this connection and nothing else.
 */
export class StreamConnection implements HeldConnection {
  readonly peer: StreamPeer
  readonly sourceKey: LimitKey
  readonly #socket: Socket
  readonly #deps: StreamDeps
  readonly #input = new StreamInput()
  readonly #openedAt: number
  #activeAt: number
  #messageStartedAt: number | null = null
  #closingAt: number | null = null // when our side was closed; what still comes is thrown away
  #isEnded = false // the peer closed its side
  #isGone = false // the socket is closed
  #isOver = false
  #recordedCount = 0
  #receivedSize = 0
  #head: Uint8Array = EMPTY // the first bytes, until something is recorded
  readonly #preamble: Preamble | null
  #out: Uint8Array[] = []

  /** The socket is read from once this has it. `preamble`: what stands for it when it says nothing further. */
  constructor(socket: Socket, peer: StreamPeer, deps: StreamDeps, preamble: Preamble | null = null) {
    this.#socket = socket
    this.peer = peer
    this.#preamble = preamble
    this.sourceKey = sourceKey(peer.source.ip)
    this.#deps = deps
    this.#openedAt = this.#activeAt = deps.monotonicNow()
    socket.on('data', (bytes) => this.#contain(() => this.#receive(bytes as Buffer)))
    socket.on('drain', () => this.#contain(() => this.#readOn()))
    socket.on('end', () => this.#contain(() => this.#onEnd()))
    socket.on('close', () => this.#contain(() => this.#onClose()))
    socket.resume()
  }

  sweep(now: number): void {
    this.#contain(() => {
      if (this.#isOverdue(now)) this.destroy()
    })
  }

  destroy(): void {
    this.#contain(() => {
      this.#socket.destroy()
      this.#conclude()
    })
  }

  /** Takes messages out, answers and records them. True when nothing is left to do. */
  work(allowance: Allowance): boolean {
    this.#contain(() => this.#work(allowance))
    return this.#isOver || !this.#input.hasWork
  }

  #isOverdue(now: number): boolean {
    const { limits } = this.#deps
    if (this.#closingAt !== null) return now - this.#closingAt >= limits.lingerMs
    if (this.#input.hasWork) return false // it waits for us
    if (this.#receivedSize === 0) return now - this.#openedAt >= limits.firstByteMs
    const started = this.#messageStartedAt
    if (started !== null) return now - started >= limits.messageMs || this.#isTooSlow(now - started)
    return now - this.#activeAt >= (this.#socket.isPaused() ? limits.messageMs : limits.idleMs)
  }

  #isTooSlow(elapsedMs: number): boolean {
    const { messageRateGraceMs, messageRateMin } = this.#deps.limits
    return elapsedMs >= messageRateGraceMs && this.#input.pendingSize * 1000 < messageRateMin * elapsedMs
  }

  #receive(bytes: Buffer): void {
    if (this.#closingAt !== null || this.#isOver) return
    this.#activeAt = this.#deps.monotonicNow()
    this.#receivedSize += bytes.length
    if (this.#recordedCount === 0 && this.#head.length < NON_SIP_SIZE_MAX) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, NON_SIP_SIZE_MAX - this.#head.length)])
    }
    this.#deps.connections.touch(this)
    this.#socket.pause()
    this.#input.give(bytes)
    this.#deps.turns.add(this)
  }

  #work(allowance: Allowance): void {
    if (this.#isOver) return
    const now = this.#deps.monotonicNow()
    let hasFrames = false
    for (let next = this.#input.next(allowance); next !== null; next = this.#input.next(allowance)) {
      hasFrames = true
      this.#take(next)
    }
    this.#flush()
    if (this.#input.pendingSize === 0) this.#messageStartedAt = null
    else if (this.#messageStartedAt === null || hasFrames) this.#messageStartedAt = now
    if (this.#input.hasWork) return
    this.#activeAt = now // the time that it waited for us is not held against it
    if (this.#isGone) this.#conclude()
    else if (this.#isEnded) this.#finish()
    else this.#readOn()
  }

  #take({ frame, before, after }: PlacedFrame): void {
    if (frame.kind === 'ping') {
      if (this.#deps.boundary.mayAnswer(this.peer)) this.#out.push(PONG)
    } else if (frame.kind === 'message') {
      // Without a usable Content-Length the framer cuts at the blank line; what it could not frame is then the body.
      const rest = after?.kind === 'bad' && endsMessage(after) ? after : null
      const evidence = rest === null ? frame.bytes : Buffer.concat([frame.bytes, rest.bytes])
      const oversize = rest?.reason === 'message-too-large'
      this.#record({ message: frame.bytes, evidence, size: evidence.length, oversize })
    } else {
      if (before?.kind !== 'message' || !endsMessage(frame)) this.#recordBad(frame)
      this.#input.clear()
      this.#end()
    }
  }

  #recordBad({ bytes, reason }: BadFrame): void {
    const size = bytes.length
    if (reason === 'headers-too-large' || reason === 'message-too-large') {
      this.#record({ message: bytes, evidence: bytes, size, oversize: true })
    } else {
      this.#record(unanswered(bytes.subarray(0, NON_SIP_SIZE_MAX), size))
    }
  }

  #record(packet: Parameters<Boundary['stream']>[1]): void {
    this.#recordedCount++
    this.#head = EMPTY
    this.#deps.boundary.stream(this.peer, packet, this)
  }

  /** Takes an answer, which leaves with the others of this turn. */
  push(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return false
    this.#out.push(bytes)
    return true
  }

  /** For answers that come in a later turn. They do not wait for a peer that takes none. */
  readonly path = new ClosablePath((bytes) => {
    const canSend = this.#socket.writable && this.#socket.writableLength <= this.#deps.limits.unsentSizeMax
    if (canSend) this.#socket.write(bytes)
    return canSend
  })

  /** All answers of one turn leave in one write. */
  #flush(): void {
    if (this.#out.length === 0 || !this.#socket.writable) return
    const out = this.#out
    this.#out = []
    this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out))
  }

  /** A peer that does not take its answers is not read from until it does. */
  #readOn(): void {
    if (!this.#input.hasWork && this.#socket.writableLength <= this.#deps.limits.unsentSizeMax) this.#socket.resume()
  }

  /** Our last word; the peer gets a moment to take it, which a reset would cut short. */
  #end(): void {
    const hasAnswer = this.#out.length > 0
    this.#flush()
    this.#closingAt = this.#deps.monotonicNow()
    if (hasAnswer) this.#socket.end()
    else this.#socket.destroySoon()
  }

  #onEnd(): void {
    this.#isEnded = true
    if (!this.#input.hasWork) this.#finish()
  }

  /** The peer closed its side; it still gets the answers to what it had sent. */
  #finish(): void {
    if (this.#closingAt !== null || this.#isOver) return
    this.#recordRest()
    this.#end()
  }

  #recordRest(): void {
    const rest = this.#input.takeRest()
    if (rest.length > 0) {
      this.#record(unanswered(rest, rest.length))
    } else if (this.#recordedCount === 0) {
      const said = { bytes: this.#head, size: this.#receivedSize }
      const { bytes, size } = this.#receivedSize === 0 && this.#preamble !== null ? this.#preamble : said
      this.#record(unanswered(bytes, size))
    }
  }

  /** What it had sent before is still worked on, in its turn. */
  #onClose(): void {
    this.#isGone = true
    if (!this.#input.hasWork) this.#conclude()
  }

  #conclude(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.path.close()
    this.#deps.connections.remove(this)
    if (this.#closingAt === null) this.#recordRest()
  }

  /** The boundary for what is not inside one message: the bytes that met a bug are kept, and only this ends. */
  #contain(task: () => void): void {
    try {
      task()
    } catch (error) {
      const wasOver = this.#isOver
      const evidence = this.#input.clear()
      this.#isOver = true
      this.#socket.destroy()
      this.#deps.boundary.bug(evidence, error)
      this.#deps.connections.remove(this)
      if (!wasOver) this.#record(unanswered(evidence, evidence.length))
    }
  }
}

/** Whether the frame says that the length of the message before it is unknown or too large. */
function endsMessage({ reason }: BadFrame): boolean {
  return reason !== 'tls' && reason !== 'not-sip' && reason !== 'headers-too-large'
}
