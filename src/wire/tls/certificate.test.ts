// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { serializeCertificate } from './certificate.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function certificate(change: Partial<Parameters<typeof serializeCertificate>[0]> = {}): X509Certificate {
  const init = {
    organisation: 'Asterisk',
    commonName: 'pbx',
    serial: Buffer.from('00d1ff', 'hex'),
    notBeforeAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    notAfterAt: Date.UTC(2036, 0, 2, 3, 4, 5),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    keyId: Buffer.alloc(20, 7),
    ...change,
  }
  return new X509Certificate(serializeCertificate(init, (bytes) => sign('sha256', bytes, privateKey)))
}

test('serializeCertificate() makes what OpenSSL reads, and has signed itself', () => {
  const one = certificate()
  assert.equal(one.subject, 'O=Asterisk\nCN=pbx')
  assert.equal(one.issuer, 'O=Asterisk\nCN=pbx')
  assert.equal(one.serialNumber, 'D1FF')
  assert.equal(one.validFromDate.getTime(), Date.UTC(2026, 0, 2, 3, 4, 5))
  assert.equal(one.validToDate.getTime(), Date.UTC(2036, 0, 2, 3, 4, 5))
  assert.equal(one.ca, true)
  assert(one.verify(publicKey) && one.checkPrivateKey(privateKey) && one.checkIssued(one))
})

test('serializeCertificate() writes years after 2049 and long names', () => {
  const long = certificate({ commonName: `${'pbx-'.repeat(15)}é`, notAfterAt: Date.UTC(2060, 5, 1) })
  assert.equal(long.validToDate.getTime(), Date.UTC(2060, 5, 1))
  assert.match(long.subject, /CN=(pbx-){15}/)
})
