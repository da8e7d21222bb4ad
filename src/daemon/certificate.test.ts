// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { lstatSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCredentials } from '../../test/support/credentials.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { DaemonError } from '../core/errors.ts'
import type { TlsCredentials } from '../sensors/stream/tls-acceptor.ts'
import { ensureCertificate, followCertificate, readCertificate } from './_certificate.ts'

const DAY_MS = 86_400_000
const ownFiles = (dir: string) => ({ certificate: join(dir, 'tls/cert.pem'), key: join(dir, 'tls/key.pem') })

/** Files of the operator's own. */
function givenFiles(dir: string, credentials: TlsCredentials) {
  const files = { certificate: join(dir, 'c.pem'), key: join(dir, 'k.pem') }
  writeFileSync(files.certificate, credentials.certificate)
  writeFileSync(files.key, credentials.key)
  return files
}

test('the first start makes a certificate as a device has it, and later ones keep it', (t) => {
  const dir = tempDir(t)
  const files = ownFiles(dir)
  const now = Date.now()
  ensureCertificate(files, { stateDir: dir, subject: { organisation: 'Asterisk', commonName: 'pbx' }, now })
  assert.equal(lstatSync(files.key).mode & 0o777, 0o600)
  assert.equal(lstatSync(files.certificate).mode & 0o777 & ~0o644, 0)
  assert.equal(lstatSync(join(dir, 'tls')).mode & 0o777, 0o700)
  const { certificate } = readCertificate(files)
  const read = new X509Certificate(certificate)
  assert.deepEqual([read.subject, read.issuer], Array(2).fill('O=Asterisk\nCN=pbx'))
  assert.equal(read.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  const ageDays = (now - read.validFromDate.getTime()) / DAY_MS
  assert(ageDays > 29 && ageDays < 401, String(ageDays))
  assert.equal((read.validToDate.getTime() - read.validFromDate.getTime()) / DAY_MS, 3_650)
  assert.match(read.serialNumber, /^[4-7][0-9A-F]{39}$/)
  ensureCertificate(files, { stateDir: dir, subject: { organisation: 'Asterisk', commonName: 'other' }, now })
  assert.equal(readFileSync(files.certificate, 'utf8'), certificate)
  const second = tempDir(t)
  ensureCertificate(ownFiles(second), {
    stateDir: second,
    subject: { organisation: 'Asterisk', commonName: 'pbx' },
    now,
  })
  assert.notEqual(new X509Certificate(readFileSync(ownFiles(second).certificate)).serialNumber, read.serialNumber)
})

test('no certificate is made where the operator has one, or should have', (t) => {
  const dir = tempDir(t)
  const files = { certificate: join(dir, 'c.pem'), key: join(dir, 'k.pem') }
  ensureCertificate(files, { stateDir: dir, subject: { organisation: 'Asterisk', commonName: 'pbx' }, now: Date.now() })
  assert.throws(
    () => readCertificate(files),
    /sip\.tls\.certificate .*c\.pem: ENOENT.*; it has to be a PEM file with a certificate/,
  )
})

test('what is no certificate or no key says so', (t) => {
  const dir = tempDir(t)
  const good = makeCredentials()
  const cases: [TlsCredentials, RegExp][] = [
    [
      { ...good, certificate: 'nonsense' },
      /sip\.tls\.certificate .*c\.pem: .*it has to be a PEM file with a certificate$/,
    ],
    [{ ...good, certificate: good.key }, /sip\.tls\.certificate /],
    [{ ...good, key: good.certificate }, /sip\.tls\.key .*k\.pem: .*a private key without a passphrase$/],
    [{ ...good, key: makeCredentials().key }, /sip\.tls\.key .*it is not the key of the certificate in .*c\.pem/],
  ]
  for (const [credentials, message] of cases) {
    const files = givenFiles(dir, credentials)
    assert.throws(
      () => readCertificate(files),
      (error: unknown) => {
        assert(error instanceof DaemonError && error.code === 'CONFIG_INVALID')
        assert.match(error.message, message)
        return true
      },
    )
  }
})

/** Follows files, and tells what was renewed and logged as it happens. */
function follow(files: ReturnType<typeof ownFiles>, pollMs: number) {
  const renewed: string[] = []
  const logged: string[] = []
  let wake = () => {}
  const note = (list: string[]) => (text: string) => {
    list.push(text)
    wake()
  }
  const log = (_: object, text: string) => note(logged)(text)
  const following = followCertificate(files, {
    renew: ({ certificate }) => note(renewed)(new X509Certificate(certificate).subject.split('\n').at(-1) ?? ''),
    log: { info: log, error: log },
    pollMs,
  })
  const until = async (isDone: () => boolean) => {
    const signal = AbortSignal.timeout(10_000)
    while (!isDone()) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    }
  }
  return { renewed, logged, until, [Symbol.dispose]: () => following[Symbol.dispose]() }
}

test('files that change are read again, also behind a link, and broken ones are said once and left', async (t) => {
  const dir = tempDir(t)
  const first = givenFiles(dir, makeCredentials('first'))
  const files = { certificate: join(dir, 'link-c.pem'), key: join(dir, 'link-k.pem') }
  symlinkSync(first.certificate, files.certificate)
  symlinkSync(first.key, files.key)
  using node = follow(files, 1)
  writeFileSync(first.certificate, 'broken')
  await node.until(() => node.logged.length === 1)
  assert.match(node.logged[0]!, /^Cannot read the certificate of TLS again; the one that was read before stays$/)
  assert.deepEqual(node.renewed, [])
  const second = makeCredentials('second')
  writeFileSync(join(dir, 'new-k.pem'), second.key)
  renameSync(join(dir, 'new-k.pem'), first.key)
  writeFileSync(join(dir, 'new-c.pem'), second.certificate)
  renameSync(join(dir, 'new-c.pem'), first.certificate)
  await node.until(() => node.renewed.includes('CN=second'))
})

test('SIGHUP has them read again, and after the end nothing does', async (t) => {
  const files = givenFiles(tempDir(t), makeCredentials('first'))
  const before = process.listenerCount('SIGHUP')
  const node = follow(files, 1_000_000)
  process.emit('SIGHUP', 'SIGHUP')
  assert.deepEqual(node.renewed, ['CN=first'])
  assert.deepEqual(node.logged, ['The certificate of TLS was read again'])
  node[Symbol.dispose]()
  assert.equal(process.listenerCount('SIGHUP'), before)
})
