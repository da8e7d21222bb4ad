// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { EventKind } from './event.ts'
import type { Tag } from './tags.ts'

/** What there is to know of an event when its tags are derived. */
export type TagFacts = {
  readonly kind: EventKind
  readonly method: string | null
  readonly e164: string | null // the number dialled, when it is one that exists in the world's plan
  readonly looksLikeTls: boolean
  readonly asksForWebSocket: boolean // by a request of HTTP
  readonly malformed: boolean // whether the parser found a `bad` or `fatal` defect
}

const PROBES: Readonly<Record<string, Tag>> = {
  OPTIONS: 'options-scan',
  REGISTER: 'register-probe',
  INVITE: 'invite-probe',
}

/** The tags of one event, each once. Methods are case-sensitive (RFC 3261 §7.1). */
export function deriveTags(facts: TagFacts): Tag[] {
  if (facts.kind === 'sip-response') return ['sip-response']
  if (facts.kind === 'non-sip') {
    if (facts.looksLikeTls) return ['non-sip', 'tls-probe']
    return facts.asksForWebSocket ? ['non-sip', 'ws-probe'] : ['non-sip']
  }
  if (facts.kind !== 'sip-request') return []
  const tags: Tag[] = []
  const probe = facts.method !== null && Object.hasOwn(PROBES, facts.method) ? PROBES[facts.method] : undefined
  if (probe !== undefined) tags.push(probe)
  if (probe === 'invite-probe' && facts.e164 !== null) tags.push('toll-fraud-call')
  if (facts.malformed) tags.push('malformed')
  return tags
}
