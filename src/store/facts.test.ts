// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observation } from '../../test/support/observations.ts'
import { mutate, seededRandom } from '../../test/support/sip-mutator.ts'
import { invite, request, SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import { EVENT_KINDS, TRANSPORTS, type Transport } from '../core/event.ts'
import { normalizeNumber } from '../core/phone-number.ts'
import { DIALLED_SIZE_MAX, tagMask } from './delta.ts'
import { deriveEvent } from './derive.ts'
import { DialledForms } from './dialled-forms.ts'
import { Facts } from './facts.ts'

const CASE_COUNT = 20_000

const facts = new Facts()

function read(bytes: Uint8Array, start: number, end: number, transport: Transport): unknown {
  facts.read(bytes, start, end, TRANSPORTS.indexOf(transport))
  return {
    kind: EVENT_KINDS[facts.kind],
    tagMask: facts.tagMask,
    method: facts.method.text(),
    userAgent: facts.userAgent.text(),
    called: facts.called.text(),
    e164: facts.e164,
    numberCount: facts.numberCount,
    forms: [facts.first, facts.second].flatMap((known) => (known === null ? [] : [known.form])),
    values: [facts.first, facts.second].flatMap((known) => (known === null ? [] : [known.number.value])),
  }
}

function derived(bytes: Uint8Array, transport: Transport): unknown {
  const event = deriveEvent(0, { ...observation({ bytes, transport }), rawShed: false })
  return {
    kind: event.kind,
    tagMask: tagMask(event.tags),
    method: event.method,
    userAgent: event.userAgent,
    called: event.calledNumber,
    e164: event.e164,
    numberCount: event.calledNumbers.length,
    forms: event.calledNumbers.map(({ raw }) => raw.slice(0, DIALLED_SIZE_MAX)),
    values: event.calledNumbers.map(({ raw }) => normalizeNumber(raw).value),
  }
}

/** The same whatever lies around it. */
function check(bytes: Buffer, transport: Transport = 'udp'): void {
  const around = Buffer.concat([Buffer.from('x'), bytes, Buffer.from(' y\r\n\r\n')])
  assert.deepEqual(
    read(around, 1, 1 + bytes.length, transport),
    derived(bytes, transport),
    JSON.stringify(bytes.toString('latin1')),
  )
}

const SAMPLES = [
  ...Object.values(SCANNERS),
  request({ method: 'OPTIONs' }),
  request({ method: 'MESSAGE', headers: ['User-Agent: second'] }),
  invite({ uri: 'sip:0044%32081234567@203.0.113.5' }),
  invite({ uri: 'sip:2081234567;phone-context=+44@203.0.113.5' }),
  invite({ uri: 'sip:+442081234567@203.0.113.5', to: '<sip:00442081234567@203.0.113.5>' }),
  invite({ uri: 'sip:bob@203.0.113.5', to: 'sip:00442081234567@203.0.113.5' }),
  invite({ uri: `sip:${'9'.repeat(70)}@203.0.113.5`, to: `<sip:${'9'.repeat(65)}@203.0.113.5>` }),
  invite({ via: '' }),
  request({ method: 'REFER', headers: ['Refer-To: <sip:00442081234567@203.0.113.5>'] }),
  invite({ headers: ['r: sip:+442081234567@203.0.113.5', 'Diversion: <sip:+442081234568@a>;reason=busy'] }),
  request({ method: 'OPTIONS', headers: ['User-Agent: x CENSYSinspect/1.1'] }),
  request({ method: 'OPTIONS', headers: ['X: censysinspect', `User-Agent: ${'x'.repeat(120)} CensysInspect`] }),
  Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: (+https://internet-measurement.com/)\r\n\r\n'),
  Buffer.from('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  Buffer.from('SIP/2.0 200 OK\r\nServer: a\r\n folded\r\n\r\n'),
  Buffer.from([0x16, 3, 1, 0, 9, 1]),
  Buffer.from(''),
]

test('facts are those of the event', () => {
  for (const bytes of SAMPLES) for (const transport of ['udp', 'tcp', 'rtp'] as const) check(bytes, transport)
  for (const { bytes } of readSipVectors()) check(bytes)
})

test(`facts of ${CASE_COUNT} mutated messages are those of the event`, () => {
  const corpus = [...readSipVectors().map(({ bytes }) => bytes), ...SAMPLES]
  for (let seed = 1; seed <= CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    check(mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random))
  }
})

test('ever new forms do not grow the table, and each is read right', () => {
  const forms = new DialledForms()
  const known = forms.findText('00442081234567')
  for (let i = 0; i < 140_000; i++) assert.equal(forms.findText(`*${100 + i}`).form, `*${100 + i}`)
  assert(forms.count < 10_000, 'all were forgotten once')
  assert.deepEqual(forms.findText('00442081234567'), known)
  assert.equal(known.number.value, '+442081234567')
  assert.equal(forms.findText('+442081234567').number, forms.findText('00442081234567').number, 'one number, two forms')
})
