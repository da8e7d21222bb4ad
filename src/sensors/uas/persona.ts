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
  /** Reason phrases in which the device differs from the RFCs. */
  readonly reasons: ReadonlyMap<number, string>
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
  /** What the certificate of its TLS listener says. */
  readonly certificate: { readonly commonName: string; readonly organisation: string }
}

/** Which header lines its responses have, and in which order. Names as the device writes them. */
export type PersonaLines = {
  /** All lines, in their order; those it does not name follow. */
  readonly order: readonly string[]
  /** Whether what is repeated from the request stands in the order of the request instead. */
  readonly isEchoAsReceived: boolean
  /** Put into every response, into a 200 to OPTIONS too, and into what sets up a call too. */
  readonly always: readonly string[]
  readonly options: readonly string[]
  readonly invite: readonly string[]
  /** The values of lines that say the same each time. */
  readonly values: ReadonlyMap<string, string>
  /** Spaces behind the colon of Content-Length. */
  readonly contentLengthSpaces: 1 | 2
  /** Whether a 200 to REGISTER says the time. */
  readonly hasRegisterDate: boolean
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
  readonly user: string
  readonly sessionName: string
  /** By how much the version in the o= line is above the session id. */
  readonly versionStep: number
  /** Attributes of an audio stream, between those of the codecs and the direction. */
  readonly attributes: readonly string[]
}

/** Which device is at which of the own addresses, these in canonical text. */
export type Personas = { readonly default: Persona; readonly byAddress: ReadonlyMap<string, Persona> }
