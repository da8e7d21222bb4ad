// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { EventKind } from './event.ts'
import { type Behaviour, TAGS, type Tag } from './tags.ts'

/** What there is to know of an event when its tags are derived. */
export type TagFacts = {
  readonly kind: EventKind
  readonly method: string | null
  readonly e164: string | null // the number dialled, when it is one that exists in the world's plan
  readonly malformed: boolean // whether the parser found a `bad` or `fatal` defect
  readonly looksLike: 'tls' | 'websocket' | null // what begins that is no SIP
  readonly isResearch: boolean // whether its source or its user agent is a research scanner's
  readonly behaviours: readonly Behaviour[] // what its source was doing when it came
}

const PROBES: Readonly<Record<string, Tag>> = {
  OPTIONS: 'options-scan',
  REGISTER: 'register-probe',
  INVITE: 'invite-probe',
}
const HANDSHAKES = { tls: 'tls-probe', websocket: 'ws-probe' } as const

/** The tags of one event, each once, in the order of TAGS. Methods are case-sensitive (RFC 3261 §7.1). */
export function deriveTags(facts: TagFacts): Tag[] {
  if (facts.kind === 'media') return []
  const tags: Tag[] = [...facts.behaviours]
  if (facts.isResearch) tags.push('known-research')
  if (facts.kind === 'non-sip') tags.push('non-sip', ...(facts.looksLike === null ? [] : [HANDSHAKES[facts.looksLike]]))
  if (facts.kind === 'sip-request') tags.push(...requestTags(facts))
  return tags.sort((a, b) => TAGS.indexOf(a) - TAGS.indexOf(b))
}

function requestTags({ method, e164, malformed }: TagFacts): Tag[] {
  const tags: Tag[] = []
  const probe = method !== null && Object.hasOwn(PROBES, method) ? PROBES[method] : undefined
  if (probe !== undefined) tags.push(probe)
  if (probe === 'invite-probe' && e164 !== null) tags.push('toll-fraud-call')
  if (malformed) tags.push('malformed')
  return tags
}
