// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Our parser against two others that were written by other people: where they read something, we read the same.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Parser } from 'sip.js/lib/core/messages/parser.js'
import { type DefectCode, parseMessage } from '../src/wire/sip/message.ts'
import { parseNameAddr } from '../src/wire/sip/uri.ts'
import { mutate, seededRandom } from './support/sip-mutator.ts'
import { readSipVectors } from './support/sip-vectors.ts'

const MUTATION_COUNT = 5_000

/** What an event is known by; null where it is not there, or was not read. */
type Facts = {
  readonly method: string | null // of requests
  readonly callId: string | null
  readonly cseqNumber: number | null
  readonly cseqMethod: string | null
  readonly fromTag: string | null
  readonly toTag: string | null
}
type Field = keyof Facts
const FIELDS: readonly Field[] = ['method', 'callId', 'cseqNumber', 'cseqMethod', 'fromTag', 'toTag']

function ours(bytes: Buffer): Facts & { readonly defects: readonly DefectCode[] } {
  const message = parseMessage(bytes)
  const tagIn = (name: string) => parseNameAddr(message.header(name) ?? '')?.parameters.get('tag') ?? null
  return {
    method: message.method,
    callId: message.header('call-id') ?? null,
    cseqNumber: message.cseq?.number ?? null,
    cseqMethod: message.cseq?.method ?? null,
    fromTag: tagIn('from'),
    toTag: tagIn('to'),
    defects: message.defects.map(({ code }) => code),
  }
}

type KirmMessage = {
  readonly method?: string
  readonly headers: {
    readonly from?: { params?: { tag?: string | null } }
    readonly to?: { params?: { tag?: string | null } }
    readonly cseq?: { seq: number; method: string }
    readonly 'call-id'?: string
  }
}
const kirm = createRequire(import.meta.url)('sip') as { parse(bytes: Buffer): KirmMessage | undefined } // has no types

function bySip(bytes: Buffer): Facts | null {
  const message = kirm.parse(bytes)
  if (message === undefined) return null
  const { from, to, cseq, 'call-id': callId } = message.headers
  return {
    method: message.method ?? null,
    callId: callId ?? null,
    cseqNumber: cseq?.seq ?? null,
    cseqMethod: cseq?.method ?? null,
    fromTag: from?.params?.tag ?? null,
    toTag: to?.params?.tag ?? null,
  }
}

const silent = { error() {}, warn() {}, log() {}, debug() {} }

function bySipJs(bytes: Buffer): Facts | null {
  const message = readBySipJs(bytes)
  if (message === undefined) return null
  return {
    method: 'statusCode' in message ? null : message.method, // that of a response is read out of its CSeq
    callId: message.callId ?? null,
    cseqNumber: message.cseq ?? null,
    cseqMethod: message.parseHeader('cseq')?.method ?? null,
    fromTag: message.fromTag ?? null,
    toTag: message.toTag ?? null,
  }
}

function readBySipJs(bytes: Buffer) {
  try {
    return Parser.parseMessage(bytes.toString('latin1'), silent as never)
  } catch (error) {
    if (error instanceof TypeError) return undefined // its way with a response whose CSeq it cannot read
    throw error
  }
}

const ORACLES = { sip: bySip, 'sip.js': bySipJs }

type Value = string | number
type Difference = { readonly field: Field; readonly theirs: Value; readonly mine: Value | null }

/** Where they differ and we call the message broken: they read on in their own way. */
const IN_BROKEN_MESSAGES: readonly { fields: readonly Field[]; defects: readonly DefectCode[]; reason: string }[] = [
  { fields: FIELDS, defects: ['header-repeated'], reason: 'they keep the last one, or join all; we keep the first' },
  { fields: FIELDS, defects: ['bare-lf'], reason: 'a lone LF does not end a line for them' },
  {
    fields: FIELDS,
    defects: ['header-without-colon', 'header-name-syntax', 'fold-without-header'],
    reason: 'they look for the colon in the lines that follow, or take a name with other bytes for one they know',
  },
  { fields: FIELDS, defects: ['stray-cr', 'control-byte'], reason: 'more is white space to them; we keep the bytes' },
  { fields: FIELDS, defects: ['no-start-line', 'request-line-space'], reason: 'sip begins where a method could' },
  { fields: ['fromTag'], defects: ['from-syntax'], reason: 'sip takes the first thing that looks like a tag' },
  { fields: ['toTag'], defects: ['to-syntax'], reason: 'likewise' },
  {
    fields: ['cseqNumber', 'cseqMethod'],
    defects: ['cseq-syntax', 'cseq-range'],
    reason: 'sip takes the first digits in it, and whatever follows',
  },
]

/** Where they differ although the message is one that we take. */
const IN_OTHERS: readonly { fields: readonly Field[]; reason: string; is(theirs: string, mine: string): boolean }[] = [
  {
    fields: ['method', 'cseqMethod'],
    reason: 'RFC 4475 §3.1.1.3: "%" is a letter like others in a method, which sip takes for an escape',
    is: (theirs, mine) => unescaped(mine) === theirs,
  },
  {
    fields: ['fromTag', 'toTag'],
    reason: 'sip cuts a tag before the first letter that RFC 3261 does not allow in it; we compare tags with our own',
    is: (theirs, mine) => mine.startsWith(theirs) && !/[\w\-.!%*+`'~]/.test(mine[theirs.length] ?? ''),
  },
  {
    fields: ['callId'],
    reason: 'sip does not unfold it',
    is: (theirs, mine) => theirs.replace(/[ \t]*\r\n[ \t]+/g, ' ').trim() === mine,
  },
]

/** One tag after another in a header: they keep the last one, we the first. */
const hasTagTwice = (bytes: Buffer): boolean =>
  /^(?:from|f|to|t)[ \t]*:.*;\s*tag=.*;\s*tag=/im.test(bytes.toString('latin1'))

function isKnown({ field, theirs, mine }: Difference, bytes: Buffer, defects: readonly DefectCode[]): boolean {
  if (
    IN_BROKEN_MESSAGES.some((one) => one.fields.includes(field) && one.defects.some((code) => defects.includes(code)))
  )
    return true
  if (/Tag$/.test(field) && hasTagTwice(bytes)) return true
  return IN_OTHERS.some((one) => one.fields.includes(field) && one.is(String(theirs), String(mine)))
}

const unescaped = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

for (const [name, read] of Object.entries(ORACLES)) {
  test(`the package ${name} reads nothing in vectors and ${MUTATION_COUNT} mutations of them that we do not`, (t) => {
    const corpus = readSipVectors()
    const cases = corpus.map((vector) => ({ about: vector.name, bytes: vector.bytes }))
    for (let seed = 1; seed <= MUTATION_COUNT; seed++) {
      const random = seededRandom(seed)
      const any = () => corpus[random.below(corpus.length)]!.bytes
      cases.push({ about: `seed ${seed}`, bytes: mutate(any(), any(), random) })
    }
    const count = { messages: 0, same: 0, known: 0 }
    const unknown: string[] = []
    for (const { about, bytes } of cases) {
      const theirs = read(bytes)
      if (theirs === null) continue // they drop what is malformed; that is why they are not our parser
      count.messages++
      const mine = ours(bytes)
      for (const field of FIELDS) {
        const value = theirs[field]
        if (value === null || Number.isNaN(value)) continue
        if (value === mine[field]) count.same++
        else if (isKnown({ field, theirs: value, mine: mine[field] }, bytes, mine.defects)) count.known++
        else unknown.push(`${about}: ${field} ${JSON.stringify(value)}, not ${JSON.stringify(mine[field])}`)
      }
    }
    t.diagnostic(JSON.stringify(count))
    assert.deepEqual(unknown, [])
    assert(count.messages > 900 && count.same > 4 * count.messages, 'or it would prove little')
    assert(count.known < count.same / 10, 'or they would not be oracles')
  })
}
