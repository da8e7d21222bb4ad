// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import type { SyslogSink } from './syslog.ts'

type Target = { readonly ip: string; readonly port: number; readonly hostname: string; readonly ident: string }

const PRIORITY = 1 * 8 + 5 // facility user, severity notice: RFC 3164 §4.1.1
const PENDING_COUNT_MAX = 1000 // datagrams handed to the system and not yet gone
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Sends lines as RFC 3164 datagrams. What the network loses is lost: that is syslog over UDP. */
export async function openSyslogSocket(target: Target, deps: { onTrouble(text: string): void }): Promise<SyslogSink> {
  const socket = createSocket(isIP(target.ip) === 6 ? 'udp6' : 'udp4')
  let pending = 0
  let droppedCount = 0
  let inTrouble = false
  let idle = Promise.withResolvers<void>()
  const onSent = (error: Error | null): void => {
    pending--
    if (pending === 0) idle.resolve()
    if (error !== null) droppedCount++
    if (error !== null && !inTrouble) {
      deps.onTrouble(`Cannot send syslog to ${target.ip}:${target.port}: ${error.message}. Check syslog.target`)
    }
    inTrouble = error !== null
  }
  socket.on('error', () => {}) // every send has its own callback
  return {
    send: (line, at) => {
      if (pending >= PENDING_COUNT_MAX) {
        droppedCount++
        return
      }
      if (pending++ === 0) idle = Promise.withResolvers()
      socket.send(syslogMessage(line, at, target), target.port, target.ip, onSent)
    },
    get droppedCount() {
      return droppedCount
    },
    [Symbol.asyncDispose]: async () => {
      if (pending > 0) await idle.promise
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}

/** `<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: CONTENT`, in local time: RFC 3164 §4.1. */
export function syslogMessage(line: string, at: number, target: Pick<Target, 'hostname' | 'ident'>): string {
  const time = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = String(time.getDate()).padStart(2, ' ')
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  const host = target.hostname.split('.')[0]!.replace(/[^A-Za-z0-9-]/g, '') || 'localhost' // §4.1.2: no domain
  return `<${PRIORITY}>${MONTHS[time.getMonth()]} ${day} ${clock} ${host} ${target.ident}: ${line}`
}
