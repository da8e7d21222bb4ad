// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { canonicalIp } from './address.ts'

/** Whether only this machine can reach that host, an IP address or localhost; an IPv4-mapped address is its IPv4 one. */
export function isLoopback(host: string): boolean {
  const ip = canonicalIp(host)
  return ip === null ? host === 'localhost' : ip === '::1' || ip.startsWith('127.')
}
