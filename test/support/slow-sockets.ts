// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A program: many connections from many addresses of 127/8 that say as little as they can, each in one of the ways below.
// One that is closed is opened again, until the input of the program ends. It prints how many it has opened so far.
// Usage: node slow-sockets.ts SOCKET_COUNT PER_ADDRESS TCP_PORT TLS_PORT WS_PORT
import { connect, type Socket } from 'node:net'
import { TLS_VECTORS } from './client-hellos.ts'
import { request } from './sip-samples.ts'

const TICK_MS = 100 // in ten of them, each socket that trickles sends one byte
const OPENED_A_TICK_MAX = 400
const UPGRADE = `GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n`

const [socketCount = 0, perAddress = 1, tcpPort = 0, tlsPort = 0, wsPort = 0] = process.argv.slice(2).map(Number)
const hello = TLS_VECTORS[0]!.bytes
const sip = request()
const frame = Buffer.concat([Buffer.from('81fe010000000000', 'hex'), sip])

/** What is sent at once, and what byte by byte. */
type Way = { readonly port: number; readonly first: Uint8Array | string; readonly slowly: Uint8Array }
const NOTHING = Buffer.alloc(0)
const WAYS: readonly Way[] = [
  { port: tcpPort, first: NOTHING, slowly: sip },
  { port: tcpPort, first: NOTHING, slowly: NOTHING },
  { port: tcpPort, first: sip, slowly: NOTHING },
  { port: tlsPort, first: NOTHING, slowly: NOTHING },
  { port: tlsPort, first: NOTHING, slowly: hello },
  { port: tlsPort, first: hello, slowly: NOTHING }, // half of a handshake
  { port: tlsPort, first: hello, slowly: hello }, // and garbage after it
  { port: wsPort, first: NOTHING, slowly: Buffer.from(UPGRADE) },
  { port: wsPort, first: UPGRADE, slowly: NOTHING },
  { port: wsPort, first: UPGRADE, slowly: frame },
]

type Slot = { readonly way: Way; readonly from: string; socket: Socket | null; sent: number }
const slots = Array.from({ length: socketCount }, (_, i): Slot => {
  const address = Math.floor(i / perAddress)
  return { way: WAYS[i % WAYS.length]!, from: `127.${1 + (address >> 8)}.${address & 255}.1`, socket: null, sent: 0 }
})
const closed = [...slots].reverse()
let openedCount = 0

function open(slot: Slot): void {
  const { way, from } = slot
  const socket = connect({ port: way.port, host: '127.0.0.1', localAddress: from, noDelay: true })
  slot.socket = socket
  slot.sent = 0
  socket.on('error', () => {})
  socket.on('connect', () => {
    openedCount++
    if (way.first.length > 0) socket.write(way.first)
  })
  socket.on('close', () => {
    slot.socket = null
    closed.unshift(slot)
  })
  socket.resume()
}

let tick = 0
const timer = setInterval(() => {
  tick++
  for (let i = 0; i < OPENED_A_TICK_MAX; i++) {
    const slot = closed.pop()
    if (slot === undefined) break
    open(slot)
  }
  for (let i = tick % 10; i < slots.length; i += 10) {
    const { way, socket, sent } = slots[i]!
    if (socket === null || !socket.writable || sent >= way.slowly.length) continue
    socket.write(way.slowly.subarray(sent, sent + 1))
    slots[i]!.sent++
  }
  if (tick % 5 === 0) process.stdout.write(`${openedCount}\n`)
}, TICK_MS)

process.stdin.on('end', () => {
  clearInterval(timer)
  for (const { socket } of slots) socket?.destroy()
})
process.stdin.resume()
