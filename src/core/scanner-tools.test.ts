// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { headerOrderHash, identifyTool, SCANNER_TOOLS, type ToolTraits } from './scanner-tools.ts'

const NONE: ToolTraits = { fromTag: null, tagKind: null, callId: null, userAgent: null, headerOrder: null }
const identify = (traits: Partial<ToolTraits>) => identifyTool({ ...NONE, ...traits })

const AGENTS: Record<string, string | null> = {
  'friendly-scanner': 'sipvicious',
  'sipcli/v1.8': 'sipcli',
  pplsip: 'sippts',
  'sipsak 0.9.8.1': 'sipsak',
  'VaxSIPUserAgent/3.1': 'vaxsip',
  'SIPp v3.6.1': 'sipp',
  'Zoiper rev.11137': 'zoiper',
  'eyeBeam release 3006o stamp 17551': 'eyebeam',
  'Nmap NSE': 'nmap',
  sipphone: null,
  'Asterisk PBX 16.28.0': null,
  'my sipcli': null,
  '': null,
}
for (const [userAgent, name] of Object.entries(AGENTS)) {
  test(`identifyTool() knows the user agent "${userAgent}" as ${name}`, () => {
    assert.deepEqual(identify({ userAgent }), name && { name, evidence: 'user-agent' })
  })
}

test('identifyTool() takes what is surest', () => {
  const headerOrder = headerOrderHash('Via From To Call-ID CSeq Contact Content-Length Max-Forwards User-Agent Accept')
  const userAgent = 'friendly-scanner'
  assert.deepEqual(identify({ headerOrder }), { name: 'sipsak', evidence: 'header-order' })
  assert.deepEqual(identify({ headerOrder, userAgent }), { name: 'sipvicious', evidence: 'user-agent' })
  assert.deepEqual(identify({ headerOrder, userAgent, callId: '50000' }), { name: 'nmap', evidence: 'call-id' })
  const fromTag = '70c00e8c'
  assert.deepEqual(identify({ headerOrder, callId: '50000', fromTag }), { name: 'metasploit', evidence: 'from-tag' })
  assert.deepEqual(identify({ fromTag, tagKind: 'svwar' }), { name: 'svwar', evidence: 'from-tag' })
})

test('identifyTool() knows tags that never change', () => {
  assert.equal(identify({ fromTag: '3206210844' })?.name, 'svcrack')
  assert.equal(identify({ fromTag: '15868SIPpTag001' })?.name, 'sipp')
  assert.equal(identify({ fromTag: 'as5e0f3c21' }), null)
})

test('identifyTool() gives a value for anything, and only names of its list', () => {
  const text = fc.option(fc.string())
  const traits = fc.record({
    fromTag: text,
    callId: text,
    userAgent: text,
    headerOrder: text,
    tagKind: fc.constant(null),
  })
  fc.assert(
    fc.property(traits, (any) => {
      const tool = identifyTool(any)
      if (tool !== null) assert(SCANNER_TOOLS.includes(tool.name))
    }),
  )
})

test('headerOrderHash() is FNV-1a, and tells order and case apart', () => {
  assert.equal(headerOrderHash(''), '811c9dc5')
  assert.equal(headerOrderHash('a'), 'e40c292c')
  assert.equal(headerOrderHash('foobar'), 'bf9cf968')
  assert.equal(new Set(['Via To', 'To Via', 'Via to', 'v t'].map(headerOrderHash)).size, 4)
})
