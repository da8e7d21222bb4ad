// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Callers on loopback, who see the responses one by one and when each came. Nothing here sleeps.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { StreamFramer } from '../../src/wire/sip/framing.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { parseNameAddr } from '../../src/wire/sip/uri.ts'
import { request } from './sip-samples.ts'

const PATIENCE_MS = 20_000

export type CallerInit = { readonly port: number; readonly host?: string; readonly from?: string }

/** As Latin-1: a character a byte. */
export type Response = { readonly text: string; readonly at: number }

/** What one of them sends, and what has come back so far. */
export class Caller implements Disposable {
  readonly port: number
  readonly send: (bytes: Uint8Array) => void
  readonly #close: () => void
  readonly #arrivals = new EventEmitter()
  readonly #responses: Response[] = []

  constructor(wire: { port: number; send(bytes: Uint8Array): void; close(): void }) {
    this.port = wire.port
    this.send = (bytes) => wire.send(bytes)
    this.#close = () => wire.close()
  }

  take(bytes: Uint8Array): void {
    this.#responses.push({ text: Buffer.from(bytes).toString('latin1'), at: performance.now() })
    this.#arrivals.emit('response')
  }

  /** The responses that came, in which all of the patterns stand. */
  responses(...patterns: readonly RegExp[]): readonly Response[] {
    return this.#responses.filter(({ text }) => patterns.every((pattern) => pattern.test(text)))
  }

  /** Waits until so many of them have come. */
  async got(count: number, ...patterns: readonly RegExp[]): Promise<readonly Response[]> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const found = this.responses(...patterns)
      if (found.length >= count) return found
      await once(this.#arrivals, 'response', { signal })
    }
  }

  /** What is answered to a request up to its final response. */
  async ask(bytes: Uint8Array): Promise<string[]> {
    const from = this.#responses.length
    this.send(bytes)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const texts = this.#responses.slice(from).map(({ text }) => text)
      if (texts.some((text) => /^SIP\/2\.0 [2-6]/.test(text))) return texts
      await once(this.#arrivals, 'response', { signal })
    }
  }

  async askFinal(bytes: Uint8Array): Promise<string> {
    return (await this.ask(bytes)).at(-1) ?? ''
  }

  [Symbol.dispose](): void {
    this.#close()
  }
}

/** One of whose address nothing is known. */
export async function udpCaller({ port, host = '127.0.0.1', from = host }: CallerInit): Promise<Caller> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const listening = once(socket, 'listening')
  socket.bind(0, from)
  await listening
  const caller = new Caller({
    port: socket.address().port,
    send: (bytes) => socket.send(bytes, port, host),
    close: () => socket.close(),
  })
  socket.on('message', (bytes) => caller.take(bytes))
  return caller
}

/** One who has returned a token that only a response to it carried. */
export async function provenCaller(init: CallerInit): Promise<Caller> {
  const caller = await udpCaller(init)
  const callId = `proof-${caller.port}`
  const tag = toTag(await caller.askFinal(request({ callId })))
  caller.send(request({ method: 'ACK', callId, to: `<sip:100@203.0.113.5>;tag=${tag}` }))
  return caller
}

export async function tcpCaller({ port, host = '127.0.0.1', from = host }: CallerInit): Promise<Caller> {
  const socket = connect({ port, host, localAddress: from, noDelay: true })
  await once(socket, 'connect')
  const caller = new Caller({
    port: socket.localPort ?? 0,
    send: (bytes) => socket.write(bytes),
    close: () => socket.destroy(),
  })
  const framer = new StreamFramer()
  socket.on('data', (bytes) => {
    for (const frame of framer.push(bytes as Buffer)) {
      assert(frame.kind === 'message', 'we send nothing else')
      caller.take(frame.bytes)
    }
  })
  return caller
}

/** Those who are answered as the device would: nobody else can have sent what they sent. */
export const PROVEN_CALLERS = { tcp: tcpCaller, 'proven UDP': provenCaller } as const

export function headerOf(text: string, name: string): string {
  return parseMessage(Buffer.from(text, 'latin1')).header(name) ?? ''
}

export function toTag(text: string): string {
  return parseNameAddr(headerOf(text, 'to'))?.parameters.get('tag') ?? ''
}

export function nonceOf(text: string): string {
  return /nonce="([^"]*)"/.exec(text)?.[1] ?? ''
}

export const statusOf = (text: string): number => Number(text.slice(8, 11))
