// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type ChallengeStyle,
  credentialsOf,
  type DigestChallenge,
  type DigestCredentials,
  digestResponses,
  findPassword,
  type HashText,
  parseChallenge,
  parseCredentials,
  writeChallenge,
} from './digest.ts'
import { parseMessage } from './message.ts'

const hashText: HashText = (algorithm, text) => hash(algorithm, Buffer.from(text, 'latin1'), 'hex')
const latin1 = (text: string) => Buffer.from(text).toString('latin1')

const NONE: DigestCredentials = {
  username: '',
  realm: '',
  nonce: '',
  uri: '',
  response: '',
  algorithm: null,
  qop: null,
  nc: null,
  cnonce: null,
  opaque: null,
}

type Vector = { credentials: string; password: string; method: string; body?: string }
const MUFASA = 'username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
const MUFASA_7616 = `username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
 cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
const BOB = 'username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com"'
const ZANZIBAR = { password: 'zanzibar', method: 'INVITE' }
const OFFER =
  'v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\nc=IN IP4 media.biloxi.com\r\nt=0 0\r\n' +
  'm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n' +
  'm=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n'

const VECTORS: Record<string, Vector> = {
  'RFC 2069 §2.4, as its erratum 749 corrects it': {
    credentials: `${MUFASA}, uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"`,
    password: 'CircleOfLife',
    method: 'GET',
  },
  'RFC 2617 §3.5': {
    credentials: `${MUFASA}, uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b",
 response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
    password: 'Circle Of Life',
    method: 'GET',
  },
  'RFC 7616 §3.9.1, MD5': {
    credentials: `${MUFASA_7616}, algorithm=MD5, response="8ca523f5e9506fed4657c9700eebdbec"`,
    password: 'Circle of Life',
    method: 'GET',
  },
  'RFC 7616 §3.9.1, SHA-256': {
    credentials: `${MUFASA_7616}, algorithm=SHA-256,
 response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`,
    password: 'Circle of Life',
    method: 'GET',
  },
  // With the user in clear instead of its hash: what is hashed is the user in any case (RFC 7616 §3.4.2).
  'RFC 7616 §3.9.2, SHA-512-256, as its erratum 4897 corrects it': {
    credentials: `username="${latin1('Jäsøn Doe')}", realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256,
 nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001,
 cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth,
 response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"`,
    password: 'Secret, or not?',
    method: 'GET',
  },
  'draft-smith-sipping-auth-examples-01 §3.1, without qop': {
    credentials: `${BOB}, response="bf57e4e0d0bffc0fbaedce64d59add5e"`,
    ...ZANZIBAR,
  },
  'the same draft §3.3, auth': {
    credentials: `${BOB}, qop=auth, algorithm=MD5, nc=00000001, cnonce="0a4f113b",
 response="89eb0059246c02b2f6ee02c7961d5ea3"`,
    ...ZANZIBAR,
  },
  'the same draft §3.4, auth with MD5-sess': {
    credentials: `${BOB}, qop=auth, algorithm=MD5-sess, nc=00000001, cnonce="0a4f113b",
 response="e4e4ea61d186d07a92c9e1f6919902e9"`,
    ...ZANZIBAR,
  },
  'the same draft §3.5, auth-int': {
    credentials: `${BOB}, qop=auth-int, algorithm=MD5, nc=00000001, cnonce="0a4f113b",
 response="bdbeebb2da6adb6bca02599c2239e192"`,
    ...ZANZIBAR,
    body: OFFER,
  },
  'the same draft §3.6, auth-int with MD5-sess': {
    credentials: `${BOB}, qop=auth-int, algorithm=MD5-sess, nc=00000001, cnonce="0a4f113b",
 response="91984da2d8663716e91554859c22ca70"`,
    ...ZANZIBAR,
    body: OFFER,
  },
}

for (const [name, { credentials, password, method, body = '' }] of Object.entries(VECTORS)) {
  test(`digestResponses() agrees with ${name}`, () => {
    const parsed = parseCredentials(`Digest ${credentials}`)
    assert(parsed !== null)
    const request = { method, body: Buffer.from(body) }
    assert.equal(digestResponses(parsed, request, password, hashText)[0], parsed.response)
    assert.equal(findPassword(parsed, request, ['', 'wrong', password], hashText), password)
    assert.equal(findPassword(parsed, request, ['', 'wrong'], hashText), null)
    assert.equal(findPassword(parsed, { ...request, method: 'BYE' }, [password], hashText), null)
  })
}

/** MD5 written out, the second opinion of what follows. */
const md5 = (...parts: string[]) => hash('md5', parts.join(':'), 'hex')
const KNOWN = md5('100', 'asterisk', 'secret')
const ASKED = md5('REGISTER', 'sip:a')
const NAMES = 'Digest username="100",realm="asterisk",nonce="n",uri="sip:a"'
const findIn = (value: string, method = 'REGISTER', body: Uint8Array | null = new Uint8Array()) =>
  findPassword(parseCredentials(value) ?? NONE, { method, body }, ['100', 'secret'], hashText)

const LENIENT: Record<string, string> = {
  'qop without nc and cnonce, as svcrack': `qop=auth,response="${md5(KNOWN, 'n', ASKED)}"`,
  'nc of eight decimal digits': `cnonce="c",nc=00000019,qop=auth,response="${md5(KNOWN, 'n', '00000019', 'c', 'auth', ASKED)}"`,
  'MD5-sess answered the old way, as svcrack': `cnonce="c",nc=00000001,algorithm=MD5-sess,qop=auth,response="${md5(md5(KNOWN, 'n', 'c'), 'n', ASKED)}"`,
  'an algorithm in quotes and lower case': `algorithm="md5",response="${md5(KNOWN, 'n', ASKED)}"`,
  'a qop in quotes': `cnonce="c",nc=1,qop="auth",response="${md5(KNOWN, 'n', '1', 'c', 'auth', ASKED)}"`,
  'a response in upper case': `response="${md5(KNOWN, 'n', ASKED).toUpperCase()}"`,
}
for (const [name, rest] of Object.entries(LENIENT)) {
  test(`findPassword() takes ${name}`, () => assert.equal(findIn(`${NAMES},${rest}`), 'secret'))
}

test('findPassword() takes a method that was hashed as written, or in upper case', () => {
  for (const hashed of ['register', 'REGISTER']) {
    const value = `${NAMES},response="${md5(KNOWN, 'n', md5(hashed, 'sip:a'))}"`
    assert.equal(findIn(value, 'register'), 'secret')
  }
})

test('findPassword() says nothing of what it does not know', () => {
  const plain = `response="${md5(KNOWN, 'n', ASKED)}"`
  assert.equal(findIn(`${NAMES},algorithm=SHA-1,${plain}`), null)
  assert.equal(findIn(`${NAMES},algorithm=MD5-sess-sess,${plain}`), null)
  assert.equal(findIn(`${NAMES},algorithm=AKAv1-MD5,${plain}`), null)
  assert.equal(findIn(`${NAMES},algorithm=toString,${plain}`), null)
  assert.equal(findIn(`${NAMES},qop=auth-conf,nc=1,cnonce=c,${plain}`), null)
  assert.equal(findIn(`${NAMES},response=""`), null)
  assert.equal(findIn('Digest'), null)
})

test('findPassword() says nothing of auth-int when the body is not all there', () => {
  const digest = md5(KNOWN, 'n', '1', 'c', 'auth-int', md5('REGISTER', 'sip:a', md5('')))
  const value = `${NAMES},qop=auth-int,nc=1,cnonce=c,response=${digest}`
  assert.equal(findIn(value), 'secret')
  assert.equal(findIn(value, 'REGISTER', null), null)
})

test('findPassword() hashes at most six texts a password and three more, and no long one again and again', () => {
  let calls = 0
  let sizeMax = 0
  const counted: HashText = (_, text) => {
    calls++
    sizeMax = Math.max(sizeMax, text.length)
    return 'h'
  }
  const long = fc.string({ maxLength: 600 })
  const algorithm = fc.constantFrom('MD5', 'SHA-256-sess', 'MD5-sess', null)
  const qop = fc.constantFrom('auth', 'auth-int', null)
  const strings = { username: long, realm: long, nonce: long, uri: long, nc: long, cnonce: fc.option(long) }
  fc.assert(
    fc.property(fc.record({ ...strings, algorithm, qop }), (parts) => {
      const credentials = { ...NONE, ...parts, response: 'x' }
      calls = sizeMax = 0
      findPassword(credentials, { method: 'invite', body: Buffer.alloc(0) }, ['a', 'b', 'c', 'd'], counted)
      assert(calls <= 6 * 4 + 3)
      if (calls > 3) assert(sizeMax <= 620)
    }),
  )
})

const PARSED: Record<string, [value: string, expected: Partial<DigestCredentials> | null]> = {
  'odd order and spaces': [
    '  dIgEsT \t uri = "sip:a" ,,nonce= "n" , , username ="u",realm\t=\t"r" ,response="x"  ',
    { uri: 'sip:a', nonce: 'n', username: 'u', realm: 'r', response: 'x' },
  ],
  'no spaces': ['Digest username="u",realm="r"', { username: 'u', realm: 'r' }],
  'no commas': [
    'Digest username="u" realm=r nonce="n"uri=sip:a;x=y',
    { username: 'u', realm: 'r', nonce: 'n', uri: 'sip:a;x=y' },
  ],
  'no quotes': ['Digest username=u, nonce=a/b+c==, uri=sip:a@b', { username: 'u', nonce: 'a/b+c==', uri: 'sip:a@b' }],
  'quotes where none belong': [
    'Digest algorithm="MD5", nc="00000001", qop="auth"',
    { algorithm: 'MD5', nc: '00000001', qop: 'auth' },
  ],
  escapes: ['Digest username="a\\"b\\\\c\\d,e=f", realm="r"', { username: 'a"b\\cd,e=f', realm: 'r' }],
  'the first of a name': ['Digest nonce="1", NONCE="2"', { nonce: '1' }],
  'an open quote': ['Digest nonce="n", username="u, realm=r', { nonce: 'n', username: 'u, realm=r' }],
  'an open escape': ['Digest username="u\\', { username: 'u\\' }],
  'a name alone': ['Digest username, realm="r"', { realm: 'r' }],
  junk: ['Digest =x, "quoted", <>@, a b c, realm="r"', { realm: 'r' }],
  'names of no meaning': ['Digest __proto__="x", toString="y", realm="r"', { realm: 'r' }],
  'empty values': ['Digest username="", nc=, cnonce=""', { nc: '', cnonce: '' }],
  nothing: ['Digest', {}],
  'another scheme': ['Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', null],
  'a longer scheme': ['DigestX username="u"', null],
  'an empty value': ['', null],
}
for (const [name, [value, expected]] of Object.entries(PARSED)) {
  test(`parseCredentials() reads ${name}`, () => {
    assert.deepEqual(parseCredentials(value), expected && { ...NONE, ...expected })
  })
}

const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const escaped = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`

test('parseCredentials() reads back whatever was quoted, in any order', () => {
  const record = fc.record({ username: text, realm: text, nonce: text, uri: text, response: text, cnonce: text })
  fc.assert(
    fc.property(record, fc.compareFunc<string>(), (parts, order) => {
      const written = Object.entries(parts).sort(([a], [b]) => order(a, b))
      const value = `Digest ${written.map(([name, part]) => `${name}=${escaped(part)}`).join()}`
      assert.deepEqual(parseCredentials(value), { ...NONE, ...parts })
    }),
  )
})

test('parseCredentials() and parseChallenge() give values for any text, in linear time', () => {
  const unit = fc.constantFrom('Digest ', 'nonce', '=', '"', '\\', ',', ' ', '\t', 'nonce="', 'a=b,', '\0', '\xff')
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 200 }), (noise) => {
      parseCredentials(`Digest ${noise}`)
      parseChallenge(noise)
    }),
  )
  for (const piece of ['"', '\\', ',', '=', 'a ', 'a=', 'a="', 'a=b,', ' ']) {
    assert.notEqual(parseCredentials(`Digest ${piece.repeat(65_536)}`), null)
  }
})

test('credentialsOf() reads each header of both names, four at most', () => {
  const message = (lines: string) => parseMessage(Buffer.from(`REGISTER sip:a SIP/2.0\r\n${lines}\r\n`))
  const users = (lines: string) => credentialsOf(message(lines)).map(({ username }) => username)
  const proxy = 'Proxy-Authorization: Digest username="p"\r\n'
  assert.deepEqual(users(`${proxy}AUTHORIZATION:Digest\r\n username=a\r\nAuthorization: Basic x\r\n`), ['a', 'p'])
  assert.equal(users(proxy.repeat(9)).length, 4)
  assert.deepEqual(users('WWW-Authenticate: Digest realm="r"\r\n'), [])
})

const STYLE: ChallengeStyle = { order: ['algorithm', 'realm', 'nonce', 'opaque', 'stale', 'qop'], separator: ', ' }
const CHALLENGE: DigestChallenge = { realm: 'r', nonce: 'n', algorithm: null, qop: [], opaque: null, stale: false }

test('writeChallenge() quotes what has to be quoted, in the order asked for', () => {
  const full = { ...CHALLENGE, algorithm: 'MD5', qop: ['auth', 'auth-int'], opaque: '"', stale: true }
  assert.equal(writeChallenge(CHALLENGE, STYLE), 'Digest realm="r", nonce="n"')
  assert.equal(
    writeChallenge(full, STYLE),
    'Digest algorithm=MD5, realm="r", nonce="n", opaque="\\"", stale=true, qop="auth,auth-int"',
  )
  assert.equal(
    writeChallenge(full, { order: ['realm', 'nonce', 'algorithm', 'qop'], separator: ',' }),
    'Digest realm="r",nonce="n",algorithm=MD5,qop="auth,auth-int"',
  )
})

test('parseChallenge() reads back what writeChallenge() wrote', () => {
  const record = fc.record({
    realm: text,
    nonce: text,
    algorithm: fc.constantFrom('MD5', 'SHA-256', 'MD5-sess', null),
    qop: fc.subarray(['auth', 'auth-int']),
    opaque: fc.option(text),
    stale: fc.boolean(),
  })
  fc.assert(
    fc.property(record, (challenge) =>
      assert.deepEqual(parseChallenge(writeChallenge(challenge, STYLE)), { ...challenge }),
    ),
  )
})

test('parseChallenge() reads what devices write', () => {
  assert.deepEqual(
    parseChallenge('Digest  realm="asterisk",nonce="1/a",opaque="o",stale=TRUE,algorithm=md5,qop="auth, auth-int"'),
    { realm: 'asterisk', nonce: '1/a', algorithm: 'md5', qop: ['auth', 'auth-int'], opaque: 'o', stale: true },
  )
  assert.equal(parseChallenge('NTLM realm="r"'), null)
})
