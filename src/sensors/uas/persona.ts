// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * The device that a sensor claims to be. Data only, which can be handed to threads: what it answers is decided in
 * responder.ts. Read out of a file by src/config/personas.ts; docs/personas.md says what each part is for.
 */
export type Persona = {
  readonly name: string
  /** What people call the device. */
  readonly title: string
  /** What it says that it is, and in which header. */
  readonly server: string
  readonly serverHeader: 'Server' | 'User-Agent'
  /** Reason phrases in which the device differs from the RFCs; the second by "OPTIONS 200", and stronger. */
  readonly reasons: ReadonlyMap<number, string>
  readonly methodReasons: ReadonlyMap<string, string>
  /** Methods in the Allow header, in the device's own order. */
  readonly allow: readonly string[]
  /** Methods that the device knows and does not do: 405. */
  readonly refused: readonly string[]
  /** The answer to a method that is in no RFC. */
  readonly unknownMethodStatus: 405 | 501
  /** Extensions it supports: the Supported header, and what Require may ask for. Lower case. */
  readonly supported: readonly string[]
  /** The Accept header. */
  readonly accept: string
  readonly lines: PersonaLines
  readonly contact: PersonaContact
  /** `{address}` stands for the address that was reached. */
  readonly realm: string
  readonly challenge: PersonaChallenge
  readonly tokens: TokenShapes
  /** User parts that can be registered. */
  readonly extensions: ReadonlySet<string>
  /** The answer to a REGISTER of another user; 404 is the difference that an extension scan looks for. */
  readonly unknownUserStatus: 401 | 403 | 404
  /** What becomes of an INVITE without credentials: it is challenged, or goes on to the dial plan. */
  readonly guests: 'challenge' | 'dialplan'
  /** What becomes of a request with something wrong in it: it is answered 400, or dropped. */
  readonly malformed: 'answer' | 'drop'
  readonly sdp: PersonaSdp
  /** Payload types of RTP that it accepts, with the rtpmap of each. RFC 3551 §6. */
  readonly codecs: ReadonlyMap<string, string>
  /** RTP ports are even ones of this range. */
  readonly rtpPorts: { readonly from: number; readonly count: number }
  /** The Server header where it speaks HTTP. */
  readonly webServer: string
  /** What the certificate of its TLS listener says. */
  readonly certificate: { readonly commonName: string; readonly organisation: string }
}

/** Which header lines its responses have, and in which order. Names as the device writes them. */
export type PersonaLines = {
  /** All lines, in their order; those it does not name follow. */
  readonly order: readonly string[]
  /** Likewise of a 200 to OPTIONS. */
  readonly optionsOrder: readonly string[]
  /** Whether what is repeated from the request stands in the order of the request instead. */
  readonly isEchoAsReceived: boolean
  /** Those of each response, save of a 100. */
  readonly always: readonly string[]
  readonly trying: readonly string[]
  /** Beside those: of a 200 to OPTIONS, of a 200 to REGISTER, of an answer to INVITE from 101 to 299, and of one above. */
  readonly options: readonly string[]
  readonly registered: readonly string[]
  readonly call: readonly string[]
  readonly refusedCall: readonly string[]
  /** The values of lines that say the same each time. */
  readonly values: ReadonlyMap<string, string>
  /** Whether Content-Length is padded as PJSIP does. */
  readonly isContentLengthPadded: boolean
}

/** How the device writes its own address. */
export type PersonaContact = {
  /** Whether the user of the Request-URI is repeated. */
  readonly hasUser: boolean
  /** What follows the address, over UDP and over connections. */
  readonly datagram: string
  readonly stream: string
}

export type PersonaChallenge = {
  /** Of an INVITE; a REGISTER gets 401. */
  readonly inviteStatus: 401 | 407
  /** One header line each, MD5 first; `{realm}`, `{nonce}` and `{opaque}` are filled in. */
  readonly formats: readonly string[]
}

/** How its To-tags, nonces and opaque values look: see token-shape.ts. */
export type TokenShapes = { readonly tag: string; readonly nonce: string; readonly opaque: string }

export type PersonaSdp = {
  /** The o= line up to the address; `{id}` and `{short}` are numbers of the session, `{id+1}` one more. */
  readonly origin: string
  readonly sessionName: string
  /** Attributes of an audio stream, between those of the codecs and the direction. */
  readonly attributes: readonly string[]
  /** Whether a=sendrecv is said, although it is meant when nothing is. */
  readonly hasSendrecv: boolean
}

/** Which device is at which of the own addresses, these in canonical text. */
export type Personas = { readonly default: Persona; readonly byAddress: ReadonlyMap<string, Persona> }
