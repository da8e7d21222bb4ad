// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import type { ClientTraits, EventAuth } from '../core/event.ts'
import { headerOrderHash, identifyTool } from '../core/scanner-tools.ts'
import { weakPasswords } from '../core/weak-passwords.ts'
import { credentialsOf, findPassword, type HashText } from '../wire/sip/digest.ts'
import { headerNames } from '../wire/sip/header-names.ts'
import type { SipMessage } from '../wire/sip/message.ts'
import { decodeSipviciousTag, type SipviciousTag } from '../wire/sip/sipvicious-tag.ts'
import { parseNameAddr, parseUri } from '../wire/sip/uri.ts'
import type { StoredObservation } from './record.ts'

/** Of what is no request. */
export const NO_TRAITS: ClientTraits = { auth: null, tool: null, headerOrder: null }

/** Reads out of a request who seems to have sent it. */
export function clientTraits(message: SipMessage, observation: StoredObservation): ClientTraits {
  if (message.kind !== 'request') return NO_TRAITS
  const fromTag = parseNameAddr(message.header('from') ?? '')?.parameters.get('tag') ?? null
  const decoded = decodedTag(message, fromTag)
  const headerOrder = message.complete && !observation.rawShed ? headerOrderHash(headerNames(message)) : null
  const tool = identifyTool({
    fromTag,
    tagKind: decoded?.kind ?? null,
    callId: message.header('call-id') ?? null,
    userAgent: message.header('user-agent') ?? null,
    headerOrder,
  })
  return {
    auth: authOf(message, decoded, isWhole(observation)),
    tool: tool && { ...tool, decodedTag: decoded?.value ?? null },
    headerOrder,
  }
}

function decodedTag(message: SipMessage, fromTag: string | null): SipviciousTag | null {
  if (fromTag === null) return null
  const to = parseNameAddr(message.header('to') ?? '')?.uri ?? ''
  return decodeSipviciousTag(fromTag, parseUri(to)?.user ?? null)
}

/** The credentials of a request, and the password behind them if it is weak: some 200 hashes, 2 for one of svcrack. */
function authOf(message: SipMessage, tag: SipviciousTag | null, isWhole: boolean): EventAuth | null {
  const [credentials] = credentialsOf(message)
  if (credentials === undefined) return null
  const { username, realm, algorithm, response } = credentials
  const request = { method: message.method ?? '', body: isWhole ? message.body : null }
  const matchedPassword = findPassword(credentials, request, passwordsFor(username, tag), hashText)
  return { user: username, realm, algorithm: algorithm ?? 'MD5', response, matchedPassword }
}

/** What svcrack says itself comes first: it is nearly always right. */
function* passwordsFor(user: string, tag: SipviciousTag | null): Generator<string> {
  if (tag?.kind === 'svcrack' && tag.value.startsWith(`${user}:`)) yield tag.value.slice(user.length + 1)
  yield* weakPasswords(user)
}

function isWhole({ rawShed, size, bytes }: StoredObservation): boolean {
  return !rawShed && size === bytes.length
}

const hashText: HashText = (algorithm, text) => hash(algorithm, Buffer.from(text, 'latin1'), 'hex')
