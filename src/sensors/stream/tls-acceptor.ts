// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type SecureVersion, type Server, type TLSSocket, type TlsOptions } from 'node:tls'

/** A certificate, with those that lead to its issuer, and its key; both PEM. */
export type TlsCredentials = { readonly certificate: string; readonly key: string }

export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const
export type TlsVersion = (typeof TLS_VERSIONS)[number]

const SESSION_SECONDS = 300 // how long a session ticket is taken; its key lives in memory only

/** The protocols that we know by ALPN (RFC 7301); a client may ask for them, or for none. */
const ALPN_PROTOCOLS = ['sip', 'http/1.1'] as const
export type AlpnProtocol = (typeof ALPN_PROTOCOLS)[number]

/** Does the handshakes of connections that were accepted and looked into elsewhere. Listens nowhere itself. */
export class TlsAcceptor {
  readonly #minVersion: TlsVersion
  readonly #servers = new Map<AlpnProtocol | null, Server>() // the protocol that is agreed on, where one is asked for
  readonly #waiting = new Map<string, (socket: TLSSocket) => void>() // by the ends of their connections

  /** Throws the error of OpenSSL when the credentials are none. */
  constructor(credentials: TlsCredentials, minVersion: TlsVersion) {
    this.#minVersion = minVersion
    for (const protocol of [null, ...ALPN_PROTOCOLS]) {
      const alpn = protocol === null ? {} : { ALPNProtocols: [protocol] }
      const server = createServer({ ...this.#options(credentials), ...alpn })
      server.on('secureConnection', (socket) => this.#onSecure(socket))
      this.#servers.set(protocol, server)
    }
  }

  /** What new handshakes show from now on. Throws as the constructor does, and then nothing changes. */
  renew(credentials: TlsCredentials): void {
    for (const server of this.#servers.values()) server.setSecureContext(this.#options(credentials))
  }

  /**
   * Begins a handshake on a socket whose first bytes were given back to it. Calls back when it is complete; when it
   * fails, the socket closes. The function that is returned calls that off.
   */
  accept(socket: Socket, protocol: AlpnProtocol | null, onSecure: (secured: TLSSocket) => void): () => void {
    const ends = endsOf(socket)
    this.#waiting.set(ends, onSecure)
    socket.allowHalfOpen = false // who closes its side before the end of a handshake has given it up
    this.#servers.get(protocol)!.emit('connection', socket)
    return () => {
      if (this.#waiting.get(ends) === onSecure) this.#waiting.delete(ends)
    }
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => {}) // without it, a reset would end the process
    const ends = endsOf(socket)
    const onSecure = this.#waiting.get(ends)
    this.#waiting.delete(ends)
    socket.allowHalfOpen = true
    if (onSecure === undefined) socket.destroy()
    else onSecure(socket)
  }

  #options({ certificate, key }: TlsCredentials): TlsOptions {
    return {
      cert: certificate,
      key,
      minVersion: `TLSv${this.#minVersion === '1.0' ? '1' : this.#minVersion}` as SecureVersion,
      // What TLS 1.0 and 1.1 consist of is below the level that OpenSSL asks for by default.
      ...(this.#minVersion < '1.2' ? { ciphers: 'DEFAULT:@SECLEVEL=0' } : {}),
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION, // a client could make us compute for nothing
      sessionTimeout: SESSION_SECONDS,
    }
  }
}

/** Both ends of a connection; no two that are open have the same. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
