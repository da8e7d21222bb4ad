// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type DefectCode, type SipMessage, splitList } from '../../wire/sip/message.ts'
import { parseNameAddr, parseUri } from '../../wire/sip/uri.ts'
import { type Answer, type Exchange, type HeaderLine, isStream, line, SHED, uriHost } from './answer.ts'
import type { Dialog, Dialogs } from './dialogs.ts'
import type { DigestAuth } from './digest-auth.ts'
import type { Persona } from './persona.ts'
import type { Refusals } from './refusals.ts'
import type { Registrar } from './registrar.ts'
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
  readonly tokens: Pick<Tokens, 'tag' | 'isOwnTag' | 'nonce'>
  readonly auth: Pick<DigestAuth, 'challenge' | 'read'>
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
  readonly tokens: ResponderDeps['tokens']
  readonly auth: ResponderDeps['auth']
  readonly #deps: ResponderDeps
  readonly #courtesy: readonly HeaderLine[] // what the device puts into each response

  constructor(deps: ResponderDeps) {
    const { server, allow, supported } = deps.persona
    this.#deps = deps
    this.tokens = deps.tokens
    this.auth = deps.auth
    this.#courtesy = [
      line('Server', server, undefined, SHED.server),
      line('Allow', allow.join(', '), undefined, SHED.allow),
      line('Supported', supported.join(', '), undefined, SHED.supported),
    ]
  }

  decide(exchange: Exchange): Plan {
    const fault = this.#fault(exchange)
    if (fault === 'silence') return SILENCE
    return fault === null ? this.#accept(exchange) : only(fault)
  }

  /** The checks of RFC 3261 §8.2, in its order: what is answered instead of the request's own answer. */
  #fault(exchange: Exchange): Answer | 'silence' | null {
    const { persona } = this.#deps
    const { request, method, circumstances } = exchange
    const bad: DefectCode[] = []
    for (const { code, severity } of request.defects) {
      const unframed = isFramedByLength(exchange) && code === 'content-length-missing' // RFC 3261 §18.3
      if (severity !== 'lenient' || unframed) bad.push(code)
    }
    if (circumstances.oversize || bad.some((code) => OVERSIZE.has(code))) {
      return isStream(circumstances) ? this.answer(exchange, 513) : 'silence'
    }
    if (bad.includes('version-unsupported')) return this.answer(exchange, 505)
    if (bad.some((code) => code !== 'uri-scheme')) return this.answer(exchange, 400)
    if (!KNOWN_METHODS.has(method)) return this.answer(exchange, 501)
    if (persona.refused.includes(method)) return this.answer(exchange, 405)
    if (bad.includes('uri-scheme')) return this.answer(exchange, 416)
    const unsupported = method === 'CANCEL' ? [] : this.#unsupported(request)
    if (unsupported.length > 0) {
      return this.answer(exchange, 420, [line('Unsupported', unsupported.join(', '), unsupported.join(','))])
    }
    if (method === 'INVITE' && !hasUsableBody(request)) {
      return this.answer(exchange, 415, [line('Accept', 'application/sdp', undefined, SHED.accept)])
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
    const { persona, registrar } = this.#deps
    const { request, circumstances, offered } = exchange
    const user = userIn(request.header('to'))
    if (!persona.extensions.has(user)) return this.answer(exchange, 404)
    const isOwn = offered?.nonce === 'own' && offered.user === user
    return isOwn && registrar.accepts(circumstances.source, offered) ? this.#bound(exchange) : this.#challenge(exchange)
  }

  #challenge(exchange: Exchange): Answer {
    const { circumstances, callId, offered } = exchange
    const { source, now } = circumstances
    const stale = offered?.nonce === 'stale'
    return this.answer(exchange, 401, [this.auth.challenge({ source, callId, now, stale, kind: 'www' })])
  }

  /** A registration that was accepted, with the contact that it is good for. RFC 3261 §10.3. */
  #bound(exchange: Exchange): Answer {
    const { request, circumstances } = exchange
    const contact = request.header('contact') ?? ''
    const address = contact === '*' ? null : parseNameAddr(contact)
    const asked = address?.parameters.get('expires') ?? request.header('expires') ?? String(EXPIRES_MAX)
    const expires = Math.min(EXPIRES_MAX, /^\d{1,9}$/.test(asked) ? Number(asked) : EXPIRES_MAX)
    const date = line('Date', new Date(circumstances.now).toUTCString())
    if (contact === '*' || expires === 0 || address === null || address.uri.length > CONTACT_SIZE_MAX)
      return this.answer(exchange, 200, [date])
    return this.answer(exchange, 200, [line('Contact', `<${address.uri}>;expires=${expires}`), date])
  }

  #options(exchange: Exchange): Answer {
    const contact = isStream(exchange.circumstances) ? [this.#contact(exchange)] : []
    return this.answer(exchange, 200, [...contact, line('Accept', 'application/sdp', undefined, SHED.accept)])
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
    const { persona, registrar } = this.#deps
    const { request, circumstances, offered } = exchange
    const caller = userIn(request.header('from'))
    if (persona.guests === 'dialplan' && !persona.extensions.has(caller)) return null
    if (offered?.nonce === 'own' && registrar.accepts(circumstances.source, offered)) return null
    return this.#challenge(exchange)
  }

  #ringing(exchange: Exchange, final: Answer): Answer[] {
    const ringing = { ...this.answer(exchange, 180, [this.#contact(exchange)]), recordRoute: true }
    return [{ ...this.answer(exchange, 100), tag: null }, ringing, final]
  }

  #ok(exchange: Exchange, dialog: Dialog): Answer {
    const { request, circumstances } = exchange
    const session = sessionOf(exchange.tag)
    const sdp = describeSession(request.body, {
      persona: this.#deps.persona,
      address: circumstances.destination.ip,
      port: dialog.mediaPort,
      session,
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
    return required.filter((option) => option !== '' && !this.#deps.persona.supported.includes(option.toLowerCase()))
  }

  #dialled({ request }: Exchange): string {
    return parseUri(request.requestUri ?? '')?.user ?? ''
  }

  /** Our own address, never one that the request names. The user part is repeated when it is harmless. */
  #contact(exchange: Exchange): HeaderLine {
    const { destination, transport } = exchange.circumstances
    const user = this.#dialled(exchange)
    const userAt = /^[\w+*.-]{1,40}$/.test(user) ? `${user}@` : ''
    const host = `${uriHost(destination.ip)}:${destination.port}`
    const parameter = transport === 'udp' ? '' : `;transport=${transport.toUpperCase()}`
    return line('Contact', `<sip:${userAt}${host}${parameter}>`, `<sip:${host}${parameter}>`)
  }

  answer(exchange: Exchange, status: number, headers: readonly HeaderLine[] = []): Answer {
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

/** The same for a retransmitted offer, of 31 bits. */
function sessionOf({ long }: Token): number {
  let session = 0
  for (let i = 0; i < long.length; i++) session = (Math.imul(session, 31) + long.charCodeAt(i)) & 0x7fffffff
  return session
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
