// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Closed list: what an event, and so its source, was caught doing. Adding one is a new version of the list. */
export const TAGS = [
  'options-scan',
  'register-probe',
  'invite-probe',
  'toll-fraud-call',
  'malformed',
  'non-sip',
  'tls-probe',
  'sip-response',
  'ws-probe',
] as const
export type Tag = (typeof TAGS)[number]
