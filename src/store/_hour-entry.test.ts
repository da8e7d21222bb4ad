// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EntryWriter, type HourEntry, readEntries } from './_hour-entry.ts'

const counts = {
  hash: fc.nat(0xffff_ffff),
  count: fc.nat(2 ** 40),
  repeatCount: fc.nat(1000),
  firstMs: fc.nat(3_599_999),
  validation: fc.nat(2),
  tagMask: fc.nat(0xff),
}
const ip = fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', '::1', 'fe80::1:2:3:4'))
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 64 })
const text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 64,
})

const addresses = fc.record({ ...counts, value: ip, numberRows: fc.nat(1000), span: fc.nat(1000) })
const numbers = fc.record({
  ...counts,
  value: fc.tuple(fc.constantFrom('', '+'), digits).map(([plus, rest]) => plus + rest),
  prefix: fc.constantFrom('', '00', '+', '9011', 'x'.repeat(50)),
  other: fc.option(text),
  isForm: fc.boolean(),
  span: fc.nat(1000),
})
const entries = fc.oneof(
  addresses.map(({ span, ...entry }): HourEntry => {
    return { ...entry, kind: 'ip-address', form: '', isForm: false, lastMs: entry.firstMs + span }
  }),
  numbers.map(({ span, prefix, other, isForm, ...entry }): HourEntry => {
    const form = other ?? `${prefix}${entry.value.replace('+', '')}`.slice(0, 64)
    const isAlone = form === ''
    return {
      ...entry,
      kind: 'phone-number',
      form,
      isForm: isForm && !isAlone,
      lastMs: entry.firstMs + span,
      numberRows: 0,
    }
  }),
)

test('entries are read as they were written, and those passed over that nobody wants', () => {
  fc.assert(
    fc.property(fc.array(entries), (written) => {
      const writer = new EntryWriter()
      for (const entry of written) writer.add(entry)
      const bytes = writer.finish()
      const read: HourEntry[] = []
      readEntries(bytes, (entry) => read.push(entry))
      assert.deepEqual(read, written)
      const odd: HourEntry[] = []
      readEntries(
        bytes,
        (entry) => odd.push(entry),
        (hash) => hash % 2 === 1,
      )
      assert.deepEqual(
        odd,
        written.filter(({ hash }) => hash % 2 === 1),
      )
    }),
  )
})

test('damaged entries are refused, whatever bit it is', () => {
  const writer = new EntryWriter()
  writer.add({
    hash: 1,
    kind: 'ip-address',
    value: '198.51.100.7',
    form: '',
    isForm: false,
    count: 3,
    repeatCount: 0,
    firstMs: 5,
    lastMs: 9,
    validation: 0,
    tagMask: 1,
    numberRows: 0,
  })
  const bytes = writer.finish()
  for (let i = 0; i < 8 * bytes.length; i++) {
    const harmed = Buffer.from(bytes)
    harmed[i >> 3] = (harmed[i >> 3] ?? 0) ^ (1 << (i & 7))
    assert.throws(() => readEntries(harmed, () => {}), /checksum/)
  }
})
