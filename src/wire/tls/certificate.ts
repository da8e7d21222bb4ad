// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import * as der from './_der.ts'

export type CertificateInit = {
  readonly organisation: string
  readonly commonName: string
  readonly serial: Uint8Array // unguessable, at most 20 bytes
  readonly notBeforeAt: number // ms since epoch
  readonly notAfterAt: number
  readonly publicKey: Uint8Array // SubjectPublicKeyInfo, DER
  readonly keyId: Uint8Array // of that key: by custom its SHA-1
}

const OID = {
  organisation: '2.5.4.10',
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
} as const

/**
 * A certificate that an ECDSA key signs for itself, with the extensions that `openssl req -x509` gives it, as devices have
 * them. RFC 5280 §4.1. `sign` gives the signature over SHA-256 in DER. Returns DER.
 */
export function serializeCertificate(init: CertificateInit, sign: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const algorithm = der.sequence(der.objectIdentifier(OID.ecdsaWithSha256))
  const attribute = (oid: string, value: string) =>
    der.set(der.sequence(der.objectIdentifier(oid), der.utf8String(value)))
  const name = der.sequence(attribute(OID.organisation, init.organisation), attribute(OID.commonName, init.commonName))
  const extension = (oid: string, value: Uint8Array, isCritical = false) =>
    der.sequence(der.objectIdentifier(oid), ...(isCritical ? [der.yes] : []), der.octetString(value))
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))), // version 3
    der.integer(init.serial),
    algorithm,
    name, // the issuer
    der.sequence(der.time(init.notBeforeAt), der.time(init.notAfterAt)),
    name,
    init.publicKey,
    der.explicit(
      3,
      der.sequence(
        extension(OID.subjectKeyIdentifier, der.octetString(init.keyId)),
        extension(OID.authorityKeyIdentifier, der.sequence(der.implicit(0, init.keyId))),
        extension(OID.basicConstraints, der.sequence(der.yes), true),
      ),
    ),
  )
  return der.sequence(toBeSigned, algorithm, der.bitString(sign(toBeSigned)))
}
