// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type HeaderLine, SHED } from './answer.ts'
import type { Persona } from './persona.ts'
import type { Nonce } from './token.ts'

export type ChallengeInit = {
  readonly status: 401 | 407
  readonly realm: string
  readonly nonce: Nonce
  /** Whether what was shown was right, and its nonce too old. RFC 7616 §3.3 */
  readonly isStale?: boolean
}

/** The header lines by which the device asks for a password; MD5 first, since svcrack knows no other. */
export function challengeLines({ challenge }: Persona, init: ChallengeInit): HeaderLine[] {
  const { realm, nonce, isStale = false } = init
  const name = init.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
  const [first = '', ...others] = challenge.formats
  const write = (format: string, text: string) => {
    const filled = format.replace(/\{(realm|nonce|opaque)\}/g, (_, hole) =>
      hole === 'realm' ? realm : hole === 'nonce' ? text : nonce.opaque,
    )
    return isStale ? `${filled}${format.includes(', ') ? ', ' : ','}stale=true` : filled
  }
  const dense = first.replaceAll(', ', ',')
  // MD5 is meant when no algorithm is named, and the way of RFC 2069 when no qop is.
  const shortest = `Digest realm="${realm}",nonce="${nonce.short}"${isStale ? ',stale=true' : ''}`
  return [
    { name, value: write(first, nonce.long), short: write(dense, nonce.short), shortest, shed: SHED.never },
    ...others.map((format) => ({ name, value: write(format, nonce.long), shed: SHED.supported })),
  ]
}
