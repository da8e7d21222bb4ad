// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createRequire } from 'node:module'
import type { MetadataJson } from 'libphonenumber-js'
import { NumberPlans, type PlanData, type PlanSource } from './_number-plans.ts'

type PhoneLibrary = typeof import('libphonenumber-js/core')
const require = createRequire(import.meta.url)
let library: PhoneLibrary | undefined
let metadata: MetadataJson | undefined
let plans: NumberPlans | undefined

/** Loaded with the first number: it costs tens of milliseconds and some megabytes that a node without calls never needs. */
function phoneLibrary(): PhoneLibrary {
  library ??= require('libphonenumber-js/core') as PhoneLibrary
  return library
}

function phoneMetadata(): MetadataJson {
  metadata ??= require('libphonenumber-js/max/metadata') as MetadataJson
  return metadata
}

/** The plans of all countries, as the library knows them. */
export function numberPlans(): NumberPlans {
  plans ??= new NumberPlans(planSource())
  return plans
}

/** Whether the library takes a number with its + for valid, digit by digit. It alone would drop what does not fit. */
export function isValidToLibrary(number: string): boolean {
  const parsed = phoneLibrary().parsePhoneNumberFromString(number, phoneMetadata())
  return parsed?.isValid() === true && parsed.number === number
}

/** The library's class for its data; its published types leave out most of what that tells. */
type Metadata = {
  hasCallingCode(code: string): boolean
  getCountryCodesForCallingCode(code: string): readonly string[] | undefined
  selectNumberingPlan(countryOrCode: string): { readonly numberingPlan: PlanData }
}

function planSource(): PlanSource {
  const data = new (phoneLibrary().Metadata)(phoneMetadata()) as unknown as Metadata
  return {
    hasCallingCode: (code) => data.hasCallingCode(code),
    countriesOf: (code) => data.getCountryCodesForCallingCode(code),
    plan: (countryOrCode) => data.selectNumberingPlan(countryOrCode).numberingPlan,
  }
}
