// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { SipMessage } from '../../wire/sip/message.ts'
import { type AnswerInit, type Echo, echoOf, type OwnLine, type Spelling } from '../../wire/sip/response.ts'
import { type Answer, type Circumstances, type HeaderLine, SHED, type ShedRank } from './answer.ts'

export type Reply = { readonly status: number; readonly bytes: Uint8Array }

/** All answers in full, for a source whose address a handshake has proved; none when there is nothing to echo. */
export function serializeAnswers(
  request: SipMessage,
  answers: readonly Answer[],
  circumstances: Circumstances,
): Reply[] {
  const echo = echoFor(request, circumstances)
  if (echo === null) return []
  return answers.map((answer) => ({ status: answer.status, bytes: echo.serialize(initFor(answer, FULL)) }))
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
  const first = answers.find(({ status }) => status >= 200) ?? null
  if (first === null) return 'too-large'
  const echo = echoFor(request, circumstances)
  if (echo === null) return 'unwritable'
  for (let answer: Answer | null = first; answer !== null; answer = answer.instead) {
    const init = fitOne(echo, answer, budget)
    if (init !== null) return { status: answer.status, bytes: echo.serialize(init) }
  }
  return 'too-large'
}

/** An answer with long names and values, without the header lines up to that rank; null when there is nothing to echo. */
export function serializeWithout(
  request: SipMessage,
  answer: Answer,
  circumstances: Circumstances,
  shedThrough: ShedRank,
): Buffer | null {
  const echo = echoFor(request, circumstances)
  return echo && Buffer.from(echo.serialize(initFor(answer, { ...FULL, shedThrough })))
}

/** The fullest form that fits, by arithmetic alone; null when none does. */
function fitOne(echo: Echo, answer: Answer, budget: number): AnswerInit | null {
  const bare = initFor(answer, BARE)
  const room = budget - echo.sizeOf(bare)
  if (room >= 0) {
    const shedThrough = lowestRankThatFits(answer.headers, room)
    return shedThrough === SHED.server ? bare : initFor(answer, { ...BARE, shedThrough })
  }
  for (const form of SHORT_FORMS) {
    const init = initFor(answer, form)
    if (echo.sizeOf(init) <= budget) return init
  }
  return null
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
  readonly spelling: Spelling
}
const FULL: Form = { shedThrough: SHED.never, values: 'long', spelling: 'full' }
const BARE: Form = { ...FULL, shedThrough: SHED.server }
const SHORT_FORMS: readonly Form[] = [
  { ...BARE, spelling: 'short' },
  { ...BARE, spelling: 'short', values: 'short' },
  { ...BARE, spelling: 'short', values: 'shortest' },
  { ...BARE, spelling: 'compact', values: 'shortest' },
]

function echoFor(request: SipMessage, { source }: Circumstances): Echo | null {
  return echoOf(request, { received: source.ip, receivedPort: source.port })
}

function initFor(answer: Answer, { shedThrough, values, spelling }: Form): AnswerInit {
  const isShort = values !== 'long'
  const headers: OwnLine[] = []
  for (const header of answer.headers) {
    if (header.shed !== SHED.never && header.shed <= shedThrough) continue
    headers.push([header.name, headerValue(header, values), header.before])
  }
  const body = isShort ? answer.shortBody : answer.body
  return {
    status: answer.status,
    headers,
    layout: answer.layout,
    spelling,
    recordRoute: answer.recordRoute,
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    ...(answer.tag === null ? {} : { toTag: isShort ? answer.tag.short : answer.tag.long }),
    ...(body === null ? {} : { body }),
  }
}

function headerValue({ value, short = value, shortest = short }: HeaderLine, values: Form['values']): string {
  return values === 'long' ? value : values === 'short' ? short : shortest
}
