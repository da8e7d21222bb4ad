// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// A scripted attacker on loopback: what honeypots see all day, from a handful of sources.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export type Target = { readonly udpPort: number; readonly tcpPort: number }
type Options = { readonly perSecond: number; readonly signal: AbortSignal }

const SCANNERS = [
  'friendly-scanner',
  'sipvicious',
  'VaxSIPUserAgent/3.1',
  'pplsip',
  'Cisco-SIPGateway/IOS-12.x',
] as const
const PREFIXES = ['', '+', '00', '900', '9011', '0000', '810'] as const
const NUMBERS = ['442079460000', '972592277524', '15555550123', '4930901820', '33199000123'] as const

type Caller = { readonly ip: string; readonly userAgent: string; count: number }

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length]!

function request(method: string, caller: Caller, target: { user: string; port: number; transport: string }): string {
  const id = `${caller.ip.replaceAll('.', '')}-${process.pid}-${caller.count}`
  return [
    `${method} sip:${target.user}127.0.0.1:${target.port} SIP/2.0`,
    `Via: SIP/2.0/${target.transport} ${caller.ip}:5060;branch=z9hG4bK-${id};rport`,
    'Max-Forwards: 70',
    `From: "100" <sip:100@127.0.0.1>;tag=${id}`,
    `To: <sip:${target.user}127.0.0.1>`,
    `Call-ID: ${id}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:100@${caller.ip}:5060>`,
    `User-Agent: ${caller.userAgent}`,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
}

/** The next thing a caller does: it looks around, guesses extensions, then calls. */
function next(caller: Caller, port: number, transport: string): string {
  const n = caller.count++
  if (n % 4 === 0) return request('OPTIONS', caller, { user: '100@', port, transport })
  if (n % 4 === 1) return request('REGISTER', caller, { user: '', port, transport })
  const number = `${pick(PREFIXES, n)}${pick(NUMBERS, n >> 2)}`
  return request('INVITE', caller, { user: `${number}@`, port, transport })
}

/** Attacks from 127.0.0.2 and its neighbours until the signal; where the system has 127.0.0.1 only, from there. */
export async function attack({ udpPort, tcpPort }: Target, { perSecond, signal }: Options): Promise<void> {
  const callers: Caller[] = SCANNERS.map((userAgent, i) => ({
    ip: process.platform === 'linux' ? `127.0.0.${i + 2}` : '127.0.0.1',
    userAgent,
    count: 0,
  }))
  for (let n = 0; !signal.aborted; n++) {
    const caller = pick(callers, n)
    if (n % 7 === 6) await callOverTcp(caller, tcpPort)
    else await sendOverUdp(caller, udpPort)
    await setTimeout(1000 / perSecond, undefined, { signal }).catch(() => {}) // aborted: the loop ends
  }
}

async function sendOverUdp(caller: Caller, port: number): Promise<void> {
  const socket = createSocket('udp4')
  socket.bind(0, caller.ip)
  await once(socket, 'listening')
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.send(next(caller, port, 'UDP'), port, '127.0.0.1', () => resolve()) // sent or refused, it goes on
  await promise
  socket.close()
}

async function callOverTcp(caller: Caller, port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: caller.ip })
  socket.on('error', () => {}) // the node is stopping
  socket.resume()
  socket.end(next(caller, port, 'TCP'))
  await once(socket, 'close')
}
