// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calledNumbers } from './called-number.ts'
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
] as const) {
  test(`calledNumbers() of ${uri} to ${to}`, () => assert.deepEqual(called(uri, to), expected))
}

test('calledNumbers() finds nothing in a response', () => {
  assert.deepEqual(calledNumbers(parseMessage(Buffer.from('SIP/2.0 200 OK\r\nTo: <sip:100@a>\r\n\r\n'))), [])
})
