// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import { weakPasswords } from '../../core/weak-passwords.ts'
import { credentialsOf, type DigestCredentials, findPassword, type HashText } from '../../wire/sip/digest.ts'
import type { SipMessage } from '../../wire/sip/message.ts'
import type { Circumstances } from './answer.ts'
import { type Tokens, tokenCallId } from './token.ts'

/** What a client offered to prove who it is. */
export type OfferedCredentials = {
  readonly user: string
  readonly realm: string
  readonly algorithm: string // as received; MD5 when it names none
  /** Whether the nonce is one that only our packet carried to this source, was one within ten minutes, or is neither. */
  readonly nonce: 'own' | 'stale' | 'foreign'
  /** The weak password that they prove; null when it is none of those, and when the nonce is not ours. Found when first asked for. */
  readonly matchedPassword: string | null
}

/** What of the circumstances of a request counts. */
type Arrived = Pick<Circumstances, 'source' | 'now' | 'oversize'>

export type DigestAuthDeps = {
  readonly tokens: Tokens
  /** Weak passwords beside those that everybody knows. */
  readonly passwords?: readonly string[]
}

/**
 * What came back for challenges. RFC 3261 §22, without a table: the nonce says itself whether it is ours.
 * It costs 10 hashes at most to judge a nonce that could be ours by its size, and a message has 4 at most. Only when one is ours, and when somebody
 * asks, passwords are tried on the credentials that carry it: for 771 hashes at most (6 for each of 128, and 3) of
 * about 600 bytes. As a rule there are 2 for each of about 100, and it takes 0.1 ms.
 */
export class DigestAuth {
  readonly #deps: DigestAuthDeps

  constructor(deps: DigestAuthDeps) {
    this.#deps = deps
  }

  /** The credentials of the request, null when it has none: those with the best nonce, the first of them. */
  read(request: SipMessage, circumstances: Arrived): OfferedCredentials | null {
    const judged: { credentials: DigestCredentials; nonce: OfferedCredentials['nonce'] }[] = []
    for (const credentials of credentialsOf(request)) {
      judged.push({ credentials, nonce: this.#judge(credentials.nonce, request, circumstances) })
      if (judged.at(-1)?.nonce === 'own') break
    }
    const offered =
      judged.find(({ nonce }) => nonce === 'own') ?? judged.find(({ nonce }) => nonce === 'stale') ?? judged[0]
    if (offered === undefined) return null
    const { credentials, nonce } = offered
    let matched: string | null | undefined = nonce === 'own' ? undefined : null
    const match = () => this.#match(credentials, request, circumstances)
    return {
      user: credentials.username,
      realm: credentials.realm,
      algorithm: credentials.algorithm ?? 'MD5',
      nonce,
      get matchedPassword() {
        if (matched === undefined) matched = match()
        return matched
      },
    }
  }

  #judge(nonce: string, request: SipMessage, { source, now }: Arrived): OfferedCredentials['nonce'] {
    const { tokens } = this.#deps
    const sipCallId = request.header('call-id')
    if (sipCallId === undefined || nonce === '') return 'foreign'
    const callId = tokenCallId(sipCallId, request)
    if (tokens.isOwnNonce(nonce, source, callId, now)) return 'own'
    return tokens.isStaleNonce(nonce, source, callId, now) ? 'stale' : 'foreign'
  }

  #match(credentials: DigestCredentials, request: SipMessage, { oversize }: Arrived): string | null {
    const told = { method: request.method ?? '', body: oversize ? null : request.body }
    return findPassword(credentials, told, weakPasswords(credentials.username, this.#deps.passwords), hashText)
  }
}

const hashText: HashText = (algorithm, text) => hash(algorithm, Buffer.from(text, 'latin1'), 'hex')
