// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { askedUser, calledNumbers, otherNumbers } from './called-number.ts'
import { parseMessage } from './message.ts'

/** The numbers of a request with that Request-URI and To. */
function called(uri: string, to: string): string[] {
  const message = parseMessage(Buffer.from(`INVITE ${uri} SIP/2.0\r\nTo: ${to}\r\n\r\n`, 'latin1'))
  return calledNumbers(message).map(({ from, raw }) => `${from} ${raw}`)
}

for (const [uri, to, expected] of [
  ['sip:900442081234567@a', '<sip:900442081234567@a>', ['request-uri 900442081234567']],
  ['sip:900111@a', '<sip:100@a>', ['request-uri 900111', 'to 100']],
  ['sip:nm', '<sip:nm2@nm2>', []],
  ['sip:alice@a', '"100" <sip:+46@a>', ['to +46']],
  ['sip:192.0.2.1', 'sip:1000@192.0.2.1', ['to 1000']],
  ['SIPS:%2B46%2a1@a', 'x', ['request-uri +46*1']],
  ['sip:%252B46@a', 'x', []],
  ['sip:00-46.(500);phone-context=x:pw@a', '<sip:00-46.(500)@b>', ['request-uri 00-46.(500)']],
  ['tel:+46-1;phone-context=x', '<TEL:112>', ['request-uri +46-1', 'to 112']],
  ['sip:+*#@a', '<sip:-@a>', []],
  ['sip:12a@a', '<sip:1 2@a>', []],
  ['sip:@a', '<sip:%@a>', []],
  ['<sip:0046@a>', '"broken <sip:0047@a>', ['request-uri 0046', 'to 0047']],
  ['sip:0046@a:b:c', '<sip:0047', ['request-uri 0046']],
  ['mailto:1@a', '<http://1@a>', []],
  ['sip:1@2@3', '"a<sip:8@x>" <sip:9@x>', ['request-uri 1', 'to 9']],
  ['sip:user100@a', '<sip:alice123456@a>', []],
  ['sip:a900442081234567@a', '<sip:900442081234567~@a>', ['request-uri a900442081234567', 'to 900442081234567~']],
  ["sip:900442081234567'@a", '<sip:900442081234567&x@a>', ["request-uri 900442081234567'", 'to 900442081234567&x']],
  ['sip:900442081234567/x@a', '<sip:_900442081234567@a>', ['request-uri 900442081234567/x', 'to _900442081234567']],
  ['sip:!900442081234567@a', '<sip:00442081234567,,123@a>', ['request-uri !900442081234567', 'to 00442081234567,,123']],
  ['sip:+44%2020%208123%204567@a', '<sip:+44 20 8123 4567@a>', ['request-uri +44 20 8123 4567']],
  [
    'sip:900442081234567%00@a',
    'sip:9%0d%0a00442081234567@a',
    ['request-uri 900442081234567\0', 'to 9\r\n00442081234567'],
  ],
  ['sip:900442081234567', '<sip:%2B442081234567:5060;x>', ['request-uri 900442081234567', 'to +442081234567']],
  ['sip:192.168.100.200', '<sip:[2001:db8::1234567]>', []],
  ['sip:123456', '<sip:host1234567>', []],
  ['tel:2081234567;phone-context=+44', '<sip:a@a>', ['request-uri 2081234567;phone-context=+44']],
  [
    'sip:2081234567;isub=1;Phone-Context=+4-4;x@a;phone-context=+1',
    '<tel:2081234567;phone-context=+1>',
    ['request-uri 2081234567;Phone-Context=+4-4', 'to 2081234567;phone-context=+1'],
  ],
  ['tel:+442081234567;phone-context=+1', '<tel:911;phone-context=+1>', ['request-uri +442081234567', 'to 911']],
  ['tel:2081234567;phone-context=+44evil', 'Bob sip:1234@a', ['request-uri 2081234567', 'to 1234']],
] as const) {
  test(`calledNumbers() of ${uri} to ${to}`, () => assert.deepEqual(called(uri, to), expected))
}

test('calledNumbers() keeps any user with seven digits, whatever stands between them', () => {
  const character = fc.integer({ min: 0, max: 255 }).map((code) => `%${code.toString(16).padStart(2, '0')}`)
  const part = fc.tuple(fc.array(character, { maxLength: 3 }), fc.integer({ min: 0, max: 9 }))
  fc.assert(
    fc.property(fc.array(part, { minLength: 7, maxLength: 20 }), (parts) => {
      const user = parts.map(([others, digit]) => `${others.join('')}${digit}`).join('')
      const raw = user.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      assert.deepEqual(called(`sip:${user}@a`, `<sip:${user}@b>`), [`request-uri ${raw}`])
    }),
  )
})

test('calledNumbers() finds nothing in a response', () => {
  assert.deepEqual(calledNumbers(parseMessage(Buffer.from('SIP/2.0 200 OK\r\nTo: <sip:100@a>\r\n\r\n'))), [])
})

function others(...headers: string[]): string[] {
  const start = 'REFER sip:0046500@a SIP/2.0\r\nTo: <sip:100@a>\r\n'
  const message = parseMessage(Buffer.from(`${start}${headers.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1'))
  return otherNumbers(message).map(({ from, raw }) => `${from} ${raw}`)
}

for (const [headers, expected] of [
  [[], []],
  [['Diversion: <sip:+442081234567@a>;reason=unconditional'], ['diversion +442081234567']],
  [
    ['Diversion: "x, y" <tel:+441>, sip:%2B442@a;reason=busy', 'diversion: <sip:alice@a>, <sip:443@a>'],
    ['diversion +441', 'diversion +442', 'diversion 443'],
  ],
  [['P-Called-Party-ID: "Bob" <sip:+445@a;user=phone>'], ['p-called-party-id +445']],
  [['P-Called-Party-ID: <sip:100@a>', 'Diversion: <sip:0046500@a>'], []],
  [
    ['P-Called-Party-ID: <sip:7@a>', 'Refer-To: <sip:+448@a?Replaces=x>', 'Diversion: <sip:6@a>, <sip:6@a>'],
    ['refer-to +448', 'diversion 6', 'p-called-party-id 7'],
  ],
  [
    Array.from({ length: 99 }, (_, i) => `Diversion: <sip:${i}@a>`),
    [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `diversion ${i}`),
  ],
] as const) {
  test(`otherNumbers() of ${JSON.stringify(headers).slice(0, 100)}`, () => {
    assert.deepEqual(others(...headers), expected)
  })
}

test('calledNumbers() takes the number that a request refers to, when no two others are dialled', () => {
  const of = (uri: string, to: string) => {
    const bytes = Buffer.from(
      `REFER ${uri} SIP/2.0\r\nTo: ${to}\r\nr: "x" <sip:00442081234567@b?Replaces=1>;y=z\r\n\r\n`,
    )
    return calledNumbers(parseMessage(bytes)).map(({ from, raw }) => `${from} ${raw}`)
  }
  assert.deepEqual(of('sip:bob@a', '<sip:bob@a>'), ['refer-to 00442081234567'])
  assert.deepEqual(of('sip:100@a', '<sip:100@a>'), ['request-uri 100', 'refer-to 00442081234567'])
  assert.deepEqual(of('sip:100@a', '<sip:101@a>'), ['request-uri 100', 'to 101'])
  assert.deepEqual(of('sip:00442081234567@a', '<sip:bob@a>'), ['request-uri 00442081234567'])
})

for (const [to, user] of [
  ['<sip:100@a>', '100'],
  ['"x" <sips:al%69ce;p=1:pw@a>', 'alice'],
  ['tel:+44', '+44'],
  ['<sip:203.0.113.5>', null],
  ['<sip:@a>', null],
  ['x', null],
] as const) {
  test(`askedUser() of ${to}`, () => {
    assert.equal(askedUser(parseMessage(Buffer.from(`REGISTER sip:a SIP/2.0\r\nTo: ${to}\r\n\r\n`))), user)
  })
}
