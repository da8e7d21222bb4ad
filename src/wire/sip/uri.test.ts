// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPlainAddress, isPlainVia, plainUri } from './_plain.ts'
import { parseVia, viaWithSource } from './_via.ts'
import { parseNameAddr, parseUri } from './uri.ts'

test('parseUri() cuts a sip URI into its parts', () => {
  assert.deepEqual(parseUri('SIP:1001;phone-context=+46:pw;x@[2001:db8::1]:5070;transport=tcp;LR?a=b&c=d'), {
    scheme: 'sip',
    user: '1001',
    userParameters: 'phone-context=+46',
    password: 'pw;x',
    host: '[2001:db8::1]',
    port: 5070,
    parameters: new Map([
      ['transport', 'tcp'],
      ['lr', ''],
    ]),
    headers: 'a=b&c=d',
  })
})

test('parseUri() decodes nothing and keeps an empty password apart from none', () => {
  const uri = parseUri('sips:%2B46%3a:@example.com')
  assert.equal(uri?.user, '%2B46%3a')
  assert.equal(uri?.password, '')
  assert.equal(parseUri('sip:a@b')?.password, null)
  assert.equal(parseUri('sip:example.com')?.user, null)
})

test('parseUri() reads tel URIs and keeps other schemes whole', () => {
  const tel = parseUri('tel:+46-500-72;ext=1;phone-context=se')
  assert.equal(tel?.user, '+46-500-72')
  assert.equal(tel?.userParameters, 'ext=1;phone-context=se')
  assert.equal(tel?.parameters.get('ext'), '1')
  assert.deepEqual([parseUri('urn:service:sos')?.scheme, parseUri('urn:service:sos')?.host], ['urn', 'service:sos'])
})

for (const text of [
  '',
  ':',
  'sip:',
  'sip',
  '1a:b',
  'sip:@b',
  'sip:a@',
  'sip:a b@c',
  'sip:a\0@b',
  'sip:a\x7f@b',
  'sip:a@b:',
  'sip:a@b:1x',
  'sip:a@b:65536',
  'sip:a@[::1',
  'sip:a@[x]',
  '<sip:a@b>',
  'sip:a@b@c',
  'tel:',
  'tel:;x',
]) {
  test(`parseUri() refuses ${JSON.stringify(text)}`, () => assert.equal(parseUri(text), null))
}

test('parseNameAddr() reads the forms of RFC 3261 §20.10 and §20.20', () => {
  const parse = (value: string) => {
    const address = parseNameAddr(value)
    return address && [address.displayName, address.uri, Object.fromEntries(address.parameters)]
  }
  assert.deepEqual(parse('"A. \\"G.\\" Bell" <sip:agb@bell.example.com> ;tag=a48s'), [
    'A. "G." Bell',
    'sip:agb@bell.example.com',
    { tag: 'a48s' },
  ])
  assert.deepEqual(parse('sip:+12125551212@server.example.com;tag=887s'), [
    '',
    'sip:+12125551212@server.example.com',
    { tag: '887s' },
  ])
  assert.deepEqual(parse('Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8'), [
    'Anonymous',
    'sip:c8oqz84zk7z@privacy.org',
    { tag: 'hyh8' },
  ])
  assert.deepEqual(parse('<sip:a@b;c=d>;Q = "0;5" ; x'), ['', 'sip:a@b;c=d', { q: '0;5', x: '' }])
  assert.deepEqual(parse('"sipvicious"<sip:100@1.1.1.1>'), ['sipvicious', 'sip:100@1.1.1.1', {}])
})

for (const value of [
  '',
  '*',
  'nobody',
  '<>',
  '<nobody>',
  '"a <sip:a@b>',
  '"a" sip:a@b',
  '<sip:a@b',
  '<sip:a@b>x',
  '<sip:a@b>;',
  '<sip:a@b>;;',
  '<sip:a@b>;=x',
  '<sip:a@b>;x="y',
  'sip:a@b?x=y',
  'sip:a@b,sip:c@d',
  '<sip:a@b>, <sip:c@d>',
  '<sip:a@b>;tag=a b',
  '<sip:a@b>;tag=\0',
]) {
  test(`parseNameAddr() refuses ${JSON.stringify(value)}`, () => assert.equal(parseNameAddr(value), null))
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1')
/** Text of the letters that matter, so that a good part of it means something. */
const uriLike = fc
  .array(
    fc.constantFrom(
      'sip:',
      'sips:',
      'SIP:',
      'a',
      '0',
      '+',
      '@',
      ':',
      '5060',
      '65536',
      ';',
      'lr',
      '=',
      '.',
      '[',
      '::1',
      ']',
      '%',
      '"',
      '<',
      '>',
      ' ',
      '?',
      ',',
      '\\',
      '\0',
      '\xff',
      ';tag=x',
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(''))

test('what plainUri() takes, parseUri() takes too', () => {
  fc.assert(
    fc.property(uriLike, (text) => {
      if (plainUri(bytesOf(text), 0, text.length) === text.length) assert(parseUri(text) !== null, text)
    }),
    { numRuns: 5_000 },
  )
})

test('isPlainAddress() takes a comma in a user only inside brackets', () => {
  const isPlain = (text: string) => isPlainAddress(bytesOf(text), 0, text.length)
  assert.deepEqual(['<sip:a,b@c>', 'sip:a,b@c', 'sip:,@5060', 'sip:ab@c'].map(isPlain), [true, false, false, true])
})

test('what isPlainAddress() takes, parseNameAddr() takes too', () => {
  fc.assert(
    fc.property(uriLike, uriLike, (one, two) => {
      for (const text of [one, `<${one}>`, `"x" <${one}>${two}`, `${one}${two}`, `x<${one}>;tag=${two}`]) {
        if (!isPlainAddress(bytesOf(text), 0, text.length)) continue
        const address = parseNameAddr(text)
        assert(address !== null && parseUri(address.uri) !== null, text)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('what isPlainVia() takes, parseVia() takes too', () => {
  const viaLike = fc
    .array(
      fc.constantFrom(
        'SIP/2.0/UDP ',
        'a',
        '1.2.3.4',
        ':5060',
        ';',
        'rport',
        'branch',
        '=',
        'received=',
        '::1',
        '[::1]',
        ',',
        ' ',
        '"',
        '/',
      ),
      { maxLength: 10 },
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(viaLike, (text) => {
      for (const via of [text, `SIP/2.0/UDP h${text}`]) {
        if (isPlainVia(bytesOf(via), 0, via.length)) assert(parseVia(via) !== null, via)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('the byte A0, half a letter in UTF-8, is no white space', () => {
  assert.equal(parseUri('sip:\xc3\xa0@example.com')?.user, '\xc3\xa0')
  assert.equal(parseNameAddr('"x" <sip:\xc3\xa0@b>')?.uri, 'sip:\xc3\xa0@b')
  assert.equal(parseNameAddr('\xc3\xa0 <sip:a@b>')?.displayName, '\xc3\xa0')
})

test('parseVia() reads sent-by and parameters, with white space where the grammar has it', () => {
  const via = parseVia(
    'SIP / 2.0 / TCP  first.example.com : 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1, SIP/2.0/UDP b',
  )
  assert.equal(via?.protocol, 'SIP/2.0/TCP')
  assert.equal(via?.host, 'first.example.com')
  assert.equal(via?.port, 4000)
  assert.equal(via?.parameters.get('maddr'), '224.2.0.1')
  for (const text of [
    '',
    'x',
    'SIP/2.0/UDP',
    'SIP/2.0 a',
    'SIP/2.0/UDP/x a',
    'SIP/2.0/UDP a b c:1:2',
    'SIP/2.0/UDP a;',
    'SIP//UDP a',
  ]) {
    assert.equal(parseVia(text), null, text)
  }
})

test('viaWithSource() says received and rport as RFC 3581 §4 asks, in the first value only', () => {
  const say = (line: string) => viaWithSource(line, '2001:db8::9', 5061)
  assert.equal(say('SIP/2.0/UDP [2001:DB8::9]'), 'SIP/2.0/UDP [2001:DB8::9]')
  assert.equal(say('SIP/2.0/UDP [2001:db8::8];branch=b'), 'SIP/2.0/UDP [2001:db8::8];branch=b;received=2001:db8::9')
  assert.equal(
    say('SIP/2.0/UDP [2001:db8::9];rport;branch=b'),
    'SIP/2.0/UDP [2001:db8::9];branch=b;received=2001:db8::9;rport=5061',
  )
  assert.equal(
    say('SIP/2.0/UDP a;rport = 1;received=8.8.8.8;x="a;rport,b" , SIP/2.0/UDP c;rport'),
    'SIP/2.0/UDP a;x="a;rport,b";received=2001:db8::9;rport=5061, SIP/2.0/UDP c;rport',
  )
  assert.equal(say('what is this'), 'what is this')
})
