// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientHello, inRecords, TLS_VECTORS, vector16 } from '../../../test/support/client-hellos.ts'
import { CLIENT_HELLO_SIZE_MAX, type ClientHello, readClientHello } from './client-hello.ts'
import { ja4 } from './ja4.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

function helloIn(bytes: Uint8Array): ClientHello {
  const read = readClientHello(bytes)
  assert(read.kind === 'hello', read.kind)
  return read.hello
}

for (const { name, bytes, expected } of TLS_VECTORS) {
  test(`the ClientHello of ${name} has its JA4`, () => assert.equal(ja4(helloIn(bytes), sha256), expected))

  test(`readClientHello() waits on every prefix of ${name}`, () => {
    for (let size = 0; size < bytes.length; size++) {
      assert.equal(readClientHello(bytes.subarray(0, size)).kind, 'need-more')
    }
    assert.deepEqual(helloIn(Buffer.concat([bytes, Buffer.alloc(700, 0x17)])), helloIn(bytes)) // with what follows it
  })

  test(`readClientHello() reads ${name} in records of any size`, () => {
    for (let size = 1; size < bytes.length; size = size * 2 + 1) {
      assert.deepEqual(helloIn(inRecords(bytes.subarray(5), size)), helloIn(bytes))
    }
  })
}

const CHROME = {
  supportedVersions: [0x0304, 0x0303],
  cipherSuites: [
    ...[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014],
    ...[0x009c, 0x009d, 0x002f, 0x0035],
  ],
  extensions: [
    ...[0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d],
    ...[0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015],
  ],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  alpnProtocols: ['h2', 'http/1.1'],
}
const PUBLISHED = 't13d1516h2_8daaf6152771_e5627efa2ab1' // the example of JA4's own description

test('ja4() of the published example, with and without GREASE', () => {
  assert.equal(ja4(helloIn(clientHello(CHROME)), sha256), PUBLISHED)
  const greased = {
    ...CHROME,
    supportedVersions: [0x9a9a, ...CHROME.supportedVersions],
    cipherSuites: [0x0a0a, ...CHROME.cipherSuites],
    extensions: [0x1a1a, ...CHROME.extensions, 0xfafa],
  }
  assert.equal(ja4(helloIn(clientHello(greased)), sha256), PUBLISHED)
  assert.notEqual(
    ja4(helloIn(clientHello({ ...CHROME, extensions: [0x1a1b, ...CHROME.extensions] })), sha256),
    PUBLISHED,
  )
})

test('ja4() of empty lists, old versions and strange protocols', () => {
  const none = { version: 0x0300, cipherSuites: [], extensions: [], supportedVersions: [] }
  const empty = { ...none, alpnProtocols: [], signatureAlgorithms: [] }
  assert.equal(ja4(empty, sha256), 'ts3i000000_000000000000_000000000000')
  assert.equal(ja4({ ...empty, version: 0x1234 }, sha256).slice(0, 3), 't00')
  const mark = (protocol: string) => ja4({ ...empty, alpnProtocols: [protocol] }, sha256).slice(8, 10)
  // The examples of the description: the digits of the first and the last byte where one is no letter or digit.
  assert.deepEqual(['h2', 'h', '\xab', '\xab\xcd', '0\xab', '01\xab\xcd', '0\xab\xcd1'].map(mark), [
    ...['h2', 'hh', 'ab', 'ad', '3b', '3d', '01'],
  ])
  const many = { ...empty, cipherSuites: Array.from({ length: 120 }, (_, i) => i) }
  assert.equal(ja4(many, sha256).slice(0, 10), 'ts3i990000')
})

test('readClientHello() reads the hello of SSL 2.0', () => {
  const specs = Buffer.from('00002f010080000035', 'hex')
  const body = Buffer.concat([
    Buffer.from('01030100090000', 'hex'),
    Buffer.from('0010', 'hex'),
    specs,
    Buffer.alloc(16),
  ])
  const bytes = Buffer.concat([Buffer.from([0x80, body.length]), body])
  for (let size = 0; size < bytes.length; size++)
    assert.equal(readClientHello(bytes.subarray(0, size)).kind, 'need-more')
  const hello = helloIn(bytes)
  assert.deepEqual([hello.version, hello.cipherSuites, hello.extensions], [0x0301, [0x2f, 0x35], []])
})

test('readClientHello() knows what is no TLS at once', () => {
  for (const text of [
    'O',
    'OPTIONS sip:a SIP/2.0\r\n',
    'GET / HTTP/1.1\r\n',
    '\r\n',
    '\0\0\0',
    '\x16\x16',
    '\xff\xff\xff',
  ]) {
    assert.equal(readClientHello(Buffer.from(text, 'latin1')).kind, 'not-tls', JSON.stringify(text))
  }
})

test('readClientHello() calls bad what breaks its own sizes', () => {
  const [{ bytes } = assert.fail()] = TLS_VECTORS
  const broken = {
    'an empty record': Buffer.from('1603010000', 'hex'),
    'a record that is too large': Buffer.from('16030141000100', 'hex'),
    'a ServerHello': Buffer.from('160301000402000000', 'hex'),
    'an alert inside': Buffer.concat([
      inRecords(bytes.subarray(5), 40).subarray(0, 45),
      Buffer.from('15030100020228', 'hex'),
    ]),
    'cipher suites beyond its end': Buffer.concat([
      bytes.subarray(0, 76),
      Buffer.from('ffff', 'hex'),
      bytes.subarray(78),
    ]),
  }
  for (const [name, one] of Object.entries(broken)) {
    const { kind } = readClientHello(one)
    assert(kind === 'bad' || (name === 'an alert inside' && kind === 'need-more'), `${name}: ${kind}`)
  }
})

test('readClientHello() waits for no more than its bound', () => {
  const large = Buffer.concat([Buffer.from('16030140000100', 'hex'), vector16(Buffer.alloc(CLIENT_HELLO_SIZE_MAX))])
  assert.equal(readClientHello(large.subarray(0, CLIENT_HELLO_SIZE_MAX - 1)).kind, 'need-more')
  assert.equal(readClientHello(large.subarray(0, CLIENT_HELLO_SIZE_MAX)).kind, 'too-large')
  assert.equal(readClientHello(Buffer.from('16030140000100ffff', 'hex')).kind, 'too-large')
  assert.equal(readClientHello(Buffer.from('ffff010301', 'hex')).kind, 'too-large')
})

test('readClientHello() and ja4() answer every mutation', () => {
  const mutation = fc.tuple(
    fc.constantFrom(...TLS_VECTORS),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
    fc.nat(),
  )
  fc.assert(
    fc.property(mutation, ([{ bytes }, changes, cut]) => {
      const changed = Uint8Array.from(bytes)
      for (const [at, byte] of changes) changed[at % changed.length] = byte
      const read = readClientHello(changed.subarray(0, changed.length - (cut % 20)))
      if (read.kind === 'hello') assert.match(ja4(read.hello, sha256), /^t..[di]\d{4}.._[0-9a-f]{12}_[0-9a-f]{12}$/s)
    }),
    { numRuns: 3_000 },
  )
})

test('readClientHello() answers garbage', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', '16', '1603', '160301', '80'),
      (bytes, start) => {
        assert(readClientHello(Buffer.concat([Buffer.from(start, 'hex'), bytes])).kind !== undefined)
      },
    ),
    { numRuns: 3_000 },
  )
})
