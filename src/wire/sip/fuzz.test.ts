// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutate, type Random, seededRandom } from '../../../test/support/sip-mutator.ts'
import { readSipVectors } from '../../../test/support/sip-vectors.ts'
import { parseVia } from './_via.ts'
import { calledNumbers } from './called-number.ts'
import { credentialsOf, findPassword } from './digest.ts'
import { type Frame, StreamFramer } from './framing.ts'
import { headerNames } from './header-names.ts'
import { parseMessage, type SipMessage } from './message.ts'
import { serializeResponse } from './response.ts'
import { decodeSipviciousTag } from './sipvicious-tag.ts'
import { parseNameAddr } from './uri.ts'

/*
 * Mutations of all vectors through parser, serialiser and framer. SENTRYPEER_FUZZ_CASES says how many,
 * SENTRYPEER_FUZZ_SEED where to begin: a failure prints the seed of its case, which then is the first one.
 */
const { SENTRYPEER_FUZZ_CASES = '50000', SENTRYPEER_FUZZ_SEED = '1' } = process.env
const CASE_COUNT = Number(SENTRYPEER_FUZZ_CASES)
const FIRST_SEED = Number(SENTRYPEER_FUZZ_SEED)
/** Seven digits and whatever else; or what a telephone dials. */
const DIALLED = /^(?:(?:[^0-9]*[0-9]){7}[\s\S]*|[-0-9+*#.()]*[0-9][-0-9+*#.()]*)$/
const SOURCE = { received: '203.0.113.9', receivedPort: 40_404 }

test(`${CASE_COUNT} mutated messages give values, never exceptions`, () => {
  const corpus = readSipVectors().map(({ bytes }) => bytes)
  let answeredCount = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CASE_COUNT; seed++) {
    const random = seededRandom(seed)
    const bytes = mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random)
    const copy = Buffer.from(bytes)
    try {
      const message = parseMessage(bytes)
      checkMessage(message)
      if (checkResponse(message, random)) answeredCount++
      if (seed % 4 === 0) checkFrames(bytes, random)
      assert(copy.equals(bytes), 'the bytes were written over')
    } catch (cause) {
      const hex = copy.toString('hex')
      throw new Error(`SENTRYPEER_FUZZ_SEED=${seed}: ${cause instanceof Error ? cause.message : cause}\n${hex}`, {
        cause,
      })
    }
  }
  assert(
    answeredCount > CASE_COUNT / 4,
    `only ${answeredCount} could be answered: the mutations are too wild to test much`,
  )
})

/** All that can be asked of a message, and what must hold of any. */
function checkMessage(message: SipMessage): void {
  let at = message.start
  for (let index = 0; index < message.fieldCount; index++) {
    for (const next of [
      message.nameStart(index),
      message.nameEnd(index),
      message.valueStart(index),
      message.valueEnd(index),
    ]) {
      assert(next >= at && next <= message.bodyStart, 'the fields lie in order inside the header section')
      at = next
    }
  }
  for (const { value } of message.allHeaders()) assert(!value.includes('\n'), 'a value holds no LF')
  for (const defect of message.defects) assert(defect.at >= message.start && defect.at <= message.end, defect.code)
  assert(new Set(message.defects.map(({ code }) => code)).size === message.defects.length, 'each defect stands once')
  const isFatal = message.defects.some(({ severity }) => severity === 'fatal')
  assert.equal(isFatal, message.kind === 'non-sip')
  assert(message.body.length <= message.end - message.bodyStart)
  assert.equal(message.method === null, message.kind !== 'request')
  for (const { raw } of calledNumbers(message)) assert.match(raw, DIALLED)
  for (const credentials of credentialsOf(message)) {
    findPassword(credentials, { method: message.method ?? '', body: message.body }, ['a', ''], () => 'hash')
  }
  for (const address of [message.header('from'), message.header('to')]) {
    decodeSipviciousTag(parseNameAddr(address ?? '')?.parameters.get('tag') ?? '', null)
  }
  void [headerNames(message), message.requestUri, message.version, message.status, message.cseq, message.contentLength]
}

/** A response repeats what it must, and the request could not write a line of it. True when there is one. */
function checkResponse(request: SipMessage, random: Random): boolean {
  const init = {
    status: 404,
    toTag: 'tag',
    spelling: (['full', 'short', 'compact'] as const)[random.below(3)]!,
    recordRoute: true,
    ...SOURCE,
  }
  const bytes = serializeResponse(request, init)
  const isComplete = ['via', 'from', 'to', 'call-id', 'cseq'].every((name) => request.header(name))
  assert.equal(bytes !== null, request.kind === 'request' && isComplete)
  if (bytes === null) return false
  const response = parseMessage(bytes)
  assert.equal(response.kind, 'response')
  assert.equal(response.status, 404)
  assert.equal(response.complete, true)
  assert.equal(response.contentLength, 0)
  assert.equal(response.bodyStart, response.end)
  for (const name of ['from', 'call-id', 'cseq']) assert.equal(response.header(name), echoed(request.header(name)!))
  const to = echoed(request.header('to')!)
  assert([to, `${to};tag=tag`, `${echoed(request.header('to')!, false)};tag=tag`].includes(response.header('to')!))
  assert.deepEqual(response.headers('record-route'), filled(request.headers('record-route')))
  checkVias(request, response)
  const echoedCount = response.headers('via').length + response.headers('record-route').length
  assert.equal(response.fieldCount, echoedCount + 5, 'no header came in from the request')
  for (const { code } of response.defects)
    assert(!['control-byte', 'bare-lf', 'stray-cr'].includes(code) || hasOddBytes(request), code)
  return true
}

function checkVias(request: SipMessage, response: SipMessage): void {
  const [top, ...others] = request.headers('via')
  const [echoedTop, ...echoedOthers] = response.headers('via')
  assert.deepEqual(echoedOthers, filled(others))
  const via = parseVia(top!)
  if (via === null) assert.equal(echoedTop, echoed(top!))
  if (via === null) return
  const answer = parseVia(echoedTop!)
  assert.equal(answer?.host, via.host)
  assert.equal(answer?.port, via.port)
  assert.equal(answer?.protocol, via.protocol)
  assert.equal(answer?.parameters.get('branch'), via.parameters.get('branch')?.replace(/[\r\0]/g, ' '))
  const isAsked = via.parameters.has('rport')
  const isOther = via.host !== SOURCE.received
  assert.equal(answer?.parameters.get('rport'), isAsked ? '40404' : undefined)
  assert.equal(answer?.parameters.get('received'), isAsked || isOther ? SOURCE.received : undefined)
}

/** A value as it may stand in a response: CR and NUL are spaces. */
function echoed(value: string, trimmed = true): string {
  const safe = value.replace(/[\r\0]/g, ' ')
  return trimmed ? safe.replace(/^[ \t]+|[ \t]+$/g, '') : safe.replace(/^[ \t]+/, '')
}

function filled(values: readonly string[]): string[] {
  return values.filter((value) => value !== '').map((value) => echoed(value))
}

/** Control bytes other than CR, LF and NUL may go back: they end no line. */
function hasOddBytes(request: SipMessage): boolean {
  return request.allHeaders().some(({ value }) => [...value].some((one) => one < ' ' && !'\r\n\0\t'.includes(one)))
}

function checkFrames(bytes: Buffer, random: Random): void {
  const whole = new StreamFramer().push(bytes)
  const framer = new StreamFramer()
  const pieces: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(1 + random.below(200))
    pieces.push(...framer.push(bytes.subarray(at, at + size)))
    at += size
  }
  assert.equal(pieces.length, whole.length)
  for (const [index, one] of whole.entries()) {
    const other = pieces[index]!
    assert.equal(other.kind, one.kind)
    if (one.kind === 'ping' || other.kind === 'ping') continue
    if (one.kind === 'bad' && other.kind === 'bad') assert.equal(other.reason, one.reason)
    assert(Buffer.compare(one.bytes.subarray(0, other.bytes.length), other.bytes) === 0)
    if (one.kind === 'message') assert(parseMessage(one.bytes).kind !== 'non-sip', 'a message frame is SIP')
  }
}
