// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Closed list: what an event, and so its source, was caught doing. docs/tags.md says when each is given. Its version is
 * raised with every change of the list, since the index and the snapshot of indicators keep places in it.
 */
export const TAGS = [
  'options-scan',
  'register-probe',
  'register-bruteforce',
  'extension-enum',
  'invite-probe',
  'toll-fraud-call',
  'malformed',
  'non-sip',
  'tls-probe',
  'ws-probe',
  'flood',
  'known-research',
] as const
export type Tag = (typeof TAGS)[number]
export const TAGS_VERSION = 2

/**
 * The tags that no event can tell alone: they follow from what else its source did, as the store saw it when the event
 * came. So the journal keeps them, as bits in this order.
 */
export const BEHAVIOURS = ['register-bruteforce', 'extension-enum', 'flood'] as const satisfies readonly Tag[]
export type Behaviour = (typeof BEHAVIOURS)[number]
