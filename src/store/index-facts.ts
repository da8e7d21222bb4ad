// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Event } from '../core/event.ts'
import { normalizeNumber } from '../core/phone-number.ts'

/** What the index needs of an event, so that the rest of it need not be made. */
export type IndexFacts = Pick<
  Event,
  | 'id'
  | 'kind'
  | 'at'
  | 'transport'
  | 'source'
  | 'destination'
  | 'validation'
  | 'collectedMethod'
  | 'method'
  | 'userAgent'
  | 'calledNumber'
  | 'e164'
> & { readonly calledNumbers: readonly DialledNumber[]; readonly tagMask: number }

/** Of the form at least the first 64 characters; the number it stands for where that is known. */
export type DialledNumber = { readonly raw: string; readonly value?: string }

/** What the number is known under. */
export const numberOf = ({ raw, value }: DialledNumber): string => value ?? normalizeNumber(raw).value

/** A journal entry as the index takes it: an event, or the event that a retransmission repeats. */
export type IndexEntry<Facts = IndexFacts> =
  | { readonly type: 'event'; readonly id: number; readonly event: Facts }
  | { readonly type: 'repeat'; readonly id: number; readonly original: Facts }

/** Characters of a text that the index holds; the journal has all of it. */
export const TEXT_SIZE_MAX = 128

/** A text as the index holds it and is asked for it. */
export const indexText = (text: string | null): string | null => text?.slice(0, TEXT_SIZE_MAX) ?? null
