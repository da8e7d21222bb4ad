// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import type { Persona } from '../sensors/uas/persona.ts'
import { bitCount, charactersOf, digitCount, parseShape } from '../sensors/uas/token-shape.ts'
import { nearest } from './_nearest.ts'
import { type PersonaFile, personaSchema } from './_persona-schema.ts'
import { checkTable, type TableSchema } from './_shape-check.ts'

const FOLDER = new URL('../personas/', import.meta.url)
const ENDING = '.toml'
const EXTENSION_COUNT_MAX = 10_000
const TOKEN_BITS_MIN = 64
const TOKEN = /^[\w.!%*+`'~-]*$/ // RFC 3261 §25.1
const CODE = /^[1-6]\d\d$/
const QUOTED = /^[\x20-\x7e]*$/

/** The names of those that come with the program. */
export function personaNames(): string[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(ENDING))
  return names.map((name) => name.slice(0, -ENDING.length)).sort()
}

/** Whether the text names a file of the operator's own rather than a persona that comes with the program. */
export function isPersonaFile(text: string): boolean {
  return text.toLowerCase().endsWith(ENDING)
}

/** The text of a persona's file. Throws RangeError. */
export function readPersonaText(nameOrFile: string): string {
  if (isPersonaFile(nameOrFile)) return readText(nameOrFile)
  const names = personaNames()
  if (names.includes(nameOrFile)) return readText(new URL(nameOrFile + ENDING, FOLDER))
  const near = nearest(nameOrFile, names)
  const meant = near === null ? '' : `; did you mean ${near}?`
  throw new RangeError(`there is no such persona${meant} There are ${names.join(', ')}, and files that end in .toml`)
}

function readText(file: string | URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new RangeError(`cannot read the persona: ${(error as Error).message}`, { cause: error })
  }
}

/** One persona, by the name of one that comes with the program or by a file. Throws RangeError, naming all that is wrong. */
export function loadPersona(nameOrFile: string): Persona {
  const name = isPersonaFile(nameOrFile) ? basename(nameOrFile).slice(0, -ENDING.length) : nameOrFile
  return parsePersona(name, nameOrFile, readPersonaText(nameOrFile)).persona
}

/** The persona of a file, and what the file says. `origin` is where its text is from. Throws RangeError. */
export function parsePersona(name: string, origin: string, text: string): { persona: Persona; file: PersonaFile } {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    throw new RangeError(`persona ${origin}, line ${error.line}: not TOML: ${reason}`, { cause: error })
  }
  const problems = checkTable(personaSchema as unknown as TableSchema, value)
  const persona = problems.length === 0 ? toPersona(name, value as PersonaFile, problems) : null
  if (persona === null || problems.length > 0) throw new RangeError(`persona ${origin}: ${problems.join('; ')}`)
  return { persona, file: value as PersonaFile }
}

function toPersona(name: string, file: PersonaFile, problems: string[]): Persona {
  const { server, methods, headers, contact, auth, sdp, quirks, web, certificate } = file
  checkTokens(file, problems)
  checkChallenges(auth.challenges, problems)
  const reasons = Object.entries(file.reasons)
  for (const [key] of reasons) {
    if (CODE.test(key) || /^[A-Z]+ [1-6]\d\d$/.test(key)) continue
    problems.push(`reasons.${key}: must be a status code, such as 603, or "OPTIONS 200"`)
  }
  checkNames(headers, server.header, problems)
  if (/["\\]/.test(auth.realm)) problems.push(`auth.realm = ${JSON.stringify(auth.realm)}: must have no " and no \\`)
  return {
    name,
    title: file.title,
    server: server.text,
    serverHeader: server.header,
    reasons: new Map(reasons.flatMap(([key, reason]) => (CODE.test(key) ? [[Number(key), reason]] : []))),
    methodReasons: new Map(reasons.filter(([key]) => !CODE.test(key))),
    allow: methods.allow,
    refused: methods.refused,
    unknownMethodStatus: methods.unknown,
    supported: methods.supported,
    accept: methods.accept,
    lines: {
      order: headers.order,
      optionsOrder: headers.options_order.length === 0 ? headers.order : headers.options_order,
      isEchoAsReceived: headers.echo_as_received,
      always: headers.always,
      trying: headers.trying,
      options: headers.options,
      registered: headers.registered,
      call: headers.call,
      refusedCall: headers.refused_call,
      values: new Map(Object.entries(headers.values)),
      isContentLengthPadded: headers.content_length === 'padded',
    },
    contact: { hasUser: contact.user, datagram: contact.datagram, stream: contact.stream },
    realm: auth.realm,
    challenge: { inviteStatus: auth.invite, formats: auth.challenges },
    tokens: { ...file.tokens },
    extensions: readExtensions(auth.extensions, problems),
    unknownUserStatus: auth.unknown_user,
    guests: auth.guests,
    malformed: quirks.malformed,
    sdp: {
      origin: sdp.origin,
      sessionName: sdp.session,
      attributes: sdp.attributes,
      hasSendrecv: sdp.direction === 'always',
    },
    codecs: readCodecs(sdp.codecs, problems),
    rtpPorts: readPorts(sdp.rtp_ports, problems),
    webServer: web.server,
    certificate: { commonName: certificate.common_name, organisation: certificate.organisation },
  }
}

/** What a list names must be a line that the device knows to write. */
function checkNames(headers: PersonaFile['headers'], server: string, problems: string[]): void {
  const known = [server, 'Allow', 'Supported', 'Accept', 'Date', 'Contact', ...Object.keys(headers.values)]
  for (const key of ['always', 'trying', 'options', 'registered', 'call', 'refused_call'] as const) {
    for (const name of headers[key]) {
      if (known.includes(name)) continue
      const near = nearest(name, known)
      const right = near === null ? 'give it a value in headers.values' : `did you mean ${near}?`
      problems.push(`headers.${key}: there is no value for ${name}; ${right}`)
    }
  }
}

/** No token may be guessed, and each must be one that the protocol can carry. */
function checkTokens({ tokens }: PersonaFile, problems: string[]): void {
  const nonceSize = { digits: 0 }
  const check = (key: 'tag' | 'nonce' | 'opaque', bitsMin: number, characters: RegExp) => {
    try {
      const shape = parseShape(tokens[key])
      if (bitCount(shape) < bitsMin) {
        throw new RangeError(
          `can be guessed: it carries ${Math.floor(bitCount(shape))} bits, and must carry ${bitsMin}`,
        )
      }
      if (!characters.test(charactersOf(shape))) throw new RangeError('has characters that may not stand there')
      if (key === 'nonce') nonceSize.digits = digitCount(shape)
      if (key === 'opaque' && digitCount(shape) + nonceSize.digits > 64) {
        throw new RangeError('is, with the nonce, longer than what there is to make them of')
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      problems.push(`tokens.${key} = ${JSON.stringify(tokens[key])}: ${error.message}`)
    }
  }
  check('tag', TOKEN_BITS_MIN, TOKEN)
  check('nonce', TOKEN_BITS_MIN, QUOTED)
  check('opaque', 0, QUOTED)
  if (/["\\]/.test(tokens.nonce + tokens.opaque)) problems.push('tokens.nonce, tokens.opaque: must have no " and no \\')
}

function checkChallenges(challenges: readonly string[], problems: string[]): void {
  const right = `such as Digest realm="{realm}", nonce="{nonce}", algorithm=MD5`
  if (challenges.length === 0) problems.push(`auth.challenges: must have a line, ${right}`)
  for (const [index, text] of challenges.entries()) {
    const key = `auth.challenges[${index}] = ${JSON.stringify(text)}`
    if (!/^Digest /i.test(text) || !text.includes('realm="{realm}"') || !text.includes('nonce="{nonce}"')) {
      problems.push(`${key}: must begin with Digest and have realm="{realm}" and nonce="{nonce}", ${right}`)
    }
    const algorithm = /algorithm="?([\w-]+)/i.exec(text)?.[1] ?? 'MD5'
    if (index === 0 && algorithm.toUpperCase() !== 'MD5') problems.push(`${key}: the first must be MD5, ${right}`)
  }
}

function readExtensions(texts: readonly string[], problems: string[]): Set<string> {
  const extensions = new Set<string>()
  for (const text of texts) {
    const [, from, to] = /^(\d{1,9})-(\d{1,9})$/.exec(text) ?? [undefined, text, text]
    if (from === to) extensions.add(text)
    else {
      const [first, last] = [Number(from), Number(to)]
      if (first > last || last - first >= EXTENSION_COUNT_MAX || from!.length !== to!.length) {
        problems.push(
          `auth.extensions: ${JSON.stringify(text)} must go up, from and to numbers of as many digits, and over at most ${EXTENSION_COUNT_MAX}, such as "100-109"`,
        )
        continue
      }
      for (let one = first; one <= last; one++) extensions.add(String(one).padStart(from!.length, '0'))
    }
  }
  if (extensions.size > EXTENSION_COUNT_MAX) {
    problems.push(`auth.extensions: are ${extensions.size} users, and may be ${EXTENSION_COUNT_MAX}`)
  }
  return extensions
}

function readCodecs(texts: readonly string[], problems: string[]): Map<string, string> {
  const codecs = new Map<string, string>()
  for (const text of texts) {
    const match = /^(\d{1,3}) ([\w.-]+\/\d+(?:\/\d+)?)$/.exec(text)
    if (match === null) problems.push(`sdp.codecs: ${JSON.stringify(text)} must be such as "0 PCMU/8000"`)
    else codecs.set(match[1]!, match[2]!)
  }
  if (texts.length === 0) problems.push('sdp.codecs: must have one, such as ["0 PCMU/8000"]')
  return codecs
}

function readPorts(text: string, problems: string[]): { from: number; count: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text)
  const from = Number(match?.[1])
  const count = Number(match?.[2]) - from
  if (match === null || from % 2 === 1 || from < 1024 || count < 2 || from + count > 65_536) {
    problems.push(
      `sdp.rtp_ports = ${JSON.stringify(text)}: must be such as 10000-20000: an even port, and a higher one`,
    )
  }
  return { from, count }
}
