// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveTags, type TagFacts } from './derive-tags.ts'

const QUIET: TagFacts = {
  kind: 'sip-request',
  method: 'BYE',
  e164: null,
  looksLikeTls: false,
  asksForWebSocket: false,
  malformed: false,
}

for (const [about, facts, tags] of [
  ['OPTIONS', { method: 'OPTIONS' }, ['options-scan']],
  ['REGISTER', { method: 'REGISTER' }, ['register-probe']],
  ['INVITE', { method: 'INVITE' }, ['invite-probe']],
  ['INVITE to a number', { method: 'INVITE', e164: '+442081234567' }, ['invite-probe', 'toll-fraud-call']],
  ['OPTIONS to a number', { method: 'OPTIONS', e164: '+442081234567' }, ['options-scan']],
  ['a broken INVITE', { method: 'INVITE', malformed: true }, ['invite-probe', 'malformed']],
  ['another method', {}, []],
  ['another method, broken', { malformed: true }, ['malformed']],
  ['a method in another case', { method: 'options' }, []],
  ['a method that is the name of a property', { method: 'constructor' }, []],
  ['a response', { kind: 'sip-response', method: null, malformed: true }, ['sip-response']],
  ['HTTP', { kind: 'non-sip', method: null, malformed: true }, ['non-sip']],
  ['a TLS ClientHello', { kind: 'non-sip', method: null, looksLikeTls: true }, ['non-sip', 'tls-probe']],
  ['a request for a WebSocket', { kind: 'non-sip', method: null, asksForWebSocket: true }, ['non-sip', 'ws-probe']],
  ['an empty datagram', { kind: 'empty', method: null }, []],
  ['a bare connection', { kind: 'connection', method: null }, []],
] as const) {
  test(`deriveTags() of ${about}`, () => {
    assert.deepEqual(deriveTags({ ...QUIET, ...facts }), tags)
  })
}
