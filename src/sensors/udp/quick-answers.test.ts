// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mutatedMessage } from '../../../test/support/mutated-message.ts'
import { ASTERISK_CHAN_SIP, PERSONAS } from '../../../test/support/personas.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { NOW, startDevice, UDP } from '../../../test/support/uas.ts'
import { DatagramSource, DatagramTarget } from './datagram.ts'
import { QuickAnswers } from './quick-answers.ts'
import { FixedTexts, PIECE_COUNT_MAX, ReplyDraft } from './reply-draft.ts'

const source = new DatagramSource()

/** The two ways to answer as that device. */
function setUp(persona = ASTERISK_CHAN_SIP, ip = '203.0.113.5') {
  const { responder, texts: serverTexts } = startDevice({ persona })
  const texts = new FixedTexts()
  const quick = new QuickAnswers({ responder, texts })
  const draft = new ReplyDraft(texts.take(), 1_000_000)
  const target = new DatagramTarget({ ip, port: 5060 })
  return {
    draft,
    /** What the quick way answers, as text; null when it leaves that to the responder. */
    quickly(bytes: Buffer, sizeMax = bytes.length): string | null {
      draft.scratchEnd = 0
      const to = { source, target, at: NOW }
      const status = quick.read(bytes, 0, bytes.length) ? quick.draft(bytes, to, sizeMax, draft) : 0
      if (status === 0) return null
      const reply = draft.toBuffer()
      assert.equal(reply.length, draft.size)
      assert.ok(reply.toString('latin1').startsWith(`SIP/2.0 ${status} `))
      return reply.toString('latin1')
    },
    /** What the device answers. */
    thoroughly: (bytes: Buffer, size = bytes.length): string | null =>
      serverTexts(bytes, { ...UDP, source: source.endpoint, destination: target.endpoint, size })[0] ?? null,
  }
}

const sources = fc.constantFrom('198.51.100.7', '127.0.0.1', '2001:db8:1111:2222:3333:4444:5555:6666', '::1')
const samples = [
  ...Object.values(SCANNERS),
  invite(),
  request(),
  request({ method: 'REGISTER' }),
  request({ method: 'REGISTER', to: '"100" <sip:100@203.0.113.5;transport=udp>' }),
  request({ method: 'REGISTER', to: 'sip:1001@203.0.113.5', headers: [`Subject: ${'x'.repeat(300)}`] }),
  request({ method: 'REGISTER', to: 'sip:nobody@203.0.113.5' }),
  request({ headers: [`Subject: ${'x'.repeat(300)}`] }),
]

for (const persona of PERSONAS) {
  test(`the quick way says byte for byte what ${persona.name} says, or nothing`, () => {
    let quickCount = 0
    for (const ip of ['203.0.113.5', '2001:db8::5']) {
      const { quickly, thoroughly } = setUp(persona, ip)
      fc.assert(
        fc.property(
          mutatedMessage(samples),
          sources,
          fc.nat(65_535),
          fc.oneof(fc.constant(0), fc.nat(300)),
          (bytes, from, port, shortOf) => {
            source.setText(from, port)
            const sizeMax = Math.max(0, bytes.length - shortOf)
            const reply = quickly(bytes, sizeMax)
            if (reply === null) return
            quickCount++
            assert.equal(reply, thoroughly(bytes, sizeMax))
            assert.ok(reply.length <= sizeMax)
          },
        ),
        { numRuns: 2_000 },
      )
    }
    assert.ok(quickCount > 100, `only ${quickCount} were answered quickly`) // or the test would prove nothing
  })
}

test('what scanners send is answered the quick way', () => {
  const { quickly, thoroughly } = setUp()
  source.setText('198.51.100.7', 5060)
  for (const name of ['svmap OPTIONS', 'svwar REGISTER', 'svcrack REGISTER']) {
    const bytes = SCANNERS[name]!
    assert.equal(quickly(bytes) ?? thoroughly(bytes), thoroughly(bytes), name)
  }
  assert.ok(quickly(request()) !== null)
  assert.ok(
    quickly(request({ method: 'REGISTER', to: '<sip:100@a>', headers: [`Subject: ${'x'.repeat(200)}`] })) !== null,
  )
})

test('a plain OPTIONS is answered in at most 8 pieces', () => {
  const { quickly, draft } = setUp()
  source.setText('198.51.100.7', 5060)
  assert.ok(quickly(request()) !== null)
  assert.ok(draft.pieceCount <= 8, `${draft.pieceCount}`)
})

test('a plain OPTIONS and a plain REGISTER are answered the quick way as every device', () => {
  for (const persona of PERSONAS) {
    const { quickly, draft } = setUp(persona)
    source.setText('198.51.100.7', 5060)
    const headers = [`Subject: ${'x'.repeat(900)}`]
    for (const init of [{ headers }, { method: 'REGISTER', to: '<sip:1001@203.0.113.5>', headers }]) {
      assert.ok(quickly(request(init)) !== null, persona.name)
      assert.ok(draft.pieceCount <= PIECE_COUNT_MAX, `${persona.name}: ${draft.pieceCount}`)
    }
  }
})

test('each way to give up header lines is taken, in the same order', () => {
  const { quickly, thoroughly } = setUp()
  source.setText('198.51.100.7', 5060)
  const bytes = request({ method: 'REGISTER', headers: [`Subject: ${'x'.repeat(600)}`] })
  const sizes = new Set<number>()
  for (let sizeMax = bytes.length; sizeMax > 100; sizeMax--) {
    const reply = quickly(bytes, sizeMax)
    if (reply === null) continue
    assert.equal(reply, thoroughly(bytes, sizeMax))
    sizes.add(reply.length)
  }
  assert.equal(sizes.size, 4) // 404 has no Accept, so that giving it up changes nothing
})
