// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { CountedEvent } from '../core/event.ts'
import type { IndicatorKind } from '../core/indicator.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { TAGS, type Tag } from '../core/tags.ts'
import { SOURCE_VALIDATIONS, type SourceValidation } from '../core/validation.ts'

export const DIALLED_SIZE_MAX = 64 // characters kept of a dialled form

/** What some events add to an indicator: one row of an hour, or the news of the last milliseconds. */
export type Delta = {
  readonly kind: IndicatorKind
  readonly value: string
  readonly form: string // '' for the indicator itself, else one raw form in which the number was dialled
  readonly count: number
  readonly repeatCount: number
  readonly firstAt: number
  readonly lastAt: number
  readonly validation: SourceValidation
  readonly tagMask: number // one bit a tag, in the order of TAGS
}

export function tagMask(tags: readonly Tag[]): number {
  let mask = 0
  for (const tag of tags) mask |= 1 << TAGS.indexOf(tag)
  return mask
}

export const tagsOf = (mask: number): Tag[] => TAGS.filter((_, i) => mask & (1 << i))

export const validationRank = (validation: SourceValidation): number => SOURCE_VALIDATIONS.indexOf(validation)
export const validationAt = (rank: number): SourceValidation => SOURCE_VALIDATIONS[rank] ?? 'none'

/** The values by which the numbers of an event are kept, each once. */
export function numberValues(event: CountedEvent): string[] {
  return [...new Set(event.calledNumbers.map(({ raw }) => normalizeNumber(raw).value))]
}

/** What one event adds: to its address, to each number it dialled, and to each form of that. */
export function deltasOf(event: CountedEvent): Delta[] {
  const facts = {
    count: 1,
    repeatCount: 0,
    firstAt: event.at,
    lastAt: event.at,
    validation: event.validation,
    tagMask: tagMask(event.tags),
  }
  const deltas: Delta[] = [{ kind: 'ip-address', value: event.source.ip, form: '', ...facts }]
  for (const value of numberValues(event)) deltas.push({ kind: 'phone-number', value, form: '', ...facts })
  const seen = new Set<string>()
  for (const { raw } of event.calledNumbers) {
    const form = raw.slice(0, DIALLED_SIZE_MAX)
    if (seen.has(form)) continue
    seen.add(form)
    deltas.push({ kind: 'phone-number', value: normalizeNumber(raw).value, form, ...facts })
  }
  return deltas
}

/** What one retransmission adds: it is counted apart and moves no time, since it tells nothing new: `at` is the event's. */
export function repeatDeltas(ip: string, numbers: readonly string[], at: number): Delta[] {
  const facts = { form: '', count: 0, repeatCount: 1, firstAt: at, lastAt: at, validation: 'none', tagMask: 0 } as const
  return [
    { kind: 'ip-address', value: ip, ...facts },
    ...numbers.map((value): Delta => ({ kind: 'phone-number', value, ...facts })),
  ]
}
