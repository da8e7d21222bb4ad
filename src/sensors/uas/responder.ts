// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type DefectCode, type SipMessage, splitList } from '../../wire/sip/message.ts'
import { parseNameAddr, parseUri } from '../../wire/sip/uri.ts'
import {
  type Answer,
  type Circumstances,
  framesMessages,
  type HeaderLine,
  SHED,
  transportParameter,
  uriHost,
} from './answer.ts'
import type { Persona } from './persona.ts'
import type { RecentInvites } from './recent-invites.ts'
import { describeSession } from './sdp.ts'
import type { Token, Tokens } from './token.ts'

/** Methods of RFC 3261 and its registered extensions. Method names are case-sensitive. */
const KNOWN_METHODS = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE'.split(' '),
)
/** Defects that mean: more than we take. */
const OVERSIZE: ReadonlySet<DefectCode> = new Set<DefectCode>([
  'line-too-long',
  'too-many-headers',
  'headers-too-large',
  'message-too-large',
])

export type ResponderDeps = {
  readonly persona: Persona
  readonly tokens: Tokens
  readonly recentInvites: RecentInvites
}

/**
 * What the persona answers to a message: no response, one, or for an INVITE two provisional ones before it.
 * Sends nothing, and does not ask whether there is room or leave to send. Any bytes are welcome; it does not throw.
 */
export class Responder {
  readonly #deps: ResponderDeps
  readonly #courtesy: readonly HeaderLine[] // what the device puts into each response

  constructor(deps: ResponderDeps) {
    const { server, allow, supported } = deps.persona
    this.#deps = deps
    this.#courtesy = [
      line('Server', server, undefined, SHED.server),
      line('Allow', allow.join(', '), undefined, SHED.allow),
      line('Supported', supported.join(', '), undefined, SHED.supported),
    ]
  }

  decide(request: SipMessage, circumstances: Circumstances): Answer[] {
    // Responses are never answered, or two sensors could talk to each other for ever; ACK never is (RFC 3261 §17).
    if (request.kind !== 'request' || request.method === 'ACK') return []
    const callId = request.header('call-id')
    if (!callId) return []
    const tag = this.#deps.tokens.tag(circumstances.source, callId, circumstances.now)
    const exchange: Exchange = { request, circumstances, callId, tag, method: request.method ?? '' }
    const fault = this.#fault(exchange)
    if (fault === 'silence') return []
    return fault === null ? this.#accept(exchange) : [fault]
  }

  /** The checks of RFC 3261 §8.2, in its order: what is answered instead of the request's own answer. */
  #fault(exchange: Exchange): Answer | 'silence' | null {
    const { persona } = this.#deps
    const { request, method, circumstances } = exchange
    const bad: DefectCode[] = []
    for (const { code, severity } of request.defects) {
      // RFC 3261 §18.3
      const unframed = code === 'content-length-missing' && circumstances.stream && !framesMessages(circumstances)
      if (severity !== 'lenient' || unframed) bad.push(code)
    }
    if (circumstances.oversize || bad.some((code) => OVERSIZE.has(code))) {
      return circumstances.stream ? this.#answer(exchange, 513) : 'silence'
    }
    if (bad.includes('version-unsupported')) return this.#answer(exchange, 505)
    if (bad.some((code) => code !== 'uri-scheme')) return this.#answer(exchange, 400)
    if (!KNOWN_METHODS.has(method)) return this.#answer(exchange, 501)
    if (persona.refused.includes(method)) return this.#answer(exchange, 405)
    if (bad.includes('uri-scheme')) return this.#answer(exchange, 416)
    const unsupported = method === 'CANCEL' ? [] : this.#unsupported(request)
    if (unsupported.length > 0) {
      return this.#answer(exchange, 420, [line('Unsupported', unsupported.join(', '), unsupported.join(','))])
    }
    if (method === 'INVITE' && !hasUsableBody(request)) {
      return this.#answer(exchange, 415, [line('Accept', 'application/sdp', undefined, SHED.accept)])
    }
    return null
  }

  #accept(exchange: Exchange): Answer[] {
    const { request, circumstances, callId, method } = exchange
    if (method === 'REGISTER') return [this.#register(exchange)]
    if (method === 'CANCEL') {
      const known = this.#deps.recentInvites.has(request, circumstances.source, circumstances.now)
      return [this.#answer(exchange, known ? 200 : 481)]
    }
    const toTag = parseNameAddr(request.header('to') ?? '')?.parameters.get('tag')
    const inDialog =
      toTag !== undefined && this.#deps.tokens.isOwnTag(toTag, circumstances.source, callId, circumstances.now)
    if (toTag !== undefined && !inDialog) return [this.#answer(exchange, 481)]
    switch (method) {
      case 'INVITE':
        return this.#invite(exchange, inDialog)
      case 'OPTIONS':
        return [this.#options(exchange)]
      case 'BYE':
      case 'INFO':
      case 'UPDATE':
        return [this.#answer(exchange, inDialog ? 200 : 481)]
      case 'MESSAGE':
        return [this.#answer(exchange, 202)]
      case 'REFER':
        return [this.#answer(exchange, 603)]
      case 'PRACK': // We send no reliable provisional response that it could acknowledge. RFC 3262 §3
        return [this.#answer(exchange, 481)]
      default: // SUBSCRIBE, NOTIFY, PUBLISH: no event package
        return [this.#answer(exchange, 489)]
    }
  }

  /** Never accepted: a password that was right once would tell the scanner that it is done. */
  #register(exchange: Exchange): Answer {
    const { persona, tokens } = this.#deps
    const { source, now } = exchange.circumstances
    const addressOfRecord = parseNameAddr(exchange.request.header('to') ?? '')?.uri ?? ''
    const user = parseUri(addressOfRecord)?.user ?? ''
    if (!persona.extensions.has(user)) return this.#answer(exchange, 404)
    const nonce = tokens.nonce(source, exchange.callId, now)
    // MD5 without quotes, and first: svcrack knows no other (RFC 3261 §25.1 has it so).
    const challenge = `Digest algorithm=MD5, realm="${persona.realm}", nonce="${nonce.long}"`
    const short = `Digest algorithm=MD5,realm="${persona.realm}",nonce="${nonce.short}"`
    const shortest = `Digest realm="${persona.realm}",nonce="${nonce.short}"` // MD5 is meant when no algorithm is named
    return this.#answer(exchange, 401, [{ ...line('WWW-Authenticate', challenge, short), shortest }])
  }

  #options(exchange: Exchange): Answer {
    const contact = exchange.circumstances.stream ? [this.#contact(exchange)] : []
    return this.#answer(exchange, 200, [...contact, line('Accept', 'application/sdp', undefined, SHED.accept)])
  }

  #invite(received: Exchange, inDialog: boolean): Answer[] {
    const { request, circumstances } = received
    const tag = this.#deps.recentInvites.add(request, circumstances.source, received.tag, circumstances.now)
    const exchange = { ...received, tag }
    const session = Number.parseInt(tag.long.slice(-8), 16) & 0x7fffffff
    const sdp = describeSession(request.body, {
      persona: this.#deps.persona,
      address: circumstances.destination.ip,
      session,
    })
    const contact = this.#contact(exchange)
    const ok: Answer = {
      ...this.#answer(exchange, 200, [contact, line('Content-Type', 'application/sdp')]),
      recordRoute: true,
      body: sdp.full,
      shortBody: sdp.short,
      instead: this.#answer(exchange, 486),
    }
    if (inDialog || !circumstances.stream) return [ok]
    const ringing = { ...this.#answer(exchange, 180, [contact]), recordRoute: true }
    return [{ ...this.#answer(exchange, 100), tag: null }, ringing, ok]
  }

  #unsupported(request: SipMessage): string[] {
    const required = request.headers('require').flatMap((value) => splitList(value))
    return required.filter((option) => option !== '' && !this.#deps.persona.supported.includes(option.toLowerCase()))
  }

  /** Our own address, never one that the request names. The user part is repeated when it is harmless. */
  #contact({ request, circumstances }: Exchange): HeaderLine {
    const { ip, port } = circumstances.destination
    const user = parseUri(request.requestUri ?? '')?.user ?? ''
    const userAt = /^[\w+*.-]{1,40}$/.test(user) ? `${user}@` : ''
    const host = `${uriHost(ip)}:${port}`
    const transport = transportParameter(circumstances)
    return line('Contact', `<sip:${userAt}${host}${transport}>`, `<sip:${host}${transport}>`)
  }

  #answer(exchange: Exchange, status: number, headers: readonly HeaderLine[] = []): Answer {
    return {
      status,
      reason: this.#deps.persona.reasons.get(status),
      tag: exchange.tag,
      headers: [...this.#courtesy, ...headers],
      recordRoute: false,
      body: null,
      shortBody: null,
      instead: null,
    }
  }
}

type Exchange = {
  readonly request: SipMessage
  readonly circumstances: Circumstances
  readonly callId: string
  readonly tag: Token
  readonly method: string
}

function line(name: string, value: string, short?: string, shed: HeaderLine['shed'] = SHED.never): HeaderLine {
  return short === undefined ? { name, value, shed } : { name, value, short, shed }
}

/** An INVITE carries nothing, or SDP. RFC 3261 §8.2.3. */
function hasUsableBody(request: SipMessage): boolean {
  if (request.body.length === 0) return true
  const type = request.header('content-type')
  return type === undefined || /^application\s*\/\s*sdp\s*(?:;|$)/i.test(type)
}
