// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseDigestParameters, quote } from './_auth-parameters.ts'
import { latin1 } from './_bytes.ts'
import type { SipMessage } from './message.ts'

/*
 * HTTP Digest as SIP uses it: RFC 3261 §22, RFC 8760, RFC 7616, and RFC 2617 and 2069 before them. All text has one
 * character for each byte on the wire. Hashing is passed in.
 */

const CREDENTIALS_COUNT_MAX = 4 // in one message; a client answers one challenge, a proxy in its way perhaps another
const REPEATED_SIZE_MAX = 512 // characters that are hashed again with each password

/** What a client answered to a challenge. What it left out of the first five is empty. */
export type DigestCredentials = {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly algorithm: string | null // as received; MD5 is meant when there is none
  readonly qop: string | null
  readonly nc: string | null
  readonly cnonce: string | null
  readonly opaque: string | null
}

/** Reads the value of an Authorization or Proxy-Authorization header; null when its scheme is not Digest. */
export function parseCredentials(value: string): DigestCredentials | null {
  const parameters = parseDigestParameters(value)
  if (parameters === null) return null
  const need = (name: string) => parameters.get(name) ?? ''
  const may = (name: string) => parameters.get(name) ?? null
  return {
    username: need('username'),
    realm: need('realm'),
    nonce: need('nonce'),
    uri: need('uri'),
    response: need('response'),
    algorithm: may('algorithm'),
    qop: may('qop'),
    nc: may('nc'),
    cnonce: may('cnonce'),
    opaque: may('opaque'),
  }
}

/** The credentials of all its Authorization headers, then of all Proxy-Authorization headers; the first few. */
export function credentialsOf(message: SipMessage): DigestCredentials[] {
  const found: DigestCredentials[] = []
  for (const name of ['authorization', 'proxy-authorization']) {
    for (let at = message.find(name); at >= 0; at = message.find(name, at + 1)) {
      if (found.length === CREDENTIALS_COUNT_MAX) return found
      const credentials = parseCredentials(message.value(at))
      if (credentials !== null) found.push(credentials)
    }
  }
  return found
}

export type DigestChallenge = {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: string | null // as received; null where MD5 is meant and not said
  readonly qop: readonly string[] // what is offered; empty for the way of RFC 2069
  readonly opaque: string | null
  readonly stale: boolean // only the nonce was wrong
}

/** Reads the value of a WWW-Authenticate or Proxy-Authenticate header; null when its scheme is not Digest. */
export function parseChallenge(value: string): DigestChallenge | null {
  const parameters = parseDigestParameters(value)
  if (parameters === null) return null
  return {
    realm: parameters.get('realm') ?? '',
    nonce: parameters.get('nonce') ?? '',
    algorithm: parameters.get('algorithm') ?? null,
    qop: parameters.get('qop')?.match(/[^\s,]+/g) ?? [],
    opaque: parameters.get('opaque') ?? null,
    stale: parameters.get('stale')?.toLowerCase() === 'true',
  }
}

type ChallengePart = keyof DigestChallenge

/** `order`: devices differ in it. `separator`: behind each parameter but the last. */
export type ChallengeStyle = { readonly order: readonly ChallengePart[]; readonly separator: ',' | ', ' }

/** The value of a header that carries the challenge, with what `order` names and the challenge has. */
export function writeChallenge(challenge: DigestChallenge, { order, separator }: ChallengeStyle): string {
  const parts = order.map((part) => challengePart(challenge, part)).filter((text) => text !== '')
  return `Digest ${parts.join(separator)}`
}

/** Quoted or not as RFC 7616 §3.3 and RFC 3261 §25.1 have it: svcrack reads no other way. */
function challengePart({ realm, nonce, algorithm, qop, opaque, stale }: DigestChallenge, part: ChallengePart): string {
  switch (part) {
    case 'realm':
      return `realm=${quote(realm)}`
    case 'nonce':
      return `nonce=${quote(nonce)}`
    case 'algorithm':
      return algorithm === null ? '' : `algorithm=${algorithm}`
    case 'qop':
      return qop.length === 0 ? '' : `qop=${quote(qop.join(','))}`
    case 'opaque':
      return opaque === null ? '' : `opaque=${quote(opaque)}`
    case 'stale':
      return stale ? 'stale=true' : ''
  }
}

/** The last one is SHA-512/256, as in RFC 7616 §3.2. */
export type DigestHash = 'md5' | 'sha256' | 'sha512-256'
/** The hash of one byte for each character of `text`, in lower-case hexadecimal. */
export type HashText = (algorithm: DigestHash, text: string) => string

/** The request that the credentials came in. */
export type DigestRequest = {
  readonly method: string
  /** Null when not all of it is known: then nothing can be said of qop=auth-int. */
  readonly body: Uint8Array | null
}

/** The parts of a response to a challenge that no password changes, or null when it is of no kind that is known. */
type Preparation = {
  readonly hash: (text: string) => string
  readonly identity: string // behind which the password comes
  readonly session: string | null // what is hashed with the identity and password for an algorithm that ends in -sess
  readonly tails: readonly string[]
}

/**
 * The responses with which a client would prove that it knows `password`, the one that the RFCs ask for first; none
 * when the credentials name an unknown algorithm or qop, or are too long. More than one where clients differ.
 */
export function digestResponses(
  credentials: DigestCredentials,
  request: DigestRequest,
  password: string,
  hash: HashText,
): string[] {
  const prepared = prepare(credentials, request, hash)
  return prepared === null ? [] : responses(prepared, password)
}

/**
 * The first of the passwords that the credentials prove, or null. Each costs two hashes as a rule and six at most, of
 * texts not much longer than `REPEATED_SIZE_MAX`; all of them together three more.
 */
export function findPassword(
  credentials: DigestCredentials,
  request: DigestRequest,
  passwords: Iterable<string>,
  hash: HashText,
): string | null {
  const prepared = prepare(credentials, request, hash)
  if (prepared === null) return null
  const wanted = credentials.response.toLowerCase()
  for (const password of passwords) if (responses(prepared, password).includes(wanted)) return password
  return null
}

const ALGORITHM = /^(md5|sha-256|sha-512-256)(-sess)?$/i
const HASHES: Readonly<Record<string, DigestHash>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' }

function prepare(credentials: DigestCredentials, request: DigestRequest, hashText: HashText): Preparation | null {
  const { username, realm, nonce, cnonce, response } = credentials
  const [, name, session] = ALGORITHM.exec(credentials.algorithm ?? 'MD5') ?? []
  const algorithm = HASHES[name?.toLowerCase() ?? '']
  if (algorithm === undefined || response === '') return null
  const hash = (text: string) => hashText(algorithm, text)
  const tails = tailsOf(credentials, request, session !== undefined, hash)
  const identity = `${username}:${realm}:`
  const sessionText = session === undefined ? null : `:${nonce}:${cnonce ?? ''}`
  if (identity.length + (sessionText?.length ?? 0) + (tails[0]?.length ?? 0) > REPEATED_SIZE_MAX) return null
  return { hash, identity, session: sessionText, tails }
}

/**
 * What is hashed behind the hash of the secret (RFC 7616 §3.4.1), for each way in which clients do it:
 * with nc and cnonce when they say qop and these too, else as RFC 2069 §2.1.2 did, whatever they say: svcrack says
 * qop=auth without them, and beside MD5-sess says all three and still does it the old way. nc is taken as it is
 * written: svcrack counts in decimal. Some clients write a method in lower case and hash it in upper case.
 */
function tailsOf(
  { nonce, uri, qop, nc, cnonce }: DigestCredentials,
  { method, body }: DigestRequest,
  isSession: boolean,
  hash: (text: string) => string,
): string[] {
  const isFull = qop !== null && nc !== null && cnonce !== null
  const quality = isFull ? qop.toLowerCase() : 'auth'
  if (quality !== 'auth' && quality !== 'auth-int') return []
  if (quality === 'auth-int' && body === null) return []
  const bodyHash = quality === 'auth-int' && body !== null ? `:${hash(latin1(body, 0, body.length))}` : ''
  const tails: string[] = []
  for (const spelled of new Set([method, method.toUpperCase()])) {
    const what = hash(`${spelled}:${uri}${bodyHash}`)
    if (isFull) tails.push(`:${nonce}:${nc}:${cnonce}:${qop}:${what}`)
    if (!isFull || isSession) tails.push(`:${nonce}:${what}`)
  }
  return tails
}

function responses({ hash, identity, session, tails }: Preparation, password: string): string[] {
  const known = hash(identity + password)
  const secret = session === null ? known : hash(known + session)
  return tails.map((tail) => hash(secret + tail))
}
