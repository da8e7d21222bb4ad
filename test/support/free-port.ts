// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that is free just now over UDP and TCP, for a program that wants to be told its own. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    await using stack = new AsyncDisposableStack()
    const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
    stack.defer(() => closed(socket))
    const bound = once(socket, 'listening')
    socket.bind(0, host)
    await bound
    const { port } = socket.address()
    const server = createServer()
    stack.defer(() => (server.listening ? closed(server) : undefined))
    try {
      const listening = once(server, 'listening')
      server.listen(port, host)
      await listening
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

async function closed(one: { close(): unknown; once(event: 'close', then: () => void): unknown }): Promise<void> {
  await new Promise<void>((resolve) => {
    one.once('close', resolve)
    one.close()
  })
}
