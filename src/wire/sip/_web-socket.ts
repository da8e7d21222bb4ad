// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { latin1 } from './_bytes.ts'

const LOOKED_AT_SIZE = 4096 // bytes

/** Whether the bytes begin with an HTTP request that asks for a WebSocket (RFC 6455 §4.1). */
export function looksLikeWebSocket(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x47) return false // G: what is no GET costs no text
  const text = latin1(bytes, 0, Math.min(bytes.length, LOOKED_AT_SIZE))
  return /^GET [^\r\n]* HTTP\/1\.[0-9]\r?\n/.test(text) && /\nupgrade[ \t]*:[^\r\n]*\bwebsocket\b/i.test(text)
}
