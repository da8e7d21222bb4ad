// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { findParameter, plainVia, readPlainVia } from './_plain.ts'
import { plainRequest, readPlainRequest } from './plain-request.ts'

/**
 * Where those parts of the last plain request lie that each response repeats (RFC 3261 §8.2.6.2, §18.2.1; RFC 3581 §4),
 * as offsets into its bytes: so a response can be sent in pieces, without copying any. Written over by each.
 */
export const plainEcho = {
  viaStart: 0,
  viaEnd: 0,
  /** The parameter `rport`, which is not repeated but answered; both at the end of the Via when there is none. */
  rportStart: 0,
  rportEnd: 0,
  hasRport: false,
  /** Bytes of all that is repeated: of Via, From, To, Call-ID and CSeq. */
  size: 0,
}

/**
 * Whether the bytes are a plain request that begins something (it has no To-tag), asks for no extension and offers no credentials. If so,
 * `plainRequest` and `plainEcho` tell where its parts are. `echoOf` knows all others.
 */
export function readPlainEcho(bytes: Uint8Array, start: number, end: number): boolean {
  if (!readPlainRequest(bytes, start, end)) return false
  const { viaStart, viaEnd, fromStart, fromEnd, toStart, toEnd, callIdStart, callIdEnd, cseqStart, cseqEnd } =
    plainRequest
  if (plainRequest.hasRequire || plainRequest.hasCredentials || callIdStart === callIdEnd) return false
  if (findParameter(bytes, plainRequest.toParameters, toEnd, 'tag') >= 0) return false
  if (!readPlainVia(bytes, viaStart, viaEnd) || plainVia.hasReceived) return false
  const { rportStart, rportEnd } = plainVia
  plainEcho.viaStart = viaStart
  plainEcho.viaEnd = viaEnd
  plainEcho.rportStart = rportStart
  plainEcho.rportEnd = rportEnd
  plainEcho.hasRport = rportStart < viaEnd
  const viaSize = viaEnd - viaStart - (rportEnd - rportStart)
  plainEcho.size =
    viaSize + (fromEnd - fromStart) + (toEnd - toStart) + (callIdEnd - callIdStart) + (cseqEnd - cseqStart)
  return true
}

/** Whether the Via of the last plain request names that host: then nothing needs to be said of where it came from. */
export function isViaHost(bytes: Uint8Array, host: string): boolean {
  const { hostStart, hostEnd } = plainVia
  if (hostEnd - hostStart !== host.length) return false
  for (let i = 0; i < host.length; i++) if (bytes[hostStart + i] !== host.charCodeAt(i)) return false
  return true
}
