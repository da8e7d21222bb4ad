// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What the phone library tells of a country's numbers, or of those of a code that is no country's. */
export type PlanData = {
  nationalNumberPattern(): string
  nationalPrefixForParsing(): string | undefined
  leadingDigits(): string | undefined
  hasTypes(): boolean
  type(name: string): { pattern(): string; possibleLengths(): readonly number[] | undefined } | undefined
}

/** Where the plans come from. */
export type PlanSource = {
  /** Whether a code of some country or service is that. */
  hasCallingCode(code: string): boolean
  /** The countries that share a calling code, the main one first; undefined when it is no country's. */
  countriesOf(code: string): readonly string[] | undefined
  /** The plan of a country, or that of a calling code's main one. */
  plan(countryOrCode: string): PlanData
}

const CODE_SIZE_MAX = 3
const NATIONAL_SIZE_MIN = 2 // digits
const TYPES = [
  'FIXED_LINE',
  'MOBILE',
  'PREMIUM_RATE',
  'TOLL_FREE',
  'SHARED_COST',
  'VOIP',
  'PERSONAL_NUMBER',
  'PAGER',
  'UAN',
  'VOICEMAIL',
] as const

type Country = { readonly leadingDigits: RegExp | null; readonly isValid: (national: string) => boolean }
type Code = {
  /** What a number may begin with that is no part of it: then the library has to decide whether it is. */
  readonly prefix: RegExp | null
  readonly main: Country
  readonly countries: readonly Country[]
}

/**
 * Whether digits are a number of the world's plan, told by the phone library's own patterns. The library makes objects
 * and expressions anew for each number, which takes ten times as long, and a flood brings a new number in each call.
 */
export class NumberPlans {
  readonly #source: PlanSource
  readonly #codes = new Map<string, Code | null>() // at most one for all that one to three digits can be; null: none

  constructor(source: PlanSource) {
    this.#source = source
  }

  /** Null when only the library can tell. */
  isValid(digits: string): boolean | null {
    for (let size = 1; size <= CODE_SIZE_MAX; size++) {
      const code = this.#code(digits.slice(0, size))
      if (code === null) continue
      const national = digits.slice(size)
      // Without what it begins with it would be another number, and as it is it has to be valid in any case.
      if (national.length < NATIONAL_SIZE_MIN || !isValidIn(code, national)) return false
      return code.prefix?.test(national) ? null : true
    }
    return false
  }

  #code(code: string): Code | null {
    const known = this.#codes.get(code)
    if (known !== undefined) return known
    const made = this.#source.hasCallingCode(code) ? this.#make(code) : null
    this.#codes.set(code, made)
    return made
  }

  #make(code: string): Code {
    const plan = this.#source.plan(code)
    const prefix = plan.nationalPrefixForParsing()
    const countries = this.#source.countriesOf(code)?.map((country) => countryOf(this.#source.plan(country)))
    const main = countryOf(plan)
    return { prefix: prefix ? new RegExp(`^(?:${prefix})`) : null, main, countries: countries ?? [main] }
  }
}

function isValidIn({ main, countries }: Code, national: string): boolean {
  if (countries.length === 1) return main.isValid(national)
  for (const { leadingDigits, isValid } of countries) {
    if (leadingDigits === null ? isValid(national) : leadingDigits.test(national)) return isValid(national)
  }
  return main.isValid(national)
}

function countryOf(plan: PlanData): Country {
  const general = whole(plan.nationalNumberPattern())
  const leading = plan.leadingDigits()
  const leadingDigits = leading ? new RegExp(`^(?:${leading})`) : null
  if (!plan.hasTypes()) return { leadingDigits, isValid: (national) => general.test(national) }
  const types = TYPES.flatMap((name) => {
    const type = plan.type(name)
    return type?.pattern() ? [{ lengths: type.possibleLengths(), pattern: whole(type.pattern()) }] : []
  })
  const hasType = (national: string): boolean =>
    types.some(({ lengths, pattern }) => lengths?.includes(national.length) !== false && pattern.test(national))
  return { leadingDigits, isValid: (national) => general.test(national) && hasType(national) }
}

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`)
