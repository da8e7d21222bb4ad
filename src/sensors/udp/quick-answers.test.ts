// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mutatedMessage } from '../../../test/support/mutated-message.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { NOW, startDevice, UDP } from '../../../test/support/uas.ts'
import { DatagramSource, DatagramTarget } from './datagram.ts'
import { QuickAnswers } from './quick-answers.ts'
import { FixedTexts, ReplyDraft } from './reply-draft.ts'

const { responder, texts: serverTexts } = startDevice()
const texts = new FixedTexts()
const quick = new QuickAnswers({ responder, texts })
const draft = new ReplyDraft(texts.take(), 1_000_000)
const source = new DatagramSource()
const target = new DatagramTarget(UDP.destination)

/** What the quick way answers, as text; null when it leaves that to the responder. */
function quickly(bytes: Buffer, sizeMax = bytes.length): string | null {
  draft.scratchEnd = 0
  const status = quick.read(bytes, 0, bytes.length)
    ? quick.draft(bytes, { source, target, at: NOW }, sizeMax, draft)
    : 0
  if (status === 0) return null
  const reply = draft.toBuffer()
  assert.equal(reply.length, draft.size)
  assert.ok(reply.toString('latin1').startsWith(`SIP/2.0 ${status} `))
  return reply.toString('latin1')
}

/** What the device answers. */
function thoroughly(bytes: Buffer, size = bytes.length): string | null {
  return serverTexts(bytes, { ...UDP, source: source.endpoint, size })[0] ?? null
}

const sources = fc.constantFrom('198.51.100.7', '127.0.0.1', '2001:db8:1111:2222:3333:4444:5555:6666', '::1')
const samples = [
  ...Object.values(SCANNERS),
  invite(),
  request(),
  request({ method: 'REGISTER' }),
  request({ method: 'REGISTER', to: '"100" <sip:100@203.0.113.5;transport=udp>' }),
  request({ method: 'REGISTER', to: 'sip:nobody@203.0.113.5' }),
  request({ headers: [`Subject: ${'x'.repeat(300)}`] }),
]

test('the quick way says byte for byte what the responder says, or nothing', () => {
  let quickCount = 0
  fc.assert(
    fc.property(
      mutatedMessage(samples),
      sources,
      fc.nat(65_535),
      fc.oneof(fc.constant(0), fc.nat(300)),
      (bytes, ip, port, shortOf) => {
        source.setText(ip, port)
        const sizeMax = Math.max(0, bytes.length - shortOf)
        const reply = quickly(bytes, sizeMax)
        if (reply === null) return
        quickCount++
        assert.equal(reply, thoroughly(bytes, sizeMax))
        assert.ok(reply.length <= sizeMax)
      },
    ),
    { numRuns: 10_000 },
  )
  assert.ok(quickCount > 700, `only ${quickCount} were answered quickly`) // or the test would prove nothing
})

test('what scanners send is answered the quick way', () => {
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
  source.setText('198.51.100.7', 5060)
  assert.ok(quickly(request()) !== null)
  assert.ok(draft.pieceCount <= 8, `${draft.pieceCount}`)
})

test('each way to give up header lines is taken, in the same order', () => {
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
