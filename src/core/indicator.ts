// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Tag } from './tags.ts'
import type { SourceValidation } from './validation.ts'

export const INDICATOR_KINDS = ['ip-address', 'phone-number'] as const
export type IndicatorKind = (typeof INDICATOR_KINDS)[number]

/** At most so many raw dialled forms are kept for one number; further ones count into the number alone. */
export const DIALLED_FORMS_MAX = 32

/** One raw form in which a number was dialled. */
export type DialledForm = { readonly raw: string; readonly count: number; readonly lastSeenAt: number }

/** What to look for, as this node's own events of the last 7 days show it. */
export type Indicator = {
  readonly kind: IndicatorKind
  /** An IP address in canonical text, or a number in E.164 with its +, or else its cleaned digits. */
  readonly value: string
  readonly firstSeenAt: number // ms since epoch
  readonly lastSeenAt: number
  readonly count: number // events
  readonly repeatCount: number // UDP retransmissions of those events
  readonly validation: SourceValidation // the best seen
  readonly tags: readonly Tag[]
  /** For numbers: the forms dialled, most frequent first. Empty for addresses. */
  readonly dialled: readonly DialledForm[]
}
