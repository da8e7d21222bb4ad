// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonError } from '../core/errors.ts'
import { listenError } from './listen-error.ts'

const UDP = { transport: 'udp', host: '0.0.0.0', port: 5060 } as const

function systemError(code: string, address?: string) {
  return Object.assign(new Error(`bind ${code}`), { code, ...(address === undefined ? {} : { address }) })
}

const CASES: readonly [code: string, expected: DaemonError['code'], parts: RegExp][] = [
  [
    'EADDRINUSE',
    'PORT_IN_USE',
    /udp 0\.0\.0\.0:5060\. Another program holds it, such as Asterisk.*ss -lunp.*--sip udp:/,
  ],
  ['EACCES', 'LISTEN_FAILED', /on udp 0\.0\.0\.0:5060: the system does not permit it.*CAP_NET_BIND_SERVICE/],
  ['EADDRNOTAVAIL', 'LISTEN_FAILED', /does not have that address.*--sip udp:HOST:5060/],
  ['EAFNOSUPPORT', 'LISTEN_FAILED', /this machine has no IPv4/],
  ['EOTHER', 'LISTEN_FAILED', /bind EOTHER/],
]
for (const [code, expected, parts] of CASES) {
  test(`listenError() says what to do about ${code}`, () => {
    const cause = systemError(code)
    const error = listenError(UDP, cause)
    assert.equal(error.code, expected)
    assert.match(error.message, parts)
    assert.equal(error.cause, cause)
  })
}

test('listenError() brackets IPv6, and names the one address of a wildcard that failed', () => {
  const error = listenError({ transport: 'tcp', host: '::', port: 5060 }, systemError('EADDRINUSE', '::1'))
  assert.match(error.message, /tcp \[::\]:5060 \(at ::1\)\..*ss -ltnp.*--sip tcp:\[::\]:PORT/)
})

test('listenError() leaves an error alone that says it already', () => {
  const error = new DaemonError('LISTEN_FAILED', 'as it is')
  assert.equal(listenError(UDP, error), error)
})
