// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import type { TlsCredentials } from '../../src/sensors/stream/tls-acceptor.ts'
import { serializeCertificate } from '../../src/wire/tls/certificate.ts'

const DAY_MS = 86_400_000

/** A certificate that signed itself, and its key. */
export function makeCredentials(commonName = 'pbx'): TlsCredentials {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = serializeCertificate(
    {
      organisation: 'Asterisk',
      commonName,
      serial: Buffer.from('51', 'hex'),
      notBeforeAt: Date.now() - DAY_MS,
      notAfterAt: Date.now() + DAY_MS,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      keyId: Buffer.alloc(20),
    },
    (bytes) => sign('sha256', bytes, privateKey),
  )
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { certificate: new X509Certificate(certificate).toString(), key }
}
