// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mutatedMessage } from '../../../test/support/mutated-message.ts'
import { PERSONAS } from '../../../test/support/personas.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { startDevice, TCP, textOf, UDP } from '../../../test/support/uas.ts'
import type { Endpoint } from '../../core/event.ts'
import { parseMessage } from '../../wire/sip/message.ts'

/** The reply to a datagram, as text; null for silence. */
function reply(
  bytes: Uint8Array,
  size = bytes.length,
  source: Endpoint = UDP.source,
  device = startDevice(),
): string | null {
  const { replies, validation } = device.receive(bytes, { ...UDP, size, source })
  assert.equal(validation, 'none')
  assert(replies.length <= 1, 'provisional responses to a source that is not proven')
  return replies[0] === undefined ? null : textOf(replies[0])
}

for (const [name, bytes] of Object.entries(SCANNERS)) {
  test(`fitAnswer() answers ${name} with no more bytes than it has, and is parsed again`, () => {
    const text = reply(bytes)
    assert(text !== null)
    assert(text.length <= bytes.length, `${text.length} > ${bytes.length}`)
    const parsed = parseMessage(Buffer.from(text, 'latin1'))
    assert.equal(parsed.kind, 'response')
    assert.equal(parsed.header('call-id'), parseMessage(bytes).header('call-id'))
    assert.equal(parsed.header('cseq'), parseMessage(bytes).header('cseq'))
    assert.equal(parsed.body.length, parsed.contentLength)
  })
}

test('the banner fits into what svmap sends', () => {
  assert.match(reply(SCANNERS['svmap OPTIONS']!) ?? '', /\r\nServer: Asterisk PBX 16\.28\.0\r\n/)
})

test('svcrack and svwar find their way in what fits', () => {
  for (const name of ['svcrack REGISTER', 'svwar REGISTER']) {
    const text = reply(SCANNERS[name]!) ?? ''
    assert.match(text, /^SIP\/2\.0 401 /)
    assert.match(text, /\r\nWWW-Authenticate: Digest .*realm="asterisk".*nonce="[^"]{8,22}"/) // svhelper.py, getAuthHeader()
    assert.match(text, /Call-ID: [0-9]+\r\n/) // getCID()
    assert.match(text, /(From|f): .*?;\s*tag=[0-9a-f]+/) // getTag()
  }
})

test('what is given up goes in the order of the rule', () => {
  const bytes = request({ method: 'REGISTER', headers: [`Subject: ${'x'.repeat(600)}`] })
  const stages: string[] = []
  for (let budget = bytes.length; budget >= 0; budget--) {
    const text = reply(bytes, budget)
    if (text !== null) assert(text.length <= budget)
    const stage =
      text === null
        ? 'silence'
        : ['Supported', 'Allow', 'Server', 'From', 'tag=as', 'algorithm', 'Call-ID']
            .filter(
              (part) =>
                text.includes(`\r\n${part}: `) ||
                (part === 'tag=as' ? /tag=as[0-9a-f]{16}/.test(text) : text.includes(`${part}=`)),
            )
            .join(' ')
    if (stage !== stages.at(-1)) stages.push(stage)
  }
  assert.deepEqual(stages, [
    'Supported Allow Server From tag=as algorithm Call-ID',
    'Allow Server From tag=as algorithm Call-ID',
    'Server From tag=as algorithm Call-ID',
    'From tag=as algorithm Call-ID',
    'tag=as algorithm Call-ID',
    'algorithm Call-ID',
    'Call-ID',
    '',
    'silence',
  ])
})

test('an INVITE without SDP, too small for a 200, is busy', () => {
  const bytes = invite({ body: '' })
  const text = reply(bytes) ?? ''
  assert.match(text, /^SIP\/2\.0 486 /)
  assert(text.length <= bytes.length)
  assert.match(reply(invite()) ?? '', /^SIP\/2\.0 200 /)
})

test('there is no provisional response over UDP, and exactly one final one', () => {
  const { statuses } = startDevice()
  assert.deepEqual(statuses(invite(), TCP), [100, 180, 200])
  assert.deepEqual(statuses(invite(), UDP), [200])
})

test('what cannot be echoed is not answered', () => {
  assert.equal(reply(request({ via: '' }), 10_000), null)
})

const mutated = mutatedMessage([
  ...Object.values(SCANNERS),
  invite(),
  request({ method: 'REGISTER' }),
  request({ method: 'BYE' }),
])

test('no datagram, however it is made, gets more bytes than it has', () => {
  const sources = fc.constantFrom('198.51.100.7', '255.1.1.1', '2001:db8:1111:2222:3333:4444:5555:6666')
  const personas = fc.constantFrom(...PERSONAS)
  let answered = 0
  fc.assert(
    fc.property(mutated, sources, personas, (bytes, ip, persona) => {
      const text = reply(bytes, bytes.length, { ip, port: 65_535 }, startDevice({ persona }))
      if (text !== null) answered++
      assert((text?.length ?? 0) <= bytes.length)
    }),
    { numRuns: 5_000 },
  )
  assert(answered > 1_000, `only ${answered} were answered`) // or the test would prove nothing
})

test('a request cannot write lines of its own into its response', () => {
  fc.assert(
    fc.property(mutated, (bytes) => {
      const text = reply(bytes)
      if (text === null) return
      const head = text.slice(0, text.indexOf('\r\n\r\n'))
      for (const line of head.split('\r\n')) assert.doesNotMatch(line, /[\r\n\0]/)
    }),
    { numRuns: 2_000 },
  )
})
