// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import Schema from 'typebox/schema'
import { INDICATOR_KINDS, type Indicator } from '../core/indicator.ts'
import { dialPrefixesOf, placeOf } from '../core/number-details.ts'
import { TAGS } from '../core/tags.ts'
import { SOURCE_VALIDATIONS } from '../core/validation.ts'
import { indicatorText } from './json.ts'
import { DialledSchema, DialPrefixSchema, IndicatorSchema } from './schemas.ts'

const time = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }).map(Number)
const hostile = fc.string({ unit: 'binary', maxLength: 64 })
const dialledForm = fc.oneof(hostile, fc.constantFrom('00442081234567', '900442081234567', '+442081234567', '1000'))

const indicators: fc.Arbitrary<Indicator> = fc.record({
  kind: fc.constantFrom(...INDICATOR_KINDS),
  value: fc.oneof(hostile, fc.constantFrom('+442081234567', '+881631234567', '1000')),
  firstSeenAt: time,
  lastSeenAt: time,
  count: fc.maxSafeNat(),
  repeatCount: fc.maxSafeNat(),
  validation: fc.constantFrom(...SOURCE_VALIDATIONS),
  tags: fc.subarray([...TAGS]),
  dialled: fc.array(fc.record({ raw: dialledForm, count: fc.nat(), lastSeenAt: time }), { maxLength: 4 }),
})

const NOWHERE = { country: null, numberType: null, isNonGeographic: false }

/** As the contract has it, made by the language. */
function contracted(indicator: Indicator) {
  const { kind, value, count, repeatCount, validation, tags, dialled } = indicator
  const rfc3339 = (at: number): string => new Date(at).toISOString()
  const events = count === 1 ? '1 event' : `${count} events`
  const json = {
    kind,
    value,
    verdict: 'seen',
    score: 0,
    count,
    repeatCount,
    firstSeenAt: rfc3339(indicator.firstSeenAt),
    lastSeenAt: rfc3339(indicator.lastSeenAt),
    validUntil: null,
    validation,
    tags,
    authors: 1,
    country: null,
    asn: null,
    why: {
      rule: 'seen',
      text: `This node saw it in ${events} of the last 7 days. Being seen is no verdict: nothing is blocked for it.`,
    },
  }
  if (kind === 'ip-address') return json
  const { country, numberType, isNonGeographic } = value.startsWith('+') ? placeOf(value) : NOWHERE
  const forms = dialled.map((form) => ({ ...form, lastSeenAt: rfc3339(form.lastSeenAt) }))
  return { ...json, country, numberType, isNonGeographic, dialled: forms, dialPrefixes: dialPrefixesOf(value, dialled) }
}

/** The schema with the parts of a number in place of the references to them. */
const schema = {
  ...IndicatorSchema,
  properties: {
    ...IndicatorSchema.properties,
    dialled: { type: 'array', items: DialledSchema },
    dialPrefixes: { type: 'array', items: DialPrefixSchema },
  },
}

test('an indicator written by hand is what JSON.stringify makes of the contract, and fits the schema', () => {
  fc.assert(
    fc.property(indicators, (indicator) => {
      const text = indicatorText(indicator)
      assert.equal(text, JSON.stringify(contracted(indicator)))
      assert.ok(Schema.Check(schema, JSON.parse(text)), text)
    }),
    { numRuns: 1000 },
  )
})

test('the schema that indicators are held to refuses what is not one', () => {
  const [indicator] = fc.sample(indicators, 1)
  const json = contracted(indicator!)
  assert.ok(Schema.Check(schema, json))
  for (const wrong of [{ verdict: 'bad' }, { score: '0' }, { count: -1 }, { extra: 1 }, { dialled: [{ raw: 1 }] }]) {
    assert.ok(!Schema.Check(schema, { ...json, ...wrong }), JSON.stringify(wrong))
  }
})
