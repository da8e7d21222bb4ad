// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { StreamPeer } from '../boundary.ts'
import { type LimitKey, sourceKey } from '../reply-limit.ts'
import { type HeldConnection, NO_REPLY, type Preamble, type StreamDeps, unanswered } from './held.ts'
import type { AlpnProtocol, TlsAcceptor } from './tls-acceptor.ts'

export type HandshakeInit = {
  readonly acceptor: TlsAcceptor
  readonly protocol: AlpnProtocol | null
  readonly hello: Preamble // its ClientHello, which is recorded when nothing comes of it
  readonly onSecure: (secured: TLSSocket) => void
}

/** A connection during its TLS handshake. */
export class TlsHandshake implements HeldConnection {
  readonly sourceKey: LimitKey
  readonly #socket: Socket
  readonly #peer: StreamPeer
  readonly #deps: StreamDeps
  readonly #hello: Preamble
  readonly #startedAt: number
  readonly #onClose = () => this.#conclude()
  #callOff = () => {}
  #isOver = false

  /** `peer` has the JA4 fingerprint of the hello. */
  constructor(
    socket: Socket,
    peer: StreamPeer,
    deps: StreamDeps,
    { acceptor, protocol, hello, onSecure }: HandshakeInit,
  ) {
    this.#socket = socket
    this.#peer = peer
    this.sourceKey = sourceKey(peer.source.ip)
    this.#deps = deps
    this.#hello = hello
    this.#startedAt = deps.monotonicNow()
    deps.connections.enter(this)
    socket.on('close', this.#onClose)
    this.#callOff = acceptor.accept(socket, protocol, (secured) => {
      try {
        this.#isOver = true
        socket.off('close', this.#onClose)
        deps.connections.remove(this)
        onSecure(secured)
      } catch (error) {
        secured.destroy()
        deps.boundary.bug(hello.bytes, error)
        this.#record()
      }
    })
  }

  sweep(now: number): void {
    if (now - this.#startedAt >= this.#deps.limits.handshakeMs) this.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
    this.#conclude()
  }

  #conclude(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#callOff()
    this.#deps.connections.remove(this)
    this.#record()
  }

  #record(): void {
    this.#deps.boundary.stream(this.#peer, unanswered(this.#hello.bytes, this.#hello.size), NO_REPLY)
  }
}
