// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { sipRequest } from './observations.ts'

const TICK_MS = 10

/** Sends distinct INVITEs to a loopback port at a steady rate until stopped; `sentCount` rises as they leave. */
export async function startUdpLoad(options: {
  port: number
  perSecond: number
  prefix: string
  countMax: number
}): Promise<{
  readonly sentCount: number
  readonly done: Promise<void>
  /** Resolves once so many have been handed to the system. */
  sent(count: number): Promise<void>
  stop(): Promise<void>
}> {
  const socket = createSocket('udp4')
  socket.connect(options.port, '127.0.0.1') // a send with an address would look it up first, and leave later
  await once(socket, 'connect')
  socket.on('message', () => {}) // replies are not what is measured
  socket.on('error', () => {}) // once the node is killed, its port refuses
  const finished = Promise.withResolvers<void>()
  finished.promise.catch(() => {}) // a node that is killed refuses what is still under way
  const startedAt = performance.now()
  let sentCount = 0
  let waiting: { count: number; resolve(): void }[] = []
  let leftCount = 0
  const left = (error: Error | null): void => {
    if (error !== null) finished.reject(error)
    else if (++leftCount === options.countMax) finished.resolve()
  }
  const timer = setInterval(() => {
    const due = Math.min(options.countMax, Math.floor(((performance.now() - startedAt) / 1000) * options.perSecond))
    for (; sentCount < due; sentCount++) {
      const callId = `${options.prefix}-${sentCount}`
      socket.send(sipRequest({ callId, number: `90044208${1_000_000 + sentCount}` }), left)
    }
    if (sentCount >= options.countMax) clearInterval(timer)
    for (const one of waiting.filter(({ count }) => count <= sentCount)) one.resolve()
    waiting = waiting.filter(({ count }) => count > sentCount)
  }, TICK_MS)
  return {
    get sentCount() {
      return sentCount
    },
    done: finished.promise,
    sent: (count) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ count, resolve })
      return promise
    },
    stop: async () => {
      clearInterval(timer)
      socket.close()
      await once(socket, 'close')
    },
  }
}
