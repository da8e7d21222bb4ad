// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SipMessage } from '../wire/sip/message.ts'
import { serializeResponse } from '../wire/sip/response.ts'
import { type Answer, type Circumstances, type HeaderLine, SHED } from './answer.ts'

export type Reply = { readonly status: number; readonly bytes: Uint8Array }

/** All answers in full, for a source whose address a handshake has proved. Those that cannot be written are left out. */
export function serializeAnswers(
  request: SipMessage,
  answers: readonly Answer[],
  circumstances: Circumstances,
): Reply[] {
  const replies: Reply[] = []
  for (const answer of answers) {
    const bytes = serialize(request, answer, circumstances, FULL)
    if (bytes !== null) replies.push({ status: answer.status, bytes })
  }
  return replies
}

/**
 * The one rule that nothing switches off: to an unproved source we never send more than it sent us, so that no one
 * can point our replies at a victim with gain. Given up in this order: provisional responses; Supported, Accept,
 * Allow; Server; long header names; long tokens and what SDP can do without; optional spaces; the answer for a smaller
 * final one.
 * `too-large` when nothing fits, `unwritable` when there is nothing to echo.
 */
export function fitAnswer(
  request: SipMessage,
  answers: readonly Answer[],
  circumstances: Circumstances,
  budget: number, // bytes
): Reply | 'too-large' | 'unwritable' {
  let answer: Answer | null = answers.find(({ status }) => status >= 200) ?? null
  for (; answer !== null; answer = answer.instead) {
    const bytes = fitOne(request, answer, circumstances, budget)
    if (bytes === null) return 'unwritable'
    if (bytes.length <= budget) return { status: answer.status, bytes }
  }
  return 'too-large'
}

function fitOne(request: SipMessage, answer: Answer, circumstances: Circumstances, budget: number): Uint8Array | null {
  const bare = serialize(request, answer, circumstances, BARE)
  if (bare === null) return null
  if (bare.length <= budget) {
    const shedThrough = lowestRankThatFits(answer.headers, budget - bare.length)
    if (shedThrough === SHED.server) return bare
    const bytes = serialize(request, answer, circumstances, { ...BARE, shedThrough })
    return bytes !== null && bytes.length <= budget ? bytes : bare
  }
  let smallest = shortenNames(bare)
  for (const form of SHORT_FORMS) {
    if (smallest.length <= budget) return smallest
    const bytes = serialize(request, answer, circumstances, form)
    if (bytes !== null) smallest = form.compact ? bytes : shortenNames(bytes)
  }
  return smallest
}

/** How far down in rank to give up lines, so that those kept have room. */
function lowestRankThatFits(headers: readonly HeaderLine[], room: number): number {
  for (let rank: number = SHED.never; rank < SHED.server; rank++) {
    let size = 0
    for (const { name, value, shed } of headers) if (shed > rank) size += name.length + value.length + ': \r\n'.length
    if (size <= room) return rank
  }
  return SHED.server
}

type Form = {
  readonly shedThrough: number
  readonly values: 'long' | 'short' | 'shortest'
  readonly compact: boolean
}
const FULL: Form = { shedThrough: SHED.never, values: 'long', compact: false }
const BARE: Form = { shedThrough: SHED.server, values: 'long', compact: false }
const SHORT_FORMS: readonly Form[] = [
  { ...BARE, values: 'short' },
  { ...BARE, values: 'shortest' },
  { ...BARE, values: 'shortest', compact: true },
]

function serialize(request: SipMessage, answer: Answer, { source }: Circumstances, form: Form): Uint8Array | null {
  const { shedThrough, values, compact } = form
  const short = values !== 'long'
  const headers: [string, string][] = []
  for (const header of answer.headers) {
    if (header.shed !== SHED.never && header.shed <= shedThrough) continue
    headers.push([header.name, headerValue(header, values)])
  }
  const body = short ? answer.shortBody : answer.body
  return serializeResponse(request, {
    status: answer.status,
    headers,
    compact,
    recordRoute: answer.recordRoute,
    received: source.ip,
    receivedPort: source.port,
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    ...(answer.tag === null ? {} : { toTag: short ? answer.tag.short : answer.tag.long }),
    ...(body === null ? {} : { body }),
  })
}

function headerValue({ value, short = value, shortest = short }: HeaderLine, values: Form['values']): string {
  return values === 'long' ? value : values === 'short' ? short : shortest
}

/** Names with a compact form (RFC 3261 §7.3.3), save Call-ID: the scanners look for that and for the space by their text. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  Via: 'v',
  From: 'f',
  To: 't',
  Contact: 'm',
  'Content-Type': 'c',
  'Content-Length': 'l',
}
const NAMES = new RegExp(`\\r\\n(${Object.keys(SHORT_NAMES).join('|')}): `, 'g')

/** The response with short header names, each on a line of its own as the serialiser writes them. */
function shortenNames(response: Uint8Array): Uint8Array {
  const bytes = Buffer.from(response.buffer, response.byteOffset, response.length)
  const bodyStart = bytes.indexOf('\r\n\r\n')
  const header = bytes
    .toString('latin1', 0, bodyStart)
    .replace(NAMES, (_, name: string) => `\r\n${SHORT_NAMES[name]}: `)
  return Buffer.concat([Buffer.from(header, 'latin1'), bytes.subarray(bodyStart)])
}
