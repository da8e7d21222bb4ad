// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Transport } from '../../core/event.ts'
import { type DefectCode, type SipMessage, splitList } from '../../wire/sip/message.ts'
import { parseNameAddr, parseUri } from '../../wire/sip/uri.ts'
import { type Answer, type Exchange, type HeaderLine, isStream, line, uriHost } from './answer.ts'
import { challengeLines } from './challenge.ts'
import { DeviceLines } from './device-lines.ts'
import type { Dialog, Dialogs } from './dialogs.ts'
import type { DigestAuth } from './digest-auth.ts'
import type { Persona } from './persona.ts'
import type { Refusals } from './refusals.ts'
import type { Registrar } from './registrar.ts'
import { describeSession } from './sdp.ts'
import { type Tokens, tokenCallId } from './token.ts'

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
const EXPIRES_MAX = 3_600 // seconds that a registration is given
const CONTACT_SIZE_MAX = 256 // characters of a contact that is repeated

export const INTERACTIONS = ['passive', 'low', 'medium', 'high'] as const
/**
 * How far the sensor goes. `passive`: it sends nothing. `low`: it answers. `medium`: it asks for credentials as well, and
 * accepts none. `high`: it accepts weak ones, and calls.
 */
export type Interaction = (typeof INTERACTIONS)[number]

export type ResponderDeps = {
  readonly persona: Persona
  readonly interaction: Interaction
  readonly tokens: Tokens
  readonly auth: Pick<DigestAuth, 'read'>
  readonly registrar: Pick<Registrar, 'accepts'>
  readonly refusals: Pick<Refusals, 'of'>
  readonly dialogs: Pick<Dialogs<unknown>, 'open' | 'find' | 'end'>
}

/** What is answered to a request: provisional responses, then a final one. Empty: nothing at all. */
export type Plan = {
  readonly answers: readonly Answer[]
  /** The call that the final one accepts. */
  readonly dialog: Dialog | null
}
const SILENCE: Plan = { answers: [], dialog: null }
const only = (answer: Answer): Plan => ({ answers: [answer], dialog: null })

/**
 * What the persona answers to a request that is no retransmission, no ACK and no CANCEL. Sends nothing, and does not ask
 * whether there is room or leave to send. Any bytes are welcome; it does not throw.
 */
export class Responder {
  /** What its tokens look like, and its challenges. */
  readonly tokens: Tokens
  readonly auth: ResponderDeps['auth']
  readonly persona: Persona
  readonly #deps: ResponderDeps
  readonly #lines: DeviceLines

  constructor(deps: ResponderDeps) {
    this.#deps = deps
    this.persona = deps.persona
    this.tokens = deps.tokens
    this.auth = deps.auth
    this.#lines = new DeviceLines(deps.persona)
  }

  decide(exchange: Exchange): Plan {
    const fault = this.#fault(exchange)
    if (fault === 'silence') return SILENCE
    return fault === null ? this.#accept(exchange) : only(fault)
  }

  /** The checks of RFC 3261 §8.2, in its order: what is answered instead of the request's own answer. */
  #fault(exchange: Exchange): Answer | 'silence' | null {
    const { persona } = this
    const { request, method, circumstances } = exchange
    const bad: DefectCode[] = []
    for (const { code, severity } of request.defects) {
      const unframed = isFramedByLength(exchange) && code === 'content-length-missing' // RFC 3261 §18.3
      if (severity !== 'lenient' || unframed) bad.push(code)
    }
    if (circumstances.oversize || bad.some((code) => OVERSIZE.has(code))) {
      return isStream(circumstances) ? this.answer(exchange, 513) : 'silence'
    }
    if (bad.length > 0 && persona.malformed === 'drop') return 'silence'
    if (bad.includes('version-unsupported')) return this.answer(exchange, 505)
    if (bad.some((code) => code !== 'uri-scheme')) return this.answer(exchange, 400)
    if (!KNOWN_METHODS.has(method)) return this.answer(exchange, persona.unknownMethodStatus)
    if (persona.refused.includes(method)) return this.answer(exchange, 405)
    if (bad.includes('uri-scheme')) return this.answer(exchange, 416)
    const unsupported = method === 'CANCEL' ? [] : this.#unsupported(request)
    if (unsupported.length > 0) {
      return this.answer(exchange, 420, [line('Unsupported', unsupported.join(', '), unsupported.join(','))])
    }
    if (method === 'INVITE' && !hasUsableBody(request)) {
      return this.answer(exchange, 415)
    }
    return null
  }

  #accept(exchange: Exchange): Plan {
    const { method, toTag, isOwnTag } = exchange
    if (method === 'REGISTER') return only(this.#register(exchange))
    if (method === 'CANCEL') return only(this.answer(exchange, 481)) // of nothing that is known
    if (toTag !== null && !isOwnTag) return only(this.answer(exchange, 481))
    const dialog = this.#deps.dialogs.find(exchange)
    switch (method) {
      case 'INVITE':
        return dialog === null ? this.#invite(exchange) : { answers: [this.#ok(exchange, dialog)], dialog }
      case 'OPTIONS':
        return only(this.#options(exchange))
      case 'BYE':
        if (dialog !== null) this.#deps.dialogs.end(dialog)
        return only(this.answer(exchange, dialog === null ? 481 : 200))
      case 'INFO':
      case 'UPDATE':
        return only(this.answer(exchange, dialog === null ? 481 : 200))
      case 'MESSAGE':
        return only(this.answer(exchange, 202))
      case 'REFER':
        return only(this.answer(exchange, 603))
      case 'PRACK': // We send no reliable provisional response that it could acknowledge. RFC 3262 §3
        return only(this.answer(exchange, 481))
      default: // SUBSCRIBE, NOTIFY, PUBLISH: no event package
        return only(this.answer(exchange, 489))
    }
  }

  #register(exchange: Exchange): Answer {
    const { persona } = this
    const { registrar } = this.#deps
    const { request, circumstances, offered } = exchange
    const user = userIn(request.header('to'))
    const isKnown = persona.extensions.has(user)
    if (!isKnown && persona.unknownUserStatus !== 401) return this.answer(exchange, persona.unknownUserStatus)
    const isTried = isKnown && offered?.nonce === 'own' && offered.user === user
    return isTried && registrar.accepts(circumstances.source, offered)
      ? this.#bound(exchange)
      : this.#challenge(exchange, 401)
  }

  #challenge(exchange: Exchange, status: 401 | 407): Answer {
    const { request, circumstances, callId, offered } = exchange
    const { source, destination, now } = circumstances
    const realm = this.persona.realm.replace('{address}', destination.ip)
    const nonce = this.tokens.nonce(source, tokenCallId(callId, request), now)
    const isStale = offered?.nonce === 'stale'
    return this.answer(exchange, status, challengeLines(this.persona, { status, realm, nonce, isStale }))
  }

  /** A registration that was accepted, with the contact that it is good for. RFC 3261 §10.3. */
  #bound(exchange: Exchange): Answer {
    const { request } = exchange
    const contact = request.header('contact') ?? ''
    const address = contact === '*' ? null : parseNameAddr(contact)
    const asked = address?.parameters.get('expires') ?? request.header('expires') ?? String(EXPIRES_MAX)
    const expires = Math.min(EXPIRES_MAX, /^\d{1,9}$/.test(asked) ? Number(asked) : EXPIRES_MAX)
    if (contact === '*' || expires === 0 || address === null || address.uri.length > CONTACT_SIZE_MAX)
      return this.answer(exchange, 200)
    return this.answer(exchange, 200, [line('Contact', `<${address.uri}>;expires=${expires}`)])
  }

  #options(exchange: Exchange): Answer {
    const hasContact = isStream(exchange.circumstances) && this.persona.lines.options.includes('Contact')
    return this.answer(exchange, 200, hasContact ? [this.#contact(exchange)] : [])
  }

  /** A call that is new: challenged, refused, or accepted. */
  #invite(exchange: Exchange): Plan {
    const { interaction, dialogs } = this.#deps
    const challenge = interaction === 'low' ? null : this.#challengeOfCall(exchange)
    if (challenge !== null) return only(challenge)
    const dialog = interaction === 'high' ? dialogs.open(exchange) : null
    if (dialog !== null) return { answers: this.#ringing(exchange, this.#ok(exchange, dialog)), dialog }
    const { status, rings } =
      interaction === 'high' ? BUSY : this.#deps.refusals.of(exchange.circumstances.source, this.#dialled(exchange))
    const refusal = this.answer(exchange, status)
    return rings ? { answers: this.#ringing(exchange, refusal), dialog: null } : only(refusal)
  }

  /** Of a caller who says to be an extension, and of every caller where the device takes no guests. */
  #challengeOfCall(exchange: Exchange): Answer | null {
    const { persona } = this
    const { registrar } = this.#deps
    const { request, circumstances, offered } = exchange
    const caller = userIn(request.header('from'))
    if (persona.guests === 'dialplan' && !persona.extensions.has(caller)) return null
    if (offered?.nonce === 'own' && registrar.accepts(circumstances.source, offered)) return null
    return this.#challenge(exchange, persona.challenge.inviteStatus)
  }

  #ringing(exchange: Exchange, final: Answer): Answer[] {
    const ringing = { ...this.answer(exchange, 180, [this.#contact(exchange)]), recordRoute: true }
    return [{ ...this.answer(exchange, 100), tag: null }, ringing, final]
  }

  #ok(exchange: Exchange, dialog: Dialog): Answer {
    const { request, circumstances } = exchange
    const sdp = describeSession(request.body, {
      persona: this.persona,
      address: circumstances.destination.ip,
      port: dialog.mediaPort,
      session: exchange.tag.number,
    })
    return {
      ...this.answer(exchange, 200, [this.#contact(exchange), line('Content-Type', 'application/sdp')]),
      recordRoute: true,
      body: sdp.full,
      shortBody: sdp.short,
      instead: this.answer(exchange, 486),
    }
  }

  #unsupported(request: SipMessage): string[] {
    const required = request.headers('require').flatMap((value) => splitList(value))
    return required.filter((option) => option !== '' && !this.persona.supported.includes(option.toLowerCase()))
  }

  #dialled({ request }: Exchange): string {
    return parseUri(request.requestUri ?? '')?.user ?? ''
  }

  /** Our own address, never one that the request names. The user part is repeated when it is harmless. */
  #contact(exchange: Exchange): HeaderLine {
    const { destination, transport } = exchange.circumstances
    const { contact } = this.persona
    const user = this.#dialled(exchange)
    const userAt = contact.hasUser && /^[\w+*.-]{1,40}$/.test(user) ? `${user}@` : ''
    const host = `${uriHost(destination.ip)}:${destination.port}`
    const isDatagram = transport === 'udp'
    // Written for TCP; UDP is meant when nothing is said.
    const parameters = isDatagram ? contact.datagram : contact.stream.replace(/tcp/i, (tcp) => spelled(transport, tcp))
    const short = `<sip:${host}${isDatagram ? '' : parameters}>`
    return line('Contact', `<sip:${userAt}${host}${parameters}>`, short)
  }

  answer(exchange: Exchange, status: number, headers: readonly HeaderLine[] = []): Answer {
    const { method, tag, circumstances } = exchange
    return {
      status,
      reason: this.#lines.reason(method, status),
      tag,
      headers: this.#lines.of(method, status, headers, circumstances.now),
      layout: this.#lines.layout,
      recordRoute: false,
      body: null,
      shortBody: null,
      instead: null,
    }
  }
}

/** The transport in the place of TCP, written like it; a WebSocket is `ws` with TLS too (RFC 7118 §5.2.3). */
function spelled(transport: Transport, tcp: string): string {
  if (transport === 'ws' || transport === 'wss') return 'ws'
  return tcp === 'TCP' ? transport.toUpperCase() : transport
}

const BUSY = { status: 486, rings: false }

function userIn(address: string | undefined): string {
  return parseUri(parseNameAddr(address ?? '')?.uri ?? '')?.user ?? ''
}

/** Over WebSocket a frame is a message, whatever Content-Length says. RFC 7118 §5. */
function isFramedByLength({ circumstances }: Exchange): boolean {
  return circumstances.transport === 'tcp' || circumstances.transport === 'tls'
}

/** An INVITE carries nothing, or SDP. RFC 3261 §8.2.3. */
function hasUsableBody(request: SipMessage): boolean {
  if (request.body.length === 0) return true
  const type = request.header('content-type')
  return type === undefined || /^application\s*\/\s*sdp\s*(?:;|$)/i.test(type)
}
