// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { HIDDEN_CREDENTIALS } from '../../core/credentials.ts'
import type { EventJson, NodeClient, Query } from '../client.ts'
import type { CliContext } from '../context.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { shownNumber } from '../shown-number.ts'
import { fit, type Paint, painter, plural, printable, printableJson } from '../terminal.ts'
import { formatLocal } from '../time.ts'

const HISTORY_MAX = 10_000 // rows shown before the live events
const PAGE_LIMIT_MAX = 1000

type TailOptions = NodeOptions & {
  readonly since?: string
  readonly ip?: string
  readonly number?: string
  readonly method?: string
  readonly tag?: string
  readonly json?: true
}

const EXAMPLES = `
One event a line: time, transport, source, method, number dialled, user agent. Ctrl-C ends it.
When the node restarts, it goes on where it was.

Examples:
  sentrypeer tail
  sentrypeer tail --since 1h --method INVITE
  sentrypeer tail --ip 192.0.2.1 --json | jq .userAgent`

export function define(command: Command, context: CliContext): void {
  command.description('Shows events as they come in.')
  addNodeOptions(command)
    .option('--since <time>', 'first show what came since then: 30m, 24h, 7d or a time in RFC 3339')
    .option('--ip <address>', 'only events from this address')
    .option('--number <number>', 'only events that dialled this number, in any form')
    .option('--method <method>', 'only events with this SIP method, such as INVITE')
    .option('--tag <tag>', 'only events with this tag, such as toll-fraud-call')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', EXAMPLES)
    .action(async (options: TailOptions) => {
      const client = await openClient(options, context)
      try {
        await tail(client, options, context)
      } catch (error) {
        if (!context.interrupted.aborted) throw error // Ctrl-C is how it is meant to end
      }
    })
}

async function tail(client: NodeClient, options: TailOptions, context: CliContext): Promise<void> {
  const { ip, number, tag, since } = options
  const filters: Query = { ip, number, method: readMethod(options.method), tag }
  const paint = painter(context.stdout, context.env)
  const say = (text: string) => context.stderr.write(`${printable(text)}\n`)
  const print = (event: EventJson) => {
    const line = options.json ? printableJson(event) : formatEvent(event, context.stdout.columns, paint)
    context.stdout.write(`${line}\n`)
  }
  const stream = client.stream(filters, {
    lost: (reason) => say(`The connection broke (${reason}); trying again`),
    back: () => say('Connected again'),
  })
  let historyDue = since !== undefined
  for await (const { name, data, id } of stream) {
    if (historyDue && id !== null) {
      // The stream's first id says where it starts, so that what is shown before it is shown once.
      await printHistory(client, { ...filters, since }, Number(id), print, say)
      historyDue = false
    }
    if (name === 'event') print(JSON.parse(data) as EventJson)
    else if (name === 'skipped') say(`Some events were not shown: ${(JSON.parse(data) as { detail?: string }).detail}`)
  }
}

/** Methods of SIP are in upper case (RFC 3261 and its extensions), and people type them in lower case. */
const METHODS = new Set(
  'ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE'.split(' '),
)

/** Any other word stays as it is: case counts in a method (RFC 3261 §7.1), and attackers send what they like. */
function readMethod(text: string | undefined): string | undefined {
  const upper = text?.toUpperCase()
  return upper !== undefined && METHODS.has(upper) ? upper : text
}

/** Prints what the index holds up to an id, oldest first. */
async function printHistory(
  client: NodeClient,
  query: Query,
  lastId: number,
  print: (event: EventJson) => void,
  say: (text: string) => void,
): Promise<void> {
  const events: EventJson[] = []
  let after: string | undefined
  for (;;) {
    const page = await client.events({ ...query, after, limit: PAGE_LIMIT_MAX })
    events.push(...page.items.filter((event) => Number(event.id) <= lastId))
    if (page.next === null) break
    if (events.length >= HISTORY_MAX) {
      say(`There are more events than ${plural(HISTORY_MAX, 'line')}; these are the newest`)
      break
    }
    after = page.next
  }
  for (const event of events.reverse()) print(event)
}

/** An event on one line, cut to the terminal. */
export function formatEvent(event: EventJson, columns: number | undefined, paint: Paint): string {
  const at = Date.parse(event.at)
  const time = Number.isNaN(at) ? printable(event.at) : formatLocal(at)
  const ip = event.sourceIp.includes(':') ? `[${event.sourceIp}]` : event.sourceIp
  const source = printable(`${ip}:${event.sourcePort}`).padEnd(21)
  const what = printable(event.method ?? event.kind).padEnd(8)
  const number = printable(shownNumber(event) ?? '-').padEnd(14)
  const times = event.count > 1 ? `  (${event.count} times)` : ''
  const start = `${time} ${printable(event.transport).padEnd(3)} ${source} `
  const rest = `${what} ${number} ${printable(event.userAgent ?? '-')}${shownClient(event)}${times}`
  const room = columns === undefined ? rest : fit(rest, Math.max(20, columns - start.length))
  return `${paint('dim', start)}${room}`
}

/** The program behind the user agent, and who it says it is: with the password, where that is known and may be shown. */
function shownClient({ tool, auth }: EventJson): string {
  const name = !tool || tool.evidence === 'user-agent' ? '' : `  [${printable(tool.name)}]`
  if (!auth) return name
  const { user, matchedPassword } = auth
  const password = matchedPassword === null || matchedPassword === HIDDEN_CREDENTIALS ? '' : `:${matchedPassword}`
  return `${name}  as ${printable(user + password)}`
}
