// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { latin1 } from './_bytes.ts'
import { findParameter, plainAddress, plainAddressParameters, plainUserEnd, plainVia, readPlainVia } from './_plain.ts'
import type { SipMessage } from './message.ts'

/**
 * Where those parts of a request lie that each response repeats (RFC 3261 §8.2.6.2, §18.2.1; RFC 3581 §4), as offsets
 * into its bytes: so a response can be sent in pieces, without copying any. Only for requests written in the plain way,
 * with one Via and no To-tag, as nearly all are that begin something; `echoOf` knows all others.
 */
export class PlainEcho {
  viaStart = 0
  viaEnd = 0
  /** The parameter `rport`, which is not repeated but answered; both at the end of the Via when there is none. */
  rportStart = 0
  rportEnd = 0
  viaHostStart = 0
  viaHostEnd = 0
  fromStart = 0
  fromEnd = 0
  toStart = 0
  toEnd = 0
  callIdStart = 0
  callIdEnd = 0
  cseqStart = 0
  cseqEnd = 0
  #toUriStart = 0
  #toUriEnd = 0

  /** Finds them; false when this is not such a request. */
  read(request: SipMessage): boolean {
    if (request.kind !== 'request') return false
    const via = request.find('via')
    if (via < 0 || request.find('via', via + 1) >= 0 || !this.#readVia(request, via)) return false
    const from = request.find('from')
    const to = request.find('to')
    const callId = request.find('call-id')
    const cseq = request.find('cseq')
    if (!isUsable(request, from) || !isUsable(request, callId) || !isUsable(request, cseq)) return false
    if (!isUsable(request, to) || !this.#readTo(request, to)) return false
    this.fromStart = request.valueStart(from)
    this.fromEnd = request.valueEnd(from)
    this.callIdStart = request.valueStart(callId)
    this.callIdEnd = request.valueEnd(callId)
    this.cseqStart = request.valueStart(cseq)
    this.cseqEnd = request.valueEnd(cseq)
    return true
  }

  get hasRport(): boolean {
    return this.rportStart < this.viaEnd
  }

  /** Bytes of all that is repeated, save `received`, `rport` and the To-tag, which a response adds. */
  get size(): number {
    const viaSize = this.viaEnd - this.viaStart - (this.rportEnd - this.rportStart)
    const restSize = this.fromEnd - this.fromStart + this.toEnd - this.toStart + this.cseqEnd - this.cseqStart
    return viaSize + restSize + this.callIdEnd - this.callIdStart
  }

  /** Whether Via names that host: then nothing needs to be said of where the request came from. */
  isViaHost(bytes: Uint8Array, host: string): boolean {
    if (this.viaHostEnd - this.viaHostStart !== host.length) return false
    for (let i = 0; i < host.length; i++) if (bytes[this.viaHostStart + i] !== host.charCodeAt(i)) return false
    return true
  }

  /** The user of the To URI, as received; null when there is none. */
  toUser(bytes: Uint8Array): string | null {
    const userStart = bytes.indexOf(0x3a, this.#toUriStart) + 1 // behind the scheme, which is sip or sips
    const userEnd = plainUserEnd(bytes, userStart, this.#toUriEnd)
    return userEnd < 0 ? null : latin1(bytes, userStart, userEnd)
  }

  #readVia(request: SipMessage, via: number): boolean {
    if (!isUsable(request, via)) return false
    this.viaStart = request.valueStart(via)
    this.viaEnd = request.valueEnd(via)
    if (!readPlainVia(request.bytes, this.viaStart, this.viaEnd) || plainVia.hasReceived) return false
    this.rportStart = plainVia.rportStart
    this.rportEnd = plainVia.rportEnd
    this.viaHostStart = plainVia.hostStart
    this.viaHostEnd = plainVia.hostEnd
    return true
  }

  #readTo(request: SipMessage, to: number): boolean {
    this.toStart = request.valueStart(to)
    this.toEnd = request.valueEnd(to)
    const parameters = plainAddressParameters(request.bytes, this.toStart, this.toEnd)
    if (parameters < 0 || findParameter(request.bytes, parameters, this.toEnd, 'tag') >= 0) return false
    this.#toUriStart = plainAddress.uriStart
    this.#toUriEnd = plainAddress.uriEnd
    return true
  }
}

/** Whether the line is there, is not empty and may be copied as it is. */
function isUsable(request: SipMessage, index: number): boolean {
  return index >= 0 && request.valueEnd(index) > request.valueStart(index) && request.isOneLine(index)
}
