// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveTags, type TagFacts } from './derive-tags.ts'

const QUIET: TagFacts = {
  kind: 'sip-request',
  method: 'BYE',
  e164: null,
  malformed: false,
  looksLike: null,
  isResearch: false,
  behaviours: [],
}
const JUNK = { kind: 'non-sip', method: null } as const

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
  ['a response', { kind: 'sip-response', method: null, malformed: true }, []],
  ['HTTP', { ...JUNK, malformed: true }, ['non-sip']],
  ['a TLS ClientHello', { ...JUNK, looksLike: 'tls' }, ['non-sip', 'tls-probe']],
  ['a WebSocket handshake', { ...JUNK, looksLike: 'websocket' }, ['non-sip', 'ws-probe']],
  ['an empty datagram', { kind: 'empty', method: null }, []],
  ['a bare connection', { kind: 'connection', method: null }, []],
  ['a researcher', { kind: 'connection', method: null, isResearch: true }, ['known-research']],
  ['media, whoever sends it', { kind: 'media', method: null, isResearch: true, behaviours: ['flood'] }, []],
  [
    'an attack of many REGISTERs, in the order of the list',
    { method: 'REGISTER', isResearch: true, behaviours: ['register-bruteforce', 'extension-enum', 'flood'] },
    ['register-probe', 'register-bruteforce', 'extension-enum', 'flood', 'known-research'],
  ],
] as const) {
  test(`deriveTags() of ${about}`, () => {
    assert.deepEqual(deriveTags({ ...QUIET, ...facts }), tags)
  })
}
