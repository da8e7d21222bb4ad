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
  return parsePersona(name, nameOrFile, readPersonaText(nameOrFile))
}

/** `origin` is where the text is from, for what is said of it. Throws RangeError. */
export function parsePersona(name: string, origin: string, text: string): Persona {
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
  return persona
}

function toPersona(name: string, file: PersonaFile, problems: string[]): Persona {
  const { server, methods, headers, contact, auth, sdp, quirks, certificate } = file
  checkTokens(file, problems)
  checkChallenges(auth.challenges, problems)
  for (const code of Object.keys(file.reasons)) {
    if (!/^[1-6]\d\d$/.test(code)) problems.push(`reasons.${code}: must be a status code, such as 603`)
  }
  return {
    name,
    title: file.title,
    server: server.text,
    serverHeader: server.header,
    reasons: new Map(Object.entries(file.reasons).map(([code, reason]) => [Number(code), reason])),
    allow: methods.allow,
    refused: methods.refused,
    unknownMethodStatus: methods.unknown,
    supported: methods.supported,
    accept: methods.accept,
    lines: {
      order: headers.order,
      isEchoAsReceived: headers.echo_as_received,
      always: headers.always,
      options: headers.options,
      invite: headers.invite,
      values: new Map(Object.entries(headers.values)),
      contentLengthSpaces: headers.content_length_spaces,
      hasRegisterDate: headers.register_date,
    },
    contact: { hasUser: contact.user, datagram: contact.datagram, stream: contact.stream },
    realm: auth.realm,
    challenge: { inviteStatus: auth.invite, formats: auth.challenges },
    tokens: file.tokens,
    extensions: readExtensions(auth.extensions, problems),
    unknownUserStatus: auth.unknown_user,
    guests: auth.guests,
    malformed: quirks.malformed,
    sdp: {
      user: sdp.user,
      sessionName: sdp.session,
      versionStep: sdp.version_step,
      attributes: sdp.attributes,
    },
    codecs: readCodecs(sdp.codecs, problems),
    rtpPorts: readPorts(sdp.rtp_ports, problems),
    certificate: { commonName: certificate.common_name, organisation: certificate.organisation },
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
