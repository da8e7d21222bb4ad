// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PERSONAS } from '../../../test/support/personas.ts'
import { invite, request } from '../../../test/support/sip-samples.ts'
import { startDevice, TCP } from '../../../test/support/uas.ts'
import type { Persona } from './persona.ts'

/** The responses of that device over a connection, as lists of lines. It takes guests, so that calls are accepted. */
function answers({ persona, bytes }: { persona: Persona; bytes: Uint8Array }) {
  const device = startDevice({ persona: { ...persona, guests: 'dialplan' } })
  return device.texts(bytes, TCP).map((text) => {
    const [startLine = '', ...lines] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
    return { startLine, lines, names: lines.map((line) => line.slice(0, line.indexOf(':'))), text }
  })
}

function personaOf(name: string): Persona {
  const persona = PERSONAS.find((one) => one.name === name)
  assert(persona !== undefined)
  return persona
}

/** What a public trace of the device shows, name by name. */
const TRACES: readonly [name: string, what: string, bytes: Uint8Array, startLine: string, names: string][] = [
  [
    'asterisk-chan-sip',
    'a 401',
    request({ method: 'REGISTER', to: '<sip:100@a>' }),
    'SIP/2.0 401 Unauthorized',
    'Via From To Call-ID CSeq Server Allow Supported WWW-Authenticate Content-Length',
  ],
  [
    'freepbx',
    'a 401',
    request({ method: 'REGISTER', to: '<sip:100@a>' }),
    'SIP/2.0 401 Unauthorized',
    'Via Call-ID From To CSeq WWW-Authenticate Server Content-Length',
  ],
  [
    'freepbx',
    'a 200 to OPTIONS',
    request(),
    'SIP/2.0 200 OK',
    'Via Call-ID From To CSeq Accept Allow Supported Accept-Encoding Accept-Language Server Content-Length',
  ],
  [
    'freeswitch',
    'a 401',
    request({ method: 'REGISTER', to: '<sip:1000@a>' }),
    'SIP/2.0 401 Unauthorized',
    'Via From To Call-ID CSeq User-Agent Allow Supported WWW-Authenticate Content-Length',
  ],
  [
    'kamailio',
    'a 200 to OPTIONS',
    request(),
    'SIP/2.0 200 Keepalive',
    'Via From To Call-ID CSeq Server Content-Length',
  ],
  [
    'cisco-ios',
    'a 200 to OPTIONS',
    request(),
    'SIP/2.0 200 OK',
    'Via From To Date Call-ID Server CSeq Supported Allow Accept Allow-Events Content-Length',
  ],
  [
    'grandstream-ht',
    'a 200 to OPTIONS',
    request(),
    'SIP/2.0 200 OK',
    'Via From To Call-ID CSeq Supported User-Agent Allow Content-Length',
  ],
]
for (const [name, what, bytes, startLine, names] of TRACES) {
  test(`${name} has the lines of ${what} where the device has them`, () => {
    const [answer] = answers({ persona: personaOf(name), bytes })
    assert.equal(answer?.startLine, startLine)
    assert.equal(answer?.names.join(' '), names)
  })
}

for (const persona of PERSONAS) {
  test(`${persona.name} says what it is, in the same words each time`, () => {
    const all = [request(), invite(), request({ method: 'REGISTER' }), request({ method: 'FOOBAR' })]
    for (const { lines, startLine } of all.flatMap((bytes) => answers({ persona, bytes }))) {
      const banner = `${persona.serverHeader}: ${persona.server}`
      assert(lines.includes(banner), startLine)
      const others = lines.filter((line) => /^(Server|User-Agent):/.test(line) && line !== banner)
      assert.deepEqual(others, [])
      const allow = lines.find((line) => line.startsWith('Allow:'))
      if (allow !== undefined) assert.equal(allow, `Allow: ${persona.allow.join(', ')}`)
    }
  })

  test(`${persona.name} names the methods that it takes when it refuses one`, () => {
    for (const method of persona.refused) {
      const [answer] = answers({ persona, bytes: request({ method }) })
      assert.match(answer?.startLine ?? '', /^SIP\/2\.0 405 /)
      assert(answer?.names.includes('Allow'))
    }
  })

  test(`${persona.name} says no other version in SDP than in its banner`, () => {
    const ok = answers({ persona, bytes: invite() }).find(({ startLine }) => startLine.includes(' 200 '))
    assert(ok !== undefined)
    const name = /^s=(.*)\r$/m.exec(ok.text)?.[1] ?? ''
    assert.equal(name, persona.sdp.sessionName)
    if (/\d/.test(name)) assert.equal(name, persona.server)
  })
}

test('Kamailio repeats the lines of the request as they stand', () => {
  const [head = '', ...lines] = Buffer.from(request()).toString('latin1').trimEnd().split('\r\n')
  const bytes = Buffer.from(`${[head, ...lines.toReversed()].join('\r\n')}\r\n\r\n`, 'latin1')
  const [answer] = answers({ persona: personaOf('kamailio'), bytes })
  const names = lines.toReversed().map((line) => line.slice(0, line.indexOf(':')))
  assert.deepEqual(
    answer?.names.slice(0, 5),
    names.filter((name) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(name)),
  )
})

test('PJSIP pads Content-Length to two places, and to five with a body', () => {
  const persona = personaOf('asterisk-pjsip')
  assert.match(answers({ persona, bytes: request() })[0]?.text ?? '', /\r\nContent-Length: {2}0\r\n\r\n$/)
  const ok = answers({ persona, bytes: invite() }).find(({ startLine }) => startLine.includes(' 200 '))
  assert.match(ok?.text ?? '', /\r\nContent-Length: {3}\d{3}\r\n\r\nv=0/)
})

test('PJSIP drops what it cannot read', () => {
  assert.deepEqual(answers({ persona: personaOf('asterisk-pjsip'), bytes: request({ from: '' }) }), [])
})

test('a realm that is the address is the one that was reached', () => {
  const bytes = request({ method: 'REGISTER', to: '<sip:1000@a>' })
  const [answer] = answers({ persona: personaOf('freeswitch'), bytes })
  assert.match(
    answer?.text ?? '',
    /WWW-Authenticate: Digest realm="203\.0\.113\.5", nonce="[0-9a-f-]{36}", algorithm=MD5, qop="auth"\r\n/,
  )
})
