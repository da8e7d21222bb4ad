// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { canonicalIp } from '../core/address.ts'
import { HIDDEN_CREDENTIALS, hideCredentials } from '../core/credentials.ts'
import { calledNumbers } from '../wire/sip/called-number.ts'
import { StreamFramer } from '../wire/sip/framing.ts'
import { parseMessage, type SipMessage } from '../wire/sip/message.ts'
import { parseUri } from '../wire/sip/uri.ts'
import { OwnAddresses, type ReplacedAddress } from './own-addresses.ts'

const REMOVED_CREDENTIALS = '[credentials removed]'

export type VectorInit = {
  readonly about: string
  /** The message as it was received, credentials hidden or not. */
  readonly bytes: Uint8Array
  /** Our address that it came to. What its Request-URI names is taken for ours as well. */
  readonly destinationIp: string
  readonly withCredentials: boolean
}

/** A message as a test vector: `test/vectors/sip/README.md` says what the fields of `expected` are. */
export type Vector = {
  readonly bytes: Buffer
  readonly expected: object
  readonly addresses: readonly ReplacedAddress[]
  readonly credentialsCount: number // headers whose credentials were removed
  readonly lengthChange: number // of the body, and so of Content-Length
}

export function makeVector(init: VectorInit): Vector {
  const bytes = init.withCredentials ? init.bytes : hideCredentials(init.bytes)
  const received = Buffer.from(bytes).toString('latin1')
  const text = received.replaceAll(HIDDEN_CREDENTIALS, REMOVED_CREDENTIALS)
  const credentialsCount = received.split(HIDDEN_CREDENTIALS).length - 1
  const message = parseMessage(Buffer.from(text, 'latin1'))
  const addresses = new OwnAddresses(ownIps(message, init.destinationIp))
  const { result, lengthChange } = replaceIn(text, message, addresses)
  const replaced = addresses.replaced
  const note = noteOf({ replaced, credentialsCount, lengthChange })
  const written = Buffer.from(result, 'latin1')
  const expected = { about: init.about, ...(note === '' ? {} : { note }), ...expectedOf(written) }
  return { bytes: written, expected, addresses: replaced, credentialsCount, lengthChange }
}

/** Behind a router the address that an attacker knows us by is not the one that the message came to. */
function ownIps(message: SipMessage, destinationIp: string): string[] {
  const named = canonicalIp(parseUri(message.requestUri ?? '')?.host ?? '')
  return named === null ? [destinationIp] : [destinationIp, named]
}

/** The body first: by how much it grows is what Content-Length must tell. */
function replaceIn(text: string, message: SipMessage, addresses: OwnAddresses) {
  const { bodyStart, contentLength } = message
  const body = addresses.replace(text.slice(bodyStart))
  const declared = text.slice(bodyStart, bodyStart + (contentLength ?? 0)) // what follows it counts for nothing
  const lengthChange = new OwnAddresses(addresses.own).replace(declared).length - declared.length
  const head = withContentLength(text, message, lengthChange)
  return { result: addresses.replace(head) + body, lengthChange }
}

/** The header section, and in it another Content-Length if that has changed. */
function withContentLength(text: string, message: SipMessage, change: number): string {
  let head = ''
  let from = 0
  const next = (index: number) => (change === 0 ? -1 : message.find('content-length', index))
  for (let i = next(0); i >= 0; i = next(i + 1)) {
    head += `${text.slice(from, message.valueStart(i))}${message.number(i) + change}`
    from = message.valueEnd(i)
  }
  return head + text.slice(from, message.bodyStart)
}

function noteOf({
  replaced,
  credentialsCount,
  lengthChange,
}: {
  replaced: readonly ReplacedAddress[]
  credentialsCount: number
  lengthChange: number
}): string {
  const changes = [
    ...(replaced.length === 0 ? [] : ['addresses of the sensor replaced']),
    ...(credentialsCount === 0 ? [] : ['credentials removed']),
    ...(lengthChange === 0 ? [] : ['Content-Length made right for that']),
  ]
  return changes.length === 0 ? '' : `Not byte for byte as received: ${changes.join(', ')}`
}

/** What our parser finds in it, to be read by whoever keeps the vector. */
function expectedOf(bytes: Buffer): object {
  const message = parseMessage(bytes)
  const { kind, method, requestUri, status, complete } = message
  const isSip = kind !== 'non-sip'
  const frames = new StreamFramer()
    .push(bytes)
    .map((frame) => (frame.kind === 'bad' ? `bad ${frame.reason}` : frame.kind))
  return {
    kind,
    ...(kind === 'request' ? { method, ...(requestUri === null ? {} : { requestUri }) } : {}),
    ...(kind === 'response' ? { status } : {}),
    ...(isSip
      ? {
          complete,
          headers: message.allHeaders().map(({ name, value }) => [name, value]),
          bodySize: message.body.length,
        }
      : {}),
    calledNumbers: calledNumbers(message),
    defects: message.defects.map(({ code }) => code).sort(),
    frames,
  }
}
