// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import {
  type Dialled,
  INPUT_SIZE_MAX,
  isDialPrefix,
  isInternationalPrefix,
  NUMBER_SIZE_MIN,
  numberFrom,
  PREFIX_AFTER_PLUS,
  prefixBefore,
  readDialled,
  START_MAX,
} from './_dialled.ts'
import type { PlanPlace } from './_number-plans.ts'
import { numberPlans } from './_phone-library.ts'
import type { DialledForm } from './indicator.ts'
import { normalizeNumber, validNumber } from './phone-number.ts'
import { RecentMap } from './recent-map.ts'

/** What a dialled string looks like: only a `number` has an E.164 number. */
export const NUMBER_CLASSES = ['number', 'extension', 'feature-code', 'name'] as const
export type NumberClass = (typeof NUMBER_CLASSES)[number]

/** Where a number is, and of what sort. */
export type NumberPlace = PlanPlace & {
  readonly isNonGeographic: boolean // of a worldwide service that costs: satellite, global networks, premium rate
}

/** A number that a dialled string may stand for. */
export type NumberCandidate = NumberPlace & {
  readonly e164: string
  /** 4 for a valid number, 3 for a part before it that looks like a dial prefix, up to 1 for how short that is. */
  readonly score: number
  readonly dialPrefix: string // digits and + * # before the number; empty when it was dialled as it is
}

/** All that can be told of a dialled string. */
export type NumberDetails = {
  readonly class: NumberClass
  readonly e164: string | null // as `normalizeNumber` gives it: the first candidate, if it is likely enough
  readonly dialPrefix: string | null // that of `e164`
  readonly candidates: readonly NumberCandidate[] // best first
}

const CANDIDATE_COUNT_MAX = 3
const SCORE = { valid: 4, dialPrefix: 3, short: 1 } as const
const SHORT_SIZE = 20 // digits; a longer part before the number is not short at all
/** Inmarsat, universal personal numbers, mobile satellite, international networks (twice), and premium rate. ITU-T E.164.D. */
const NON_GEOGRAPHIC = /^\+(?:870|878|881|882|883|979)/
const CACHE_COUNT = 1_024

const cache = new RecentMap<string, NumberDetails>(CACHE_COUNT)

/** Tells more of a dialled string than `normalizeNumber`, for what is shown to people: it takes several times as long. */
export function describeNumber(raw: string): NumberDetails {
  const input = raw.length > INPUT_SIZE_MAX ? raw.slice(0, INPUT_SIZE_MAX) : raw
  const known = cache.get(input)
  if (known !== undefined) return known
  const dialled = readDialled(input)
  const { e164 } = normalizeNumber(input)
  const candidates = dialled.digits.length < NUMBER_SIZE_MIN ? [] : candidatesOf(dialled)
  const [first] = candidates
  const dialPrefix = e164 === null || first === undefined ? null : first.dialPrefix
  const details = { class: classOf(input, dialled), e164, dialPrefix, candidates }
  cache.set(input.split('').join(''), details)
  return details
}

/** The place of an E.164 number. */
export function placeOf(e164: string): NumberPlace {
  return { ...numberPlans().place(e164.slice(1)), isNonGeographic: NON_GEOGRAPHIC.test(e164) }
}

/** How often a number was dialled behind which prefix, by the forms that are known of it; the most frequent first. */
export function dialPrefixesOf(value: string, forms: readonly DialledForm[]): { prefix: string; count: number }[] {
  if (!value.startsWith('+')) return []
  const counts = new Map<string, number>()
  for (const { raw, count } of forms) {
    const prefix = dialPrefixOf(raw, value.slice(1))
    counts.set(prefix, (counts.get(prefix) ?? 0) + count)
  }
  return Array.from(counts, ([prefix, count]) => ({ prefix, count })).sort((a, b) => b.count - a.count)
}

/** What stands before the number in a form of it; mostly a few signs that need no reading. */
function dialPrefixOf(raw: string, digits: string): string {
  const prefix = raw.endsWith(digits) ? raw.slice(0, raw.length - digits.length) : null
  if (prefix !== null && prefix.length < NUMBER_SIZE_MIN && /^[0-9+*#]*$/.test(prefix)) return prefix
  return prefixOf(readDialled(raw), digits)
}

function classOf(raw: string, { digits }: Dialled): NumberClass {
  if (digits === '') return 'name'
  if (digits.length >= NUMBER_SIZE_MIN) return 'number'
  return /^[*#]/.test(raw) ? 'feature-code' : 'extension'
}

function candidatesOf(dialled: Dialled): NumberCandidate[] {
  const likely: string[] = []
  const others: string[] = []
  for (const { number, isLikely } of readings(dialled)) {
    const e164 = validNumber(number)
    if (e164 === null || likely.includes(e164) || others.includes(e164)) continue
    if (isLikely) likely.push(e164)
    else others.push(e164)
    if (likely.length === CANDIDATE_COUNT_MAX) break
  }
  const all = [...likely, ...others].slice(0, CANDIDATE_COUNT_MAX)
  return all.map((e164, i) => candidateOf(dialled, e164, i < likely.length))
}

/** Everything that may be the number, in the order in which it is tried. */
function* readings(dialled: Dialled): Generator<{ readonly number: string; readonly isLikely: boolean }> {
  const { afterPlus, local, context } = dialled
  if (afterPlus !== null) {
    yield { number: afterPlus, isLikely: true }
    yield { number: afterPlus.replace(PREFIX_AFTER_PLUS, ''), isLikely: true }
    return
  }
  if (context !== null) {
    yield { number: context + local, isLikely: true }
    yield { number: context + local.replace(/^0/, ''), isLikely: true }
  }
  for (let start = 0; start <= START_MAX; start++) {
    const number = numberFrom(local, start)
    if (number === null) continue
    const prefix = local.slice(0, local.length - number.length)
    const isLikely = context === null ? isDialPrefix(prefix, local.length) : isInternationalPrefix(prefix)
    yield { number, isLikely }
  }
}

function candidateOf(dialled: Dialled, e164: string, isLikely: boolean): NumberCandidate {
  const dialPrefix = prefixOf(dialled, e164.slice(1))
  const removedCount = Math.min(dialPrefix.replace(/[^0-9]+/g, '').length, SHORT_SIZE)
  const score = SCORE.valid + (isLikely ? SCORE.dialPrefix : 0) + SCORE.short * (1 - removedCount / SHORT_SIZE)
  return { e164, score: Math.round(100 * score) / 100, dialPrefix, ...placeOf(e164) }
}

/** What was dialled before the number. Of one within a context only the national part was. */
function prefixOf({ text, local, context }: Dialled, digits: string): string {
  const national = context !== null && digits.startsWith(context) ? digits.slice(context.length) : null
  const isNational = national !== null && (national === local || `0${national}` === local)
  return prefixBefore(text, isNational ? national.length : digits.length)
}
