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
/** In the order in which the library asks for them. */
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

export type NumberType = (typeof TYPES)[number] | 'FIXED_LINE_OR_MOBILE'
/** Where a number is, and of what sort. The names are the library's own; the country's is that of ISO 3166-1. */
export type PlanPlace = { readonly country: string | null; readonly numberType: NumberType | null }

type Country = {
  readonly id: string | null // null: the code is no country's
  readonly leadingDigits: RegExp | null
  readonly isValid: (national: string) => boolean
  readonly typeOf: (national: string) => NumberType | null
}
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
      if (national.length < NATIONAL_SIZE_MIN || !countryIn(code, national).isValid(national)) return false
      return code.prefix?.test(national) ? null : true
    }
    return false
  }

  /** The place of a number that is valid. */
  place(digits: string): PlanPlace {
    for (let size = 1; size <= CODE_SIZE_MAX; size++) {
      const code = this.#code(digits.slice(0, size))
      if (code === null) continue
      const national = digits.slice(size)
      const country = countryIn(code, national)
      return { country: country.id, numberType: country.typeOf(national) }
    }
    return { country: null, numberType: null }
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
    const ids = this.#source.countriesOf(code)
    const countries = ids?.map((id) => countryOf(id, this.#source.plan(id)))
    const main = countryOf(ids?.[0] ?? null, plan)
    return { prefix: prefix ? new RegExp(`^(?:${prefix})`) : null, main, countries: countries ?? [main] }
  }
}

/** The country that a number is in, whether or not it is valid there. */
function countryIn({ main, countries }: Code, national: string): Country {
  if (countries.length === 1) return main
  for (const country of countries) {
    const { leadingDigits, isValid } = country
    if (leadingDigits === null ? isValid(national) : leadingDigits.test(national)) return country
  }
  return main
}

function countryOf(id: string | null, plan: PlanData): Country {
  const general = whole(plan.nationalNumberPattern())
  const leading = plan.leadingDigits()
  const leadingDigits = leading ? new RegExp(`^(?:${leading})`) : null
  if (!plan.hasTypes()) return { id, leadingDigits, isValid: (national) => general.test(national), typeOf: () => null }
  const types = TYPES.flatMap((name) => {
    const type = plan.type(name)
    return type?.pattern() ? [{ name, lengths: type.possibleLengths(), pattern: whole(type.pattern()) }] : []
  })
  const isOf = ({ lengths, pattern }: (typeof types)[number], national: string): boolean =>
    lengths?.includes(national.length) !== false && pattern.test(national)
  const mobile = types.find(({ name }) => name === 'MOBILE') // none: the numbers of the two look alike
  const typeOf = (national: string): NumberType | null => {
    const type = types.find((one) => isOf(one, national))?.name ?? null
    if (type !== 'FIXED_LINE') return type
    return mobile === undefined || isOf(mobile, national) ? 'FIXED_LINE_OR_MOBILE' : type
  }
  const hasType = (national: string): boolean => types.some((type) => isOf(type, national))
  return { id, leadingDigits, isValid: (national) => general.test(national) && hasType(national), typeOf }
}

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`)
