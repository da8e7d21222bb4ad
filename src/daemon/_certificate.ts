// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  randomInt,
  sign,
  X509Certificate,
} from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DaemonError } from '../core/errors.ts'
import type { TlsCredentials } from '../sensors/stream/tls-acceptor.ts'
import type { Persona } from '../sensors/uas/persona.ts'
import { serializeCertificate } from '../wire/tls/certificate.ts'
import { writeNew } from './_write-new.ts'

const DAY_MS = 86_400_000
const VALID_DAYS = 3_650 // as PBXs give themselves
const AGE_DAYS = { min: 30, max: 400 } // a certificate of today would tell when the sensor was set up
const POLL_MS = 5_000

export type CertificateFiles = { readonly certificate: string; readonly key: string } // paths of PEM files

export type CertificateLog = {
  info(object: object, text: string): void
  error(object: object, text: string): void
}

/** Makes the certificate in the state folder, unless it is there or the operator has another. */
export function ensureCertificate(
  files: CertificateFiles,
  { stateDir, subject, now }: { stateDir: string; subject: Persona['certificate']; now: number },
): void {
  const isOwn =
    files.certificate === join(stateDir, 'tls', 'cert.pem') && files.key === join(stateDir, 'tls', 'key.pem')
  if (!isOwn || (fingerprint(files.certificate) !== null && fingerprint(files.key) !== null)) return
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const serial = randomBytes(20)
  serial[0] = (serial[0]! & 0x7f) | 0x40 // positive, and of 20 bytes: RFC 5280 §4.1.2.2
  const notBeforeAt = now - randomInt(AGE_DAYS.min * DAY_MS, AGE_DAYS.max * DAY_MS)
  const certificate = serializeCertificate(
    {
      ...subject,
      serial,
      notBeforeAt,
      notAfterAt: notBeforeAt + VALID_DAYS * DAY_MS,
      publicKey: spki,
      keyId: createHash('sha1').update(spki.subarray(-65)).digest(), // of the point alone: RFC 5280 §4.2.1.2
    },
    (bytes) => sign('sha256', bytes, privateKey),
  )
  mkdirSync(dirname(files.key), { recursive: true, mode: 0o700 })
  writeNew(files.key, String(privateKey.export({ type: 'pkcs8', format: 'pem' })), 0o600)
  writeNew(files.certificate, new X509Certificate(certificate).toString(), 0o644)
}

/** Throws DaemonError CONFIG_INVALID, saying which file is wrong and what it should hold. */
export function readCertificate(files: CertificateFiles): TlsCredentials {
  const certificate = readPart(
    'sip.tls.certificate',
    files.certificate,
    'a certificate',
    (pem) => new X509Certificate(pem),
  )
  const key = readPart('sip.tls.key', files.key, 'a private key without a passphrase', createPrivateKey)
  if (!certificate.parsed.checkPrivateKey(key.parsed)) {
    throw new DaemonError(
      'CONFIG_INVALID',
      `sip.tls.key ${files.key}: it is not the key of the certificate in ${files.certificate}; the chain has to begin with the own one`,
    )
  }
  return { certificate: certificate.pem, key: key.pem }
}

function readPart<T>(
  setting: string,
  path: string,
  what: string,
  parse: (pem: string) => T,
): { pem: string; parsed: T } {
  try {
    const pem = readFileSync(path, 'utf8')
    return { pem, parsed: parse(pem) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DaemonError('CONFIG_INVALID', `${setting} ${path}: ${reason}; it has to be a PEM file with ${what}`, {
      cause: error,
    })
  }
}

/** Has them read again when they change, and on SIGHUP. What is wrong then is said, and the old ones stay. */
export function followCertificate(
  files: CertificateFiles,
  {
    renew,
    log,
    pollMs = POLL_MS,
  }: { renew: (credentials: TlsCredentials) => void; log: CertificateLog; pollMs?: number },
): Disposable {
  const state = () => `${fingerprint(files.certificate)} ${fingerprint(files.key)}`
  let known = state()
  const reload = () => {
    known = state()
    try {
      renew(readCertificate(files))
      log.info({ ...files }, 'The certificate of TLS was read again')
    } catch (error) {
      log.error({ err: error }, 'Cannot read the certificate of TLS again; the one that was read before stays')
    }
  }
  const timer = setInterval(() => {
    if (state() !== known) reload()
  }, pollMs).unref()
  process.on('SIGHUP', reload)
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      process.off('SIGHUP', reload)
    },
  }
}

/** Changes whenever the file does; null when it is not there. Links are followed, as tools for certificates set them. */
function fingerprint(path: string): string | null {
  const file = statSync(path, { throwIfNoEntry: false })
  return file === undefined ? null : `${file.ino} ${file.size} ${file.mtimeMs}`
}
