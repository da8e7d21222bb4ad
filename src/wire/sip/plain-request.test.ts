// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutate, seededRandom } from '../../../test/support/sip-mutator.ts'
import { invite, request, SCANNERS } from '../../../test/support/sip-samples.ts'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { calledNumbers } from './called-number.ts'
import { parseMessage } from './message.ts'
import { plainRequest, readPlainRequest } from './plain-request.ts'

const CASE_COUNT = 30_000
const PLAIN: Record<string, Buffer> = {
  ...SCANNERS,
  OPTIONS: request(),
  INVITE: invite(),
  'another To': invite({ to: '<sip:+442081234567@203.0.113.5>' }),
  'a number alone': request({ uri: 'sip:442081234567' }),
  'a name': request({ uri: 'sip:alice@203.0.113.5', to: 'sip:alice@203.0.113.5;tag=1' }),
  'a password': request({ uri: 'sip:442081234567:5060@203.0.113.5', to: '<sip:a:44,2@203.0.113.5>' }),
  'few digits': request({ uri: 'sip:1.2.3.4', to: '<sip:*31#@203.0.113.5>' }),
}

/** What the plain way says of the bytes, as the full parser would; null when it says nothing. */
function plainFacts(bytes: Buffer, start: number, end: number): unknown {
  if (!readPlainRequest(bytes, start, end)) return null
  const text = (from: number, to: number): string | null => (from < 0 ? null : bytes.toString('latin1', from, to))
  const { requestedStart, requestedEnd, addressedStart, addressedEnd, agentStart, agentEnd } = plainRequest
  const requested = text(requestedStart, requestedEnd)
  const addressed = text(addressedStart, addressedEnd)
  const numbers = requested === null ? [] : [{ from: 'request-uri', raw: requested }]
  if (addressed !== null && addressed !== requested) numbers.push({ from: 'to', raw: addressed })
  return {
    kind: 'request',
    method: text(plainRequest.methodStart, plainRequest.methodEnd),
    numbers,
    agent: text(agentStart, agentEnd) ?? undefined,
    isGood: true,
  }
}

function fullFacts(bytes: Buffer): unknown {
  const message = parseMessage(bytes)
  return {
    kind: message.kind,
    method: message.method,
    numbers: calledNumbers(message),
    agent: message.header('user-agent'),
    isGood: message.defects.every(({ severity }) => severity === 'lenient'),
  }
}

for (const [name, bytes] of Object.entries(PLAIN)) {
  test(`${name} is plain, and read as the parser reads it`, () => {
    assert.deepEqual(plainFacts(bytes, 0, bytes.length), fullFacts(bytes))
  })
}

test('what is plain in mutated messages is read as the parser reads it, wherever it lies', () => {
  const corpus = [
    ...readSipVectors().map((vector) => vector.bytes),
    ...Object.values(PLAIN),
    ...Object.values(SCANNERS),
  ]
  let plainCount = 0
  const check = (bytes: Buffer): void => {
    const before = Buffer.from('\r\n')
    const around = Buffer.concat([before, bytes, Buffer.from('Via: x\r\n\r\n')])
    const facts = plainFacts(around, before.length, before.length + bytes.length)
    if (facts === null) return
    plainCount++
    assert.deepEqual(facts, fullFacts(bytes), JSON.stringify(bytes.toString('latin1')))
  }
  corpus.forEach(check)
  for (let seed = 1; seed <= CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    check(mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random))
  }
  assert(plainCount > CASE_COUNT / 50, `only ${plainCount} were plain`)
})

test('a header section of more lines or bytes than are read is not plain', () => {
  const lines = (count: number, line: string): Buffer => request({ headers: new Array(count).fill(line) })
  assert(readPlainRequest(lines(200, 'a:'), 0, lines(200, 'a:').length))
  for (const bytes of [lines(300, 'a:'), lines(9, `a: ${'x'.repeat(1000)}`)]) {
    assert(!readPlainRequest(bytes, 0, bytes.length))
  }
})
