// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { type CallJson, type EventJson, type NodeClient, nullWhen } from '../client.ts'
import { type CliContext, EXIT, UsageError } from '../context.ts'
import { endpoint, formatLadder } from '../ladder.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { shownNumber } from '../shown-number.ts'
import { formatFacts } from '../table.ts'
import { type Paint, painter, plural, printable, printableJson } from '../terminal.ts'
import { formatTime } from '../time.ts'

const MESSAGE_COUNT_MAX = 1000
const ASK_COUNT_MAX = 60 // each takes the node a second at most
const BEFORE_EVENT_MS = 3_600_000 // a call began at most so long before the event that is asked for

type TraceOptions = NodeOptions & { readonly since?: string; readonly json?: true }

const EXAMPLES = `
An arrow to the right is what was received, one to the left the status that was answered. REPEATS are retransmissions,
AUTH says whether credentials were offered. Exits with 3 when there is no such call.

Examples:
  sentrypeer trace a84b4c76e66710@192.0.2.1
  sentrypeer trace 1795456800000123             the call of that event
  sentrypeer trace a84b4c76e66710 --since 7d --json`

export function define(command: Command, context: CliContext): void {
  command
    .description('Shows one call: all messages with its Call-ID, as a ladder.')
    .argument('<call-id>', 'Call-ID, or the id of one of its events')
  addNodeOptions(command)
    .option('--since <time>', 'how far back to look: 30m, 24h (the default), 7d or a time in RFC 3339')
    .option('--json', 'as one JSON document')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string, options: TraceOptions) => {
      const client = await openClient(options, context)
      const call = await findCall(client, what, options.since, context.now())
      if (call.items.length === 0) context.setExitCode(EXIT.notFound)
      if (options.json) context.stdout.write(`${printableJson(call, 2)}\n`)
      else show(call, options.since, context)
    })
}

async function findCall(client: NodeClient, what: string, since: string | undefined, now: number): Promise<CallJson> {
  // Attackers choose Call-IDs, and some choose digits alone.
  const event = /^\d{1,16}$/.test(what) ? await client.event(what).catch(nullWhen('EVENT_NOT_HELD')) : null
  if (event === null) return readCall(client, what, since)
  if (!event.callId) throw new UsageError(`Event ${what} has no Call-ID: it is of no call`)
  return readCall(client, event.callId, since ?? sinceBefore(event, now))
}

/** Undefined where what the node takes without being told is far enough. */
function sinceBefore(event: EventJson, now: number): string | undefined {
  const from = Date.parse(event.at) - BEFORE_EVENT_MS
  return from < now - 24 * 3_600_000 ? new Date(from).toISOString() : undefined
}

/** All that the node has, as far as it can be looked for in a minute. */
async function readCall(client: NodeClient, callId: string, since: string | undefined): Promise<CallJson> {
  let call = await client.call(callId, { since })
  for (let count = 1; call.next !== null && count < ASK_COUNT_MAX; count++) {
    if (call.items.length >= MESSAGE_COUNT_MAX) break
    const older = await client.call(callId, { since, after: call.next })
    call = { ...older, items: [...older.items, ...call.items] }
  }
  return call
}

function show(call: CallJson, since: string | undefined, context: CliContext): void {
  const { callId, items } = call
  const paint = painter(context.stdout, context.env)
  if (items.length === 0) {
    context.stdout.write(`No message of the call ${printable(callId)} was seen ${spanOf(since)}\n`)
  } else {
    context.stdout.write(`${describeCall(call, context.now(), paint)}\n`)
    context.stdout.write(formatLadder(items, { width: context.stdout.columns, paint }))
  }
  if (call.truncated) {
    const when = formatTime(call.searchedSince, context.now())
    context.stderr.write(`Looked back to ${printable(when)} only: there may be older messages of this call\n`)
  }
}

function spanOf(since: string | undefined): string {
  if (since === undefined) return 'in the last 24 h; --since looks further back'
  return /^\d+[smhd]$/.test(since) ? `in the last ${since}` : `since ${printable(since)}`
}

function describeCall({ callId, items }: CallJson, now: number, paint: Paint): string {
  const first = items[0]!
  const repeatCount = items.reduce((sum, { repeatCount = 0 }) => sum + repeatCount, 0)
  const repeats = repeatCount === 0 ? '' : `, and ${plural(repeatCount, 'retransmission')}`
  const number = items.map(shownNumber).find((value) => value !== null)
  const agents = distinct(items.map(({ userAgent }) => userAgent))
  const facts: [string, string][] = [
    ['call', callId],
    ['began', formatTime(first.at, now)],
    ['messages', `${plural(items.length, 'message')}${repeats}`],
    ['between', distinct(items.map(peersOf)).join(', ')],
    ...(number === undefined ? [] : [['dialled', number] as [string, string]]),
    ...(agents.length === 0 ? [] : [['user agent', agents.join(', ')] as [string, string]]),
  ]
  return formatFacts(facts, paint)
}

const peersOf = ({ sourceIp, destinationIp, destinationPort, transport }: EventJson): string =>
  `${sourceIp} and ${endpoint(destinationIp ?? '?', destinationPort ?? 0)} over ${transport}`

const DISTINCT_COUNT_MAX = 4

/** Each value once, the first few of them. */
function distinct(values: readonly (string | null)[]): string[] {
  const found = [...new Set(values.filter((value) => value !== null))]
  return found.length <= DISTINCT_COUNT_MAX ? found : [...found.slice(0, DISTINCT_COUNT_MAX), '…']
}
